"""What bench measures, on a clock that the test turns: no figure here depends on the machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import runtime.bench
from runtime.bench import WARM_UP_ROUNDS, Length, bench_bundle, interleave, summarise
from runtime.bundle import open_bundle
from runtime.session_cost import SessionCost
from runtime.version import __version__
from tests.damage import Damage

Run = Callable[..., tuple[int, str, str]]
MS = 1_000_000


class Clock:
    """A clock that only moves when a session runs."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class Turn:
    """A session that takes as long as it is told, and writes down what it was asked."""

    def __init__(self, name: str, clock: Clock, log: list[tuple[str, Any]], *costs_ms: int) -> None:
        self._name, self._clock, self._log, self._costs_ms = name, clock, log, costs_ms
        self._runs = 0

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
        self._log.append((self._name, feeds))
        self._clock.now_ns += self._costs_ms[self._runs % len(self._costs_ms)] * MS
        self._runs += 1
        return []


def taken(length: Length, **costs_ms: Sequence[int]) -> tuple[dict[str, list[int]], list[Any]]:
    clock, log = Clock(), list[tuple[str, Any]]()
    sessions: Any = {name: Turn(name, clock, log, *costs) for name, costs in costs_ms.items()}
    pool: Any = ["first", "second"]
    return interleave(sessions, ["y"], pool, length, clock), log


def test_variants_run_in_turns_on_the_same_requests() -> None:
    found, log = taken(Length(rounds=3), fp32=[4], int8=[1])
    assert found == {"fp32": [4 * MS] * 3, "int8": [1 * MS] * 3}
    counted = log[WARM_UP_ROUNDS * 2 :]
    assert counted == [
        ("fp32", "first"), ("int8", "first"),
        ("int8", "second"), ("fp32", "second"),
        ("fp32", "first"), ("int8", "first"),
    ]  # fmt: skip


def test_the_first_runs_are_not_counted() -> None:
    found, log = taken(Length(rounds=2), fp32=[900, 800, 700, 5, 6])
    assert found == {"fp32": [5 * MS, 6 * MS]}
    assert len(log) == 5


def test_a_measurement_ends_with_its_seconds() -> None:
    found, _ = taken(Length(seconds=0.1), fp32=[10], int8=[5])
    # 2 x 0.1 s are there, a round takes 15 ms: the 14th ends at 210 ms.
    assert [len(runs) for runs in found.values()] == [14, 14]
    slow, _ = taken(Length(seconds=0.1), fp32=[400])
    assert len(slow["fp32"]) == 5  # no percentile of fewer


def test_figures_worked_out_by_hand() -> None:
    fp32 = [n * MS for n in range(1, 21)]  # 1 to 20 ms, 210 ms together
    int8 = [2 * MS] * 19 + [40 * MS]  # 78 ms together
    base, quick = summarise("recommender", 8, 2, {"fp32": fp32, "int8": int8})
    assert (base.model, base.variant, base.batch, base.rounds) == ("recommender", "fp32", 8, 20)
    assert base.threads == quick.threads == 2
    assert (base.p50_ms, base.p95_ms, base.speedup) == (10, 19, 1)
    assert base.per_second == pytest.approx(20 * 8 / 0.210)
    assert (quick.p50_ms, quick.p95_ms, quick.speedup) == (2, 2, 5)
    assert quick.per_second == pytest.approx(20 * 8 / 0.078)
    (alone,) = summarise("generator", 1, 1, {"int8": [MS]})
    assert (alone.p50_ms, alone.p95_ms, alone.speedup) == (1, 1, None)


def two_variants(damage: Damage) -> None:
    """Give the generator an int8 that is the same graph."""
    content = (damage.folder / "generator" / "fp32.onnx").read_bytes()
    damage.replace("generator/int8.onnx", content)

    def add(document: dict[str, Any]) -> None:
        variants = document["generator"]["variants"]
        variants["int8"] = {**variants["fp32"], "file": "generator/int8.onnx"}

    damage.manifest(add)


def test_every_variant_at_every_batch_size(copy: Path, damage: Damage) -> None:
    two_variants(damage)
    report = bench_bundle(open_bundle(copy), "cpu", [1], [1, 30], Length(rounds=2))
    assert report.provider == "cpu"
    assert [(t.model, t.variant, t.batch, t.rounds) for t in report.timings] == [
        ("recommender", "fp32", 1, 2), ("recommender", "fp32", 30, 2),
        ("generator", "fp32", 1, 2), ("generator", "int8", 1, 2),
        ("generator", "fp32", 30, 2), ("generator", "int8", 30, 2),
    ]  # fmt: skip
    assert [(cost.model, cost.variant) for cost in report.sessions] == [
        ("recommender", "fp32"), ("generator", "fp32"), ("generator", "int8"),
    ]  # fmt: skip
    size = (copy / "generator" / "int8.onnx").stat().st_size
    assert report.sessions[-1].file_bytes == size


def test_every_thread_count_by_itself_and_each_once(copy: Path, damage: Damage) -> None:
    two_variants(damage)
    report = bench_bundle(open_bundle(copy), "cpu", [3, 1, 3], [2], Length(rounds=1))
    assert [(t.model, t.variant, t.threads) for t in report.timings] == [
        ("recommender", "fp32", 1), ("recommender", "fp32", 3),
        ("generator", "fp32", 1), ("generator", "int8", 1),
        ("generator", "fp32", 3), ("generator", "int8", 3),
    ]  # fmt: skip
    assert len(report.sessions) == 3


@pytest.mark.parametrize(("cores", "expected"), [(1, [1]), (2, [1, 2]), (16, [1, 4])])
def test_one_thread_and_as_many_as_a_run_gets(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, cores: int, expected: list[int]
) -> None:
    monkeypatch.setattr("runtime.session.usable_cores", lambda: cores)
    report = bench_bundle(open_bundle(tiny), "cpu", batches=[1], length=Length(rounds=1))
    assert sorted({timing.threads for timing in report.timings}) == expected


