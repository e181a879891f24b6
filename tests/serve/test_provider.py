"""Where graphs were to run, and where they do: in every answer, in ready, in the metrics."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import complaint, run
from tests.providers import CPU, CUDA, pretend
from tests.serve.served import TINY, Served, serving

TENSORS = {
    "inputs": [
        {"name": "z", "shape": [1, 8], "datatype": "FP32", "data": [0.5] * 8},
        {"name": "category", "shape": [1, 1], "datatype": "INT64", "data": [1]},
    ]
}


def providers(server: Served) -> list[tuple[str, str]]:
    """Return (requested, actual) of every kind of answer that a graph gives."""
    items = [
        server.recommend(k=1, basket=["TEA"]),
        server.client.get("/v1/similar/TEA?k=1").json(),
        server.client.post("/v2/models/generator/infer", json=TENSORS).json()["parameters"],
    ]
    drawn = server.client.get("/v1/images/Tea").headers
    again = server.client.get("/v1/images/Tea", headers={"if-none-match": drawn["etag"]}).headers
    return [
        *((one["requested_provider"], one["provider"]) for one in items),
        *((h["endcap-requested-provider"], h["endcap-provider"]) for h in (drawn, again)),
    ]


def test_cuda_that_is_offered_and_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, CUDA, CPU, obtained=(CPU,))
    with serving(provider="auto") as server:
        assert providers(server) == [("auto", "cpu")] * 5
        assert server.recommend(k=1)["degraded"] == ["provider_fallback"]
        told = server.client.get("/v2/health/ready").json()["provider"]
        assert (told["requested"], told["actual"]) == ("auto", "cpu")
        assert told["fallback"].startswith("CUDA does not work: ")
        assert server.metric("endcap_provider_fallback") == 1
        assert server.metric('endcap_provider_info{actual="cpu",requested="auto"}') == 1
        assert server.metric('endcap_degraded_total{reason="provider_fallback"}') == 3


def test_cuda_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, CUDA, CPU, obtained=(CUDA, CPU))
    with serving(provider="auto") as server:
        assert providers(server) == [("auto", "cuda")] * 5
        told = server.client.get("/v2/health/ready").json()["provider"]
        assert told == {"requested": "auto", "actual": "cuda", "fallback": None}
        assert server.metric("endcap_provider_fallback") == 0


def test_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, CUDA, CPU, obtained=(CUDA, CPU))
    with serving(provider="cpu") as server:
        assert providers(server) == [("cpu", "cpu")] * 5
        assert server.recommend(k=1)["degraded"] == []


@pytest.mark.parametrize("offered", [(CPU,), (CUDA, CPU)], ids=["not offered", "not obtained"])
@pytest.mark.parametrize("command", ["serve", "recommend", "similar", "generate", "bench"])
def test_cuda_without_cuda_is_exit_code_3(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, offered: tuple[str, ...]
) -> None:
    pretend(monkeypatch, *offered, obtained=(CPU,))
    more = {
        "serve": ["--port", 0],
        "similar": ["TEA"],
        "generate": ["--category", "Tea", "--out", tmp_path / "tea.png"],
    }
    said = run(command, TINY, *more.get(command, []), "--provider", "cuda")
    assert said.out == ""
    assert "pip install 'endcap[gpu]'" in complaint(said, 3)
