"""The fp32 graph as ONNX Runtime's quantizers rewrite it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.generator_export.side import Feeds


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
