"""The hand-written generator graph against torch."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from export.generator import generator_contract, generator_graph
from export.generator_layers import Layer, Network
from runtime.comparison import psnr_db
from runtime.session import open_session
from trainer.generator.model import Generator

META = {"bundle": "test", "version": "3", "variant": "fp32"}


def generator(image_size: int, channels: int, detail: int = 0) -> Generator:
    torch.manual_seed(image_size)
    made = Generator(
        n_categories=3,
        image_size=image_size,
        channels=channels,
        z_dim=100,
        category_dim=8,
        width=8,
        detail=detail,
    )
    with torch.no_grad():
        for norm in made.norms:
            assert isinstance(norm, nn.BatchNorm2d)
            norm.running_mean.normal_(0, 0.2)  # type: ignore[union-attr]
            norm.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
        for convolution in made.convolutions:
            convolution.weight.mul_(9 if isinstance(convolution, nn.Conv2d) else 6)  # type: ignore[operator]
    return made.eval()


@pytest.mark.parametrize("image_size", [28, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("detail", [0, 5])
def test_the_graph_paints_as_torch_does(image_size: int, channels: int, detail: int) -> None:
    model = generator(image_size, channels, detail)
    session = open_session(generator_graph(Network.of(model), META), "cpu")
    z = np.random.default_rng(0).standard_normal((12, 100), dtype=np.float32)
    category = (np.arange(12) % 3)[:, None]
    with torch.no_grad():
        drawn = model(torch.from_numpy(z), torch.from_numpy(category[:, 0]))
        expected = model.to_uint8(drawn).numpy()
    (image,) = session.run({"z": z, "category": category}, ["image"])
    assert image.dtype == np.uint8
    assert image.shape == (12, image_size, image_size, channels)
    assert expected.std() > 20  # not one flat colour, which would prove nothing
    assert np.abs(image.astype(int) - expected).max() <= 1
    assert psnr_db(expected, image) >= 55


def test_the_scaling_to_bytes_covers_the_whole_range() -> None:
    values = torch.tensor([-1.0, 0.0, 1.0, 1 / 255]).view(1, 1, 2, 2)
    # 127.5 rounds to the even 128; 1/255 gives 128 exactly.
    assert Generator.to_uint8(values).flatten().tolist() == [0, 128, 255, 128]


def test_batch_norm_is_folded_exactly() -> None:
    torch.manual_seed(0)
    convolution = nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1, bias=False)
    norm = nn.BatchNorm2d(3).eval()
    with torch.no_grad():
        norm.running_mean.normal_()  # type: ignore[union-attr]
        norm.running_var.uniform_(0.1, 3)  # type: ignore[union-attr]
        norm.weight.normal_()
        norm.bias.normal_()
    layer = Layer.of(convolution, norm)
    x = torch.randn(2, 4, 5, 5)
    direct = nn.functional.conv_transpose2d(
        x, torch.from_numpy(layer.weight), torch.from_numpy(layer.bias), stride=2, padding=1
    )
    torch.testing.assert_close(direct, norm(convolution(x)), rtol=1e-5, atol=1e-5)


def test_the_model_keeps_the_contract() -> None:
    model = generator(32, 3)
    content = onnx.load_from_string(generator_graph(Network.of(model), META))
    onnx.checker.check_model(content, full_check=True)
    assert not [node for node in content.graph.node if node.op_type == "BatchNormalization"]
    inputs, outputs = generator_contract(Network.of(model))
    assert inputs[0] == {"name": "z", "dtype": "float32", "shape": ["batch", 100]}
    assert inputs[1] == {"name": "category", "dtype": "int64", "shape": ["batch", 1]}
    assert outputs == [{"name": "image", "dtype": "uint8", "shape": ["batch", 32, 32, 3]}]
    axes = content.graph.output[0].type.tensor_type.shape.dim
    assert [axis.dim_param or axis.dim_value for axis in axes] == outputs[0]["shape"]
