"""Pictures a second of the generator's exported graphs beside what other exports make of it.

python -m benchmarks.generator_export [--run RUN] [--rounds 60]    (make generator-export)

The same generator goes through endcap's export (fp32, fp16, int8), torch's own exporter, ONNX
Runtime's dynamic and static quantization of the fp32 graph, and OpenVINO's post-training
quantization (NNCF). All take turns in one process, on one thread of one core, a few runs at a
time; medians over core time, ratios to endcap's fp32, PSNR against torch and file sizes are
printed, and whether the goals are met. What is not installed is left out, and said so.

Without ``--run`` weights are drawn as training begins, batch norm is measured, and the last layer
is made three times as strong: pictures of full contrast, at the sizes the goals are stated for.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import click
import numpy as np
import onnxruntime as ort
import torch

from benchmarks.goal import hold
from benchmarks.turns import on_one_core, take_turns
from export.generator import generator_graph
from export.generator_calibration import int8_graph
from export.generator_layers import Network
from export.requests import fresh_pictures
from runtime.comparison import psnr_db
from runtime.golden import GeneratorGolden
from runtime.session import open_session
from trainer.generator.model import Generator
from trainer.generator.train import load_generator
from trainer.run import Run

N_CATEGORIES, Z_DIM, CATEGORY_DIM = 10, 100, 16
SIZES = ((64, 3, 64), (32, 1, 64))  # pixels a side, channels, width
BATCHES = (1, 16)
PICTURES = 256  # that PSNR is over
CALIBRATION_PICTURES = 64  # for the peers; endcap takes its own
OURS, INT8, TORCH, OPENVINO = "endcap fp32", "endcap int8", "torch's exporter", "OpenVINO int8"
Feeds = Mapping[str, np.ndarray]


class Painter(Protocol):
    """Anything that runs one graph."""

    def run(self, feeds: Feeds, outputs: Sequence[str]) -> Sequence[np.ndarray]:
        """Return the outputs for ``feeds``."""


@dataclass(frozen=True)
class Side:
    """One contender: what runs it, and the bytes of its file."""

    painter: Painter
    size_bytes: int


@dataclass(frozen=True)
class Figures:
    """What was found of a contender: milliseconds a picture by batch, PSNR in dB, bytes."""

    ms: Mapping[int, float]
    psnr_db: float
    size_bytes: int


def drawn_generator(image_size: int, channels: int, width: int) -> Generator:
    """Make a generator of full contrast from a seed, with measured batch norm."""
    torch.manual_seed(0)
    made = Generator(
        n_categories=N_CATEGORIES,
        image_size=image_size,
        channels=channels,
        z_dim=Z_DIM,
        category_dim=CATEGORY_DIM,
        width=width,
    )
    for norm in made.norms:
        norm.momentum = None  # type: ignore[assignment]  # the mean over all batches
    with torch.no_grad():
        for _ in range(4):
            made(torch.randn(64, Z_DIM), torch.randint(0, N_CATEGORIES, (64,)))
        made.convolutions[-1].weight.mul_(3)  # type: ignore[operator]
    return made.eval()


class Whole(torch.nn.Module):
    """The generator with its scaling to bytes, as one would hand it to torch's exporter."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, z: torch.Tensor, category: torch.Tensor) -> torch.Tensor:
        """Draw uint8 [batch, height, width, channels]."""
        return self.generator.to_uint8(self.generator(z, category[:, 0]))


def by_torchs_exporter(generator: Generator, folder: Path) -> bytes:
    """Export as the documentation says, with a symbolic batch."""
    example = (torch.zeros(2, generator.z_dim), torch.zeros(2, 1, dtype=torch.int64))
    batch = torch.export.Dim("batch")
    path = folder / "torch.onnx"
    torch.onnx.export(
        Whole(generator).eval(),
        example,
        path,
        dynamo=True,
        external_data=False,
        input_names=["z", "category"],
        output_names=["image"],
        dynamic_shapes={"z": {0: batch}, "category": {0: batch}},
        verbose=False,
    )
    return path.read_bytes()


