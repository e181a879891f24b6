"""Transposed convolutions as plain ones: the same numbers as torch's, whatever the form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from export import generator_rewritten
from export.generator_layers import Layer, Network
from export.generator_rewritten import Float32, rewritten_graph
from export.upsampling import Form, blocks, choose_form, kernel, phases
from runtime.onnx_wire import expose_outputs
from runtime.session import open_session

FORMS: dict[str, Callable[[int, int], Form]] = {
    "phases": lambda side, padding: Form(phases(side, padding), phases(side, padding)),
    "rows": lambda side, padding: Form(phases(side, padding), blocks(side, padding, 2)),
    "blocks of 2": lambda side, padding: Form(blocks(side, padding, 2), blocks(side, padding, 2)),
    "blocks of 4": lambda side, padding: Form(blocks(side, padding, 4), blocks(side, padding, 4)),
    "blocks of 6": lambda side, padding: Form(blocks(side, padding, 6), blocks(side, padding, 6)),
}


def network(
    side: int, inputs: int, outputs: int, padding: int, kernel: int = 4, stride: int = 2
) -> Network:
    """A first layer that makes a map of ``side``, and the transposed convolution of the test."""
    draw = np.random.default_rng(side * 1000 + inputs * 100 + outputs * 10 + padding)

    def layer(n_in: int, n_out: int, size: int, stride: int, pad: int, last: bool) -> Layer:
        weight = draw.standard_normal((n_in, n_out, size, size), dtype=np.float32)
        bias = draw.standard_normal(n_out, dtype=np.float32)
        return Layer(weight, bias, stride, pad, last)

    layers = (
        layer(5, inputs, side, 1, 0, False),
        layer(inputs, outputs, kernel, stride, padding, True),
    )
    vectors = draw.standard_normal((2, 2), dtype=np.float32)
    return Network(vectors, layers, 3, image_size=stride * (side - 1) + kernel - 2 * padding)


def by_torch(made: Network, z: np.ndarray, category: np.ndarray) -> np.ndarray:
    """Compute what is before tanh: [batch, outputs, height, width]."""
    vector = np.concatenate([z, made.category_vectors[category[:, 0]]], axis=1)
    x = torch.from_numpy(vector)[:, :, None, None]
    for layer in made.layers:
        weight, bias = torch.from_numpy(layer.weight), torch.from_numpy(layer.bias)
        x = F.conv_transpose2d(x, weight, bias, stride=layer.stride, padding=layer.padding)
        x = x if layer.last else F.relu(x)
    return x.numpy()


def assert_same(made: Network) -> None:
    graph = expose_outputs(rewritten_graph(made, {}, Float32()), ["joined_2"])
    z = np.random.default_rng(1).standard_normal((3, 3), dtype=np.float32)
    category = np.array([[0], [1], [0]])
    (tones,) = open_session(graph, "cpu").run({"z": z, "category": category}, ["joined_2"])
    wanted = by_torch(made, z, category).transpose(0, 2, 3, 1)
    assert wanted.shape[1] == made.image_size
    np.testing.assert_allclose(tones, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("form", "padding"),
    # Phases read no input that padding 3 skips, and are not chosen there.
    [(form, pad) for form in FORMS for pad in (1, 2, 3) if pad < 3 or form.startswith("blocks")],
)
@pytest.mark.parametrize(("side", "inputs", "outputs"), [(4, 6, 5), (7, 3, 1), (8, 4, 3)])
def test_every_form_is_torchs_transposed_convolution(
    form: str, padding: int, side: int, inputs: int, outputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        generator_rewritten,
        "choose_form",
        lambda side, i, o, padding, stride: FORMS[form](side, padding),
    )
    assert_same(network(side, inputs, outputs, padding))


@pytest.mark.parametrize("padding", [1, 2, 3])
@pytest.mark.parametrize(
    ("side", "inputs", "outputs"), [(4, 64, 32), (16, 20, 9), (16, 8, 1), (5, 7, 3)]
)
def test_the_chosen_form_is_torchs_transposed_convolution(
    side: int, inputs: int, outputs: int, padding: int
) -> None:
    assert_same(network(side, inputs, outputs, padding))


@pytest.mark.parametrize(("kernel", "padding"), [(3, 1), (5, 2), (1, 0)])
@pytest.mark.parametrize(("side", "inputs", "outputs"), [(5, 4, 1), (28, 16, 3)])
def test_stride_1_is_torchs_transposed_convolution(
    side: int, inputs: int, outputs: int, kernel: int, padding: int
) -> None:
    assert_same(network(side, inputs, outputs, padding, kernel, stride=1))


def test_a_phase_by_hand() -> None:
    """Output 0 of padding 1 is row 1 before its padding is cut off: x[-1] w[3] + x[0] w[1]."""
    even, odd = phases(4, 1).parts
    assert (even.taps, even.pads, even.places) == (((3, 1),), (1, 0), 4)
    assert (odd.taps, odd.pads, odd.places) == (((2, 0),), (0, 1), 4)


def test_a_block_by_hand() -> None:
    """The 10 rows of 4 inputs are 5 blocks of 2; padding 1 cuts a row off at either end."""
    axis = blocks(4, 1, 2)
    (part,) = axis.parts
    assert (part.taps, part.pads, part.places) == (((2, 0), (3, 1)), (1, 1), 5)
    assert (axis.crop, axis.outputs, axis.cropped) == ((1, 9), 10, True)
    assert not blocks(4, 2, 2).cropped  # padding 2 leaves whole blocks out, and nothing to cut


def test_a_kernel_by_hand() -> None:
    weight = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    (row,), (column, _) = blocks(4, 1, 2).parts, phases(4, 1).parts
    # Two rows (taps 2, 0 and 3, 1) of the even column (taps 3, 1).
    assert kernel(weight, row, column).tolist() == [[[[11, 9], [3, 1]]], [[[15, 13], [7, 5]]]]


@pytest.mark.parametrize(
    ("side", "inputs", "outputs", "rows", "columns"),
    [
        (4, 512, 256, 2, 2),  # four phases: no multiplication in vain
        (8, 256, 128, 2, 2),
        (16, 128, 64, 2, 1),  # two halves: less to put in place
        (32, 64, 3, 1, 1),  # few outputs are made in larger blocks
        (16, 64, 1, 1, 1),
    ],
)
def test_the_form_follows_the_size(
    side: int, inputs: int, outputs: int, rows: int, columns: int
) -> None:
    form = choose_form(side, inputs, outputs, 1, 2)
    assert (len(form.rows.parts), len(form.columns.parts)) == (rows, columns)
    made = len(form.rows.parts[0].taps) * len(form.columns.parts[0].taps) * outputs
    assert made >= 16  # fewer would take the slow kernels