def test_requests_go_round_the_golden_vectors(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, np.ndarray]] = []

    def keep(sessions: Any, outputs: Any, pool: Any, length: Any) -> dict[str, list[int]]:
        asked.extend(pool)
        return {name: [1] for name in sessions}

    monkeypatch.setattr(runtime.bench, "interleave", keep)
    bundle = open_bundle(tiny)
    bench_bundle(bundle, "cpu", [1], [5])
    recommender = bundle.arrays("golden/recommender.npz")
    generator = bundle.arrays("golden/generator.npz")
    assert len(asked) == 16
    users = np.concatenate([feeds["user"][:, 0] for feeds in asked[:8]])
    np.testing.assert_array_equal(users, np.resize(recommender["user"], 40))
    baskets = np.concatenate([feeds["basket"] for feeds in asked[:8]])
    np.testing.assert_array_equal(baskets, np.resize(recommender["basket"], (40, 4)))
    assert asked[0]["allowed"].shape == (5, 11)
    latents = np.concatenate([feeds["z"] for feeds in asked[8:]])
    np.testing.assert_array_equal(latents, np.resize(generator["z"], (40, 8)))


def test_large_batches_are_fewer(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pools: list[int] = []

    def keep(sessions: Any, outputs: Any, pool: Any, length: Any) -> dict[str, list[int]]:
        pools.append(len(pool))
        return {name: [1] for name in sessions}

    monkeypatch.setattr(runtime.bench, "interleave", keep)
    monkeypatch.setattr(runtime.bench, "_POOL_BYTES", 100)
    bench_bundle(open_bundle(tiny), "cpu", [1], [1, 64])
    # a request of 8 + 4 * 8 + 11 = 51 bytes, a picture of 8 * 4 + 8 = 40: two and three reach 100
    assert pools == [2, 1, 3, 1]


def test_a_graph_that_cannot_be_opened(endcap: Run, copy: Path, damage: Damage) -> None:
    def misspell(model: onnx.ModelProto) -> None:
        model.graph.node[0].op_type = "Gahter"

    damage.graph("generator/fp32.onnx", misspell)
    code, out, err = endcap("bench", copy, "--rounds", 1)
    assert (code, out) == (2, "")
    assert "the generator's fp32 cannot be opened" in err


def test_no_golden_requests(endcap: Run, copy: Path, damage: Damage) -> None:
    golden = copy / "golden" / "generator.npz"
    with np.load(golden) as archive:
        empty = {name: array[:0] for name, array in archive.items()}
    np.savez(golden, **empty)
    damage.replace("golden/generator.npz", golden.read_bytes())
    code, _, err = endcap("bench", copy, "--rounds", 1, "--batch", 1)
    assert code == 2
    assert "the generator has no golden vectors to ask with" in err


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let opening cost what the test says, without a process for each."""

    def cost(model: str, variant: str, content: bytes, *_: Any) -> SessionCost:
        resident = None if model == "generator" else 3_500_000
        return SessionCost(model, variant, len(content), 12.5, resident)

    monkeypatch.setattr(runtime.bench, "session_cost", cost)


@pytest.mark.usefixtures("no_process")
def test_the_table(endcap: Run, tiny: Path) -> None:
    code, out, err = endcap(
        "bench", tiny, "--rounds", 2, "--batch", 1, "--batch", 4, "--threads", 2
    )
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[0][:5] == ["model", "variant", "batch", "threads", "runs"]
    assert [line[:5] for line in lines[1:5]] == [
        ["recommender", "fp32", "1", "2", "2"], ["recommender", "fp32", "4", "2", "2"],
        ["generator", "fp32", "1", "2", "2"], ["generator", "fp32", "4", "2", "2"],
    ]  # fmt: skip
    assert all(line[-1] == "1.00x" for line in lines[1:5])
    assert lines[7] == ["recommender", "fp32", "0.00", "MB", "12.5", "3.50", "MB"]
    assert lines[8] == ["generator", "fp32", "0.01", "MB", "12.5", "-"]
    assert out.endswith("\non cpu\n")


@pytest.mark.usefixtures("no_process")
def test_json(endcap: Run, tiny: Path) -> None:
    code, out, err = endcap("bench", tiny, "--rounds", 1, "--threads", 1, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert list(document) == [
        "bundle", "provider", "threads", "device", "versions", "timings", "sessions",
    ]  # fmt: skip
    assert document["bundle"] == {"name": "tiny-store", "version": 3}
    assert (document["provider"], document["threads"]) == ("cpu", [1])
    assert document["versions"]["endcap"] == __version__
    keys = [
        "model", "variant", "batch", "threads",
        "rounds", "p50_ms", "p95_ms", "per_second", "speedup",
    ]  # fmt: skip
    assert all(list(timing) == keys for timing in document["timings"])
    assert [timing["batch"] for timing in document["timings"]] == [1, 8, 64] * 2
    keys = ["model", "variant", "file_bytes", "load_ms", "resident_bytes"]
    assert all(list(cost) == keys for cost in document["sessions"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--seconds", 1, "--rounds", 2], "--seconds 1 and --rounds 2 are both given"),
        (["--batch", 0], "0 is not in the range"),
        (["--rounds", 0], "0 is not in the range"),
        (["--threads", 0], "threads is 0"),
        (["--provider", "tpu"], "'tpu'"),
    ],
)
def test_wrong_use(endcap: Run, tiny: Path, options: list[object], said: str) -> None:
    code, out, err = endcap("bench", tiny, *options)
    assert (code, out) == (2, "")
    assert said in err
