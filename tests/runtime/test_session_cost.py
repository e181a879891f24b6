"""What opening a graph costs, measured in a process of its own that may die."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import runtime.session_cost
from runtime.errors import UnusableInput
from runtime.session_cost import session_cost


def table_of(size_bytes: int) -> bytes:
    """Return a graph that looks rows up in a table of ``size_bytes``."""
    table = np.ones((size_bytes // 4, 1), np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "row"], ["found"], "look_up")],
        "table",
        [helper.make_tensor_value_info("row", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("found", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(table, "table")],
    )
    imports = [helper.make_opsetid("", 18)]
    content: bytes = helper.make_model(
        graph, opset_imports=imports, ir_version=9
    ).SerializeToString()
    return content


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_is_that_of_the_graph() -> None:
    little, much = (
        session_cost("m", "fp32", table_of(size), "cpu", 1) for size in (4_000, 60_000_000)
    )
    assert little.resident_bytes is not None
    assert much.resident_bytes is not None
    assert much.file_bytes - little.file_bytes == pytest.approx(60_000_000, abs=10_000)
    grown = much.resident_bytes - little.resident_bytes
    assert 50_000_000 < grown < 80_000_000  # the table once, and not the file beside it
    assert much.load_ms > 0


def test_memory_that_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: Any, **__: Any) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    assert runtime.session_cost._resident_bytes() is None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "it ended with -4"),
        ("raise SystemExit('no memory left')", "no memory left"),
        ("import time; time.sleep(60)", "timed out"),
    ],
)
def test_a_process_that_dies(monkeypatch: pytest.MonkeyPatch, code: str, said: str) -> None:
    monkeypatch.setattr(runtime.session_cost, "_COMMAND", (sys.executable, "-c", code))
    monkeypatch.setattr(runtime.session_cost, "_LIMIT_S", 60 if "sleep" not in code else 0.2)
    with pytest.raises(UnusableInput, match=rf"recommender's int8 cannot be opened.*{said}"):
        session_cost("recommender", "int8", b"", "cpu", None)
