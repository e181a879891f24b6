"""The fp32 graph as NNCF quantizes it for OpenVINO."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.generator_export.side import Feeds, Side


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