def by_dynamic_quantization(fp32: Path, folder: Path) -> bytes:
    """Let ONNX Runtime quantize weights only."""
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(fp32, folder / "dynamic.onnx", per_channel=True)
    return (folder / "dynamic.onnx").read_bytes()


def by_static_quantization(fp32: Path, folder: Path, calibration: Sequence[Feeds]) -> bytes:
    """Let ONNX Runtime quantize weights and maps (QDQ, per channel)."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(calibration)

        def get_next(self) -> Feeds | None:
            return next(self.left, None)

    quantize_static(
        fp32,
        folder / "static.onnx",
        Reader(),
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return (folder / "static.onnx").read_bytes()


class OpenVino:
    """A model compiled by OpenVINO for one thread and low latency."""

    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()

    def run(self, feeds: Feeds, outputs: Sequence[str]) -> Sequence[np.ndarray]:
        """See :class:`Painter`."""
        found = self._request.infer(dict(feeds))
        return [found[0]]


def by_openvino(fp32: bytes, folder: Path, calibration: Sequence[Feeds]) -> Side:
    """Let NNCF quantize the fp32 graph for OpenVINO."""
    import nncf
    import openvino

    nncf.set_log_level(logging.ERROR)
    core = openvino.Core()
    data = nncf.Dataset([dict(feeds) for feeds in calibration])
    with contextlib.redirect_stdout(io.StringIO()):  # a progress bar
        model = nncf.quantize(core.read_model(fp32), data, subset_size=len(calibration))
    openvino.save_model(model, folder / "openvino.xml")
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1}
    size_bytes = sum(path.stat().st_size for path in folder.glob("openvino.*"))
    return Side(OpenVino(core.compile_model(model, "CPU", hints)), size_bytes)


def contenders(generator: Generator, folder: Path) -> dict[str, Side]:
    """Build every side; those whose packages are not there are left out and said."""
    network = Network.of(generator)
    fp32 = generator_graph(network, {})
    path = folder / "fp32.onnx"
    path.write_bytes(fp32)
    latents = fresh_pictures(generator, CALIBRATION_PICTURES, seed=2)
    calibration = [latents.pick([place]) for place in range(len(latents))]

    def ours(graph: bytes) -> Side:
        return Side(open_session(graph, "cpu", 1), len(graph))

    builders: dict[str, Callable[[], Side]] = {
        OURS: lambda: ours(fp32),
        "endcap fp16": lambda: ours(generator_graph(network, {}, "float16")),
        INT8: lambda: ours(int8_graph(network, {}, print)),
        TORCH: lambda: ours(by_torchs_exporter(generator, folder)),
        "ORT dynamic int8": lambda: ours(by_dynamic_quantization(path, folder)),
        "ORT static int8": lambda: ours(by_static_quantization(path, folder, calibration)),
        OPENVINO: lambda: by_openvino(fp32, folder, calibration),
    }
    sides = {}
    for name, build in builders.items():
        try:
            sides[name] = build()
        except ImportError as error:
            print(f"{name} is left out: {error}; make export-peers installs it")
    return sides


def timed(
    sides: Mapping[str, Side], batches: Sequence[Feeds], rounds: int, runs: int
) -> dict[str, float]:
    """Return the median seconds of core time of a run of each side, ``runs`` of them a turn."""

    def asker(painter: Painter) -> Callable[[int], object]:
        return lambda number: painter.run(batches[number % len(batches)], ["image"])

    return take_turns({name: asker(side.painter) for name, side in sides.items()}, rounds, runs)


def measure(
    sides: Mapping[str, Side], fresh: GeneratorGolden, rounds: int, runs: int
) -> dict[str, Figures]:
    """Time every side at every batch size, and compare its pictures with torch's."""
    ms: dict[str, dict[int, float]] = {name: {} for name in sides}
    for batch in BATCHES:
        starts = range(0, min(len(fresh), 8 * batch), batch)
        pool = [fresh.feeds(start, start + batch) for start in starts]
        fewer = max(3, rounds * 4 // (3 + batch))
        for name, seconds in timed(sides, pool, fewer, runs).items():
            ms[name][batch] = seconds * 1000 / batch
    figures = {}
    for name, side in sides.items():
        drawn = [np.asarray(side.painter.run(feeds, ["image"])[0]) for feeds in fresh.batches()]
        quality = psnr_db(fresh.image, np.concatenate(drawn))
        figures[name] = Figures(ms[name], quality, side.size_bytes)
    return figures


def table(found: Mapping[str, Figures]) -> list[str]:
    """Lay out every side, its ratio to endcap's fp32 beside its time."""
    base = found[OURS]
    head = "".join(f"  batch {batch:2}, ms a picture" for batch in BATCHES)
    lines = [f"{'':18}{head}   PSNR dB       file"]
    for name, one in found.items():
        times = "".join(
            f"{one.ms[batch]:15.3f} {base.ms[batch] / one.ms[batch]:6.2f}x" for batch in BATCHES
        )
        share = one.size_bytes / base.size_bytes
        quality = "exact" if one.psnr_db >= 999 else f"{one.psnr_db:.1f}"
        size = f"{one.size_bytes / 1e6:6.2f} MB {share:4.0%}"
        lines.append(f"{name:18}{times}   {quality:>7}  {size}")
    return lines


def goals(found: Mapping[str, Figures]) -> list[str]:
    """Hold the figures of the 64 px generator against what was aimed at."""
    fp32, int8 = found[OURS], found[INT8]
    lines = []

    for batch, goal, stretch in ((1, 3.2, 3.8), (16, 3.5, 4.0)):
        ratio = fp32.ms[batch] / int8.ms[batch]
        lines.append(hold(f"int8 beside fp32, batch {batch}", ratio, goal))
        lines.append(hold(f"int8 beside fp32, batch {batch}, stretch", ratio, stretch))
        if OPENVINO in found:
            ratio = found[OPENVINO].ms[batch] / int8.ms[batch]
            lines.append(hold(f"int8 beside OpenVINO's, batch {batch}", ratio, 1.0))
        if TORCH in found:  # less than 5 % is the clock's
            ratio = found[TORCH].ms[batch] / fp32.ms[batch]
            lines.append(hold(f"fp32 beside torch's exporter, batch {batch}", ratio, 0.95))
    lines.append(hold("int8 PSNR in dB", int8.psnr_db, 42.0))
    lines.append(
        hold("int8 file beside fp32's", int8.size_bytes / fp32.size_bytes, 0.30, at_most=True)
    )
    return lines


@click.command()
@click.option(
    "--run",
    "run_folder",
    type=click.Path(exists=True, path_type=Path),
    help="A finished run of endcap train generator, instead of drawn weights.",
)
@click.option("--rounds", default=60, show_default=True, help="Turns of each side at batch 1.")
@click.option("--runs", default=5, show_default=True, help="Runs in a turn.")
def main(run_folder: Path | None, rounds: int, runs: int) -> None:
    """Print the table of each size, and the goals of the first."""
    core = on_one_core()
    torch.set_num_threads(1)
    for name in ("", "torch.onnx"):  # exporters and quantizers remark on every node
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    print(f"onnxruntime {ort.__version__}, torch {torch.__version__}; one thread on core {core}")
    if run_folder is not None:
        made = [load_generator(Run.open(run_folder, "generator"))[0]]
    else:
        made = [drawn_generator(*size) for size in SIZES]
    for number, generator in enumerate(made):
        channels = "grey" if generator.channels == 1 else "colour"
        print(f"\n{generator.image_size} px, {channels}", flush=True)
        with tempfile.TemporaryDirectory() as name:
            fresh = fresh_pictures(generator, PICTURES, seed=1)
            found = measure(contenders(generator, Path(name)), fresh, rounds, runs)
        print("\n".join(table(found)))
        if number == 0 and run_folder is None:
            print("\n" + "\n".join(goals(found)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
