"""A provider is what it says it is: asked for and not obtained is an error, never a fallback."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from runtime import session
from runtime.device import CpuClass
from runtime.errors import MissingCapability, UnusableInput
from runtime.session import available_providers, open_session, resolve_provider
from runtime.store import load
from tests.providers import CPU, CUDA, pretend

Offer = Callable[..., None]


@pytest.fixture
def graph(tiny: Path) -> bytes:
    return (tiny / "generator" / "fp32.onnx").read_bytes()


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Pretend that onnxruntime offers, and then obtains, these providers."""

    def offering(*offered: str, obtained: tuple[str, ...] = (CPU,)) -> None:
        pretend(monkeypatch, *offered, obtained=obtained)

    return offering


def test_cpu(graph: bytes) -> None:
    session = open_session(graph, "cpu", 1)
    assert session.provider == "cpu"
    assert session.input_names == ("z", "category")
    assert session.output_names == ("image",)
    feeds = {"z": np.zeros((2, 8), np.float32), "category": np.zeros((2, 1), np.int64)}
    (image,) = session.run(feeds)
    assert image.shape == (2, 8, 8, 3)


def test_cuda_not_offered(graph: bytes, offer: Offer, tiny: Path) -> None:
    offer(CPU)
    with pytest.raises(MissingCapability, match=r"pip install 'endcap\[gpu\]'"):
        open_session(graph, "cuda")
    with pytest.raises(MissingCapability, match="this onnxruntime has none"):
        load(tiny, provider="cuda")  # at once, not at the first request


def test_cuda_offered_but_not_obtained(graph: bytes, offer: Offer) -> None:
    """onnxruntime-gpu on a machine without CUDA says nothing and runs on the CPU."""
    offer(CUDA, CPU, obtained=(CPU,))
    with pytest.raises(MissingCapability, match="fell back to the CPU"):
        open_session(graph, "cuda")
    with pytest.raises(MissingCapability, match="fell back to the CPU"):
        open_session(graph, "auto")


def test_auto_goes_to_the_cpu_and_says_so_in_every_answer(offer: Offer, tiny: Path) -> None:
    offer(CUDA, CPU, obtained=(CPU,))
    store = load(tiny, "auto", threads=1)
    answer = store.recommend(k=3)
    assert (answer.provider, answer.requested_provider) == ("cpu", "auto")
    assert answer.degraded == ("provider_fallback",)
    assert "fell back to the CPU" in str(store.where.why)
    drawn = store.generate("Tea", n=1)
    assert (drawn.provider, drawn.requested_provider) == ("cpu", "auto")
    with pytest.raises(MissingCapability, match="fell back to the CPU"):
        load(tiny, "cuda").recommend(k=3)


def test_auto_where_there_never_was_cuda(offer: Offer, tiny: Path) -> None:
    offer(CPU)
    store = load(tiny, "auto", threads=1)
    assert store.recommend(k=3).degraded == ()
    assert store.where.to_json() == {
        "requested": "auto",
        "actual": "cpu",
        "fallback": "the installed onnxruntime offers no CUDA",
    }
    assert load(tiny, "cpu").where.why is None


def test_cuda_obtained(graph: bytes, offer: Offer) -> None:
    offer(CUDA, CPU, obtained=(CUDA, CPU))
    assert open_session(graph, "cuda").provider == "cuda"
    assert open_session(graph, "auto").provider == "cuda"
    assert open_session(graph, "cpu").provider == "cpu"


def test_auto_takes_what_is_there(offer: Offer) -> None:
    offer(CPU)
    assert resolve_provider("auto") == "cpu"
    assert available_providers() == (CPU,)


@pytest.mark.parametrize("provider", ["gpu", "", "CPU"])
def test_unknown_provider(graph: bytes, provider: str) -> None:
    with pytest.raises(UnusableInput, match=f"unknown provider '{provider}'"):
        open_session(graph, provider)


@pytest.mark.parametrize("threads", [0, -1])
def test_threads_out_of_range(graph: bytes, threads: int) -> None:
    with pytest.raises(UnusableInput, match=f"threads is {threads}"):
        open_session(graph, "cpu", threads)


def test_threads_do_not_spin(graph: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    real = onnxruntime.SessionOptions

    def noted() -> Any:
        made.append(real())
        return made[-1]

    monkeypatch.setattr(onnxruntime, "SessionOptions", noted)
    open_session(graph, "cpu", 2)
    (options,) = made
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.intra_op_num_threads == 2
    assert options.inter_op_num_threads == 1


def test_without_onnxruntime(graph: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingCapability, match=r"pip install 'endcap\[cpu\]'"):
        open_session(graph, "cpu")


def test_half_removed_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left when one of onnxruntime and onnxruntime-gpu was uninstalled."""
    monkeypatch.setitem(sys.modules, "onnxruntime", types.ModuleType("onnxruntime"))
    with pytest.raises(MissingCapability, match=r"pip uninstall -y onnxruntime onnxruntime-gpu"):
        available_providers()


def test_broken_model() -> None:
    with pytest.raises(UnusableInput, match="cannot open the graph"):
        open_session(b"no model", "cpu")


def test_wrong_inputs(graph: bytes) -> None:
    session = open_session(graph, "cpu", 1)
    with pytest.raises(UnusableInput, match="cannot run the graph"):
        session.run({"z": np.zeros((2, 8), np.float32)})


@pytest.mark.parametrize(
    ("cpu", "entry"),
    [
        (CpuClass("x86-64 with VNNI", True), None),
        (CpuClass("x86-64 without VNNI", False), "1"),
        (CpuClass("a CPU whose instructions are not known", False), "1"),
    ],
)
def test_int8_sums_are_exact_where_the_cpu_adds_in_16_bits(
    graph: bytes, cpu: CpuClass, entry: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    session._adds_in_16_bits.cache_clear()
    monkeypatch.setattr(session, "cpu_class", lambda: cpu)
    opened = open_session(graph, "cpu", 1)
    session._adds_in_16_bits.cache_clear()
    options = opened._inner.get_session_options()
    key = "session.x64quantprecision"
    if entry is None:
        with pytest.raises(RuntimeError, match=key):
            options.get_session_config_entry(key)
    else:
        assert options.get_session_config_entry(key) == entry
