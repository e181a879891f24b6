"""Who takes part: endcap's own variants, and every peer that is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.generator_export.openvino import by_openvino
from benchmarks.generator_export.ort_quantizers import (
    by_dynamic_quantization,
    by_static_quantization,
)
from benchmarks.generator_export.side import Side
from benchmarks.generator_export.torch_exporter import by_torchs_exporter
from export.generator import generator_graph
from export.generator_calibration import int8_graph
from export.generator_layers import Network
from export.requests import fresh_pictures
from runtime.session import open_session
from trainer.generator.model import Generator

OURS, INT8, TORCH, OPENVINO = "endcap fp32", "endcap int8", "torch's exporter", "OpenVINO int8"
CALIBRATION_PICTURES = 64  # for the peers; endcap takes its own


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
