"""What is kept, what is refused with which figure, and what becomes the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from export import variants
from export.draft import Draft
from export.graph import GraphBuilder, tensor
from export.parity import Parity
from export.variants import Refused, Trial, add_variants, fastest
from runtime.comparison import judge
from runtime.errors import CheckFailed, MissingCapability, UnusableInput
from runtime.golden import GeneratorGolden
from runtime.session import open_session

CONTRACT = ([tensor("z", "float32", "batch", 2)], [tensor("image", "float32", "batch", 2)])
REQUESTS = {"z": np.ones((1, 2), np.float32)}


def doubling(metadata: Mapping[str, str], padding: int = 0) -> bytes:
    """A graph that doubles z, and carries ``padding`` numbers about."""
    build = GraphBuilder()
    build.constant("two", np.full(2 + padding, 2, np.float32))
    build.integers("start", 0)
    build.integers("stop", 2)
    build.node("Slice", ["two", "start", "stop"], "factor")
    build.node("Mul", ["z", "factor"], "image")
    return build.finish("doubling", *CONTRACT, metadata)


def proof(psnr_db: float, variant: str = "int8") -> Parity:
    return Parity((judge("generator", variant, "psnr_db", 7, psnr_db),))


class Bench:
    """A draft with an fp32 graph, and speeds that are stated instead of measured."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cuda: bool = False) -> None:
        self.speeds: dict[tuple[str, str], float] = {}
        self.measured: list[tuple[str, set[str]]] = []
        self.said: list[str] = []
        self.broken: set[str] = set()
        providers = ("CUDAExecutionProvider",) if cuda else ()
        monkeypatch.setattr(variants, "measure_speedups", self.measure)
        monkeypatch.setattr(variants, "available_providers", lambda: providers)
        self.draft = Draft({"name": "shop", "version": 4})
        golden = GeneratorGolden(
            z=np.ones((1, 2), np.float32),
            category=np.zeros((1, 1), np.int64),
            image=np.zeros((1, 1, 1, 1), np.uint8),
        )
        graph = doubling(self.draft.metadata("fp32"), padding=100)
        self.draft.add_model("generator", graph, proof(99, "fp32"), golden, REQUESTS, CONTRACT, {})

    def measure(
        self, base: bytes, candidates: Mapping[str, bytes], pools: object, outputs: object,
        provider: str = "cpu",
    ) -> dict[str, float]:  # fmt: skip
        assert base == self.draft.files["generator/fp32.onnx"]
        assert outputs == ["image"]
        self.measured.append((provider, set(candidates)))
        if self.broken & {provider}:
            raise MissingCapability(f"{provider} does not work")
        return {name: self.speeds[provider, name] for name in candidates}

    def tried(self, **candidates: tuple[int, float, float]) -> dict[str, Any]:
        """Try variants, each (padding, PSNR, speed), and return the section."""

        def built(padding: int) -> Any:
            return lambda metadata: doubling(metadata, padding)

        for name, (_, _, speed) in candidates.items():
            self.speeds["cpu", name] = speed
        trial = Trial(
            model="generator",
            candidates={name: built(padding) for name, (padding, *_) in candidates.items()},
            parity=lambda variant, graph: proof(candidates[variant][1], variant),
            pools=[[REQUESTS]],
            requests=REQUESTS,
        )
        add_variants(self.draft, trial, self.said.append)
        section: dict[str, Any] = self.draft.manifest["generator"]
        return section


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_smaller_is_enough(bench: Bench) -> None:
    section = bench.tried(fp16=(0, 60.0, 0.98))
    assert list(section["variants"]) == ["fp32", "fp16"]
    kept = section["variants"]["fp16"]
    assert kept["file"] == "generator/fp16.onnx"
    assert kept["bytes"] == len(bench.draft.files["generator/fp16.onnx"])
    assert kept["bytes"] < section["variants"]["fp32"]["bytes"]
    assert (kept["speedup"], kept["parity"]) == (0.98, {"compared": 7, "psnr_db": 60.0})
    assert section["default"] == {"cpu": "fp32", "cuda": "fp32"}
    assert section["refused"] == {}
    (line,) = bench.said
    assert line.startswith("generator fp16 kept: ")
    assert "0.98 times as fast; psnr_db 60 (tolerance 45)" in line


def test_faster_is_enough_and_becomes_the_default_of_the_cpu(bench: Bench) -> None:
    section = bench.tried(int8=(100, 43.0, 3.4567), fp16=(0, 60.0, 1.2))
    assert section["variants"]["int8"]["speedup"] == 3.457
    assert section["default"] == {"cpu": "int8", "cuda": "fp32"}
    assert bench.measured == [("cpu", {"int8", "fp16"})]  # in one go, interleaved


def test_neither_smaller_nor_faster_is_refused_with_the_figures(bench: Bench) -> None:
    section = bench.tried(int8=(100, 43.0, 1.04))
    assert list(section["variants"]) == ["fp32"]
    assert section["refused"] == {
        "int8": "neither smaller nor faster: 100% of fp32's size, 1.04 times as fast"
    }
    assert bench.said == [f"generator int8 refused: {section['refused']['int8']}"]
    assert "generator/int8.onnx" not in bench.draft.files


def test_out_of_tolerance_is_refused_with_the_figure_and_not_measured(bench: Bench) -> None:
    section = bench.tried(int8=(0, 29.9, 4.0), fp16=(0, 44.9, 1.0))
    assert section["refused"] == {
        "int8": "out of tolerance: psnr_db 29.9 (tolerance 30)",
        "fp16": "out of tolerance: psnr_db 44.9 (tolerance 45)",
    }
    assert bench.measured == [("cpu", set())]
    assert section["default"]["cpu"] == "fp32"


def test_comparing_nothing_is_out_of_tolerance(bench: Bench) -> None:
    section = bench.tried(int8=(0, float("nan"), 4.0))
    assert section["refused"] == {"int8": "out of tolerance: psnr_db None"}


def test_a_builder_may_refuse_itself(bench: Bench) -> None:
    def hopeless(metadata: Mapping[str, str]) -> bytes:
        raise Refused("12 items are ranked faster in fp32")

    trial = Trial("generator", {"int8": hopeless}, lambda *_: proof(99), [[REQUESTS]], REQUESTS)
    add_variants(bench.draft, trial, bench.said.append)
    reason = "12 items are ranked faster in fp32"
    assert bench.draft.manifest["generator"]["refused"] == {"int8": reason}


def test_what_onnxruntime_cannot_run_here_is_refused_and_the_others_are_kept(bench: Bench) -> None:
    """An older onnxruntime, or one for another CPU, lacks a kernel of one variant."""
    bench.speeds["cpu", "fp16"] = 1.0

    def foreign(metadata: Mapping[str, str]) -> bytes:
        build = GraphBuilder()
        build.node("NoSuchOperator", ["z"], "image", domain="com.microsoft")
        return build.finish("foreign", *CONTRACT, metadata)

    def parity(variant: str, graph: bytes) -> Parity:
        open_session(graph, "cpu", 1).run(REQUESTS)
        return proof(60, variant)

    candidates = {"int8": foreign, "fp16": doubling}
    add_variants(
        bench.draft,
        Trial("generator", candidates, parity, [[REQUESTS]], REQUESTS),
        bench.said.append,
    )
    section = bench.draft.manifest["generator"]
    assert list(section["variants"]) == ["fp32", "fp16"]
    reason = section["refused"]["int8"]
    assert reason.startswith("does not run here: onnxruntime ")
    assert "NoSuchOperator" in reason
    assert bench.said[0] == f"generator int8 refused: {reason}"


def test_a_builder_that_cannot_calibrate_here_is_refused_too(bench: Bench) -> None:
    def unable(metadata: Mapping[str, str]) -> bytes:
        raise UnusableInput("onnxruntime cannot run the graph")

    trial = Trial("generator", {"int8": unable}, lambda *_: proof(99), [[REQUESTS]], REQUESTS)
    add_variants(bench.draft, trial, bench.said.append)
    reason = "does not run here: onnxruntime cannot run the graph"
    assert bench.draft.manifest["generator"]["refused"] == {"int8": reason}


def test_a_variant_that_breaks_a_rule_ends_the_export(bench: Bench) -> None:
    bench.speeds["cpu", "int8"] = 4.0
    trial = Trial(
        "generator",
        {"int8": lambda metadata: doubling({**metadata, "variant": "fp32"})},
        lambda *_: proof(99),
        [[REQUESTS]],
        REQUESTS,
    )
    with pytest.raises(CheckFailed, match=r"int8.onnx' is no graph to ship.*says 'fp32' for 'vari"):
        add_variants(bench.draft, trial, bench.said.append)


def test_on_cuda_only_what_has_kernels_there_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, cuda=True)
    bench.speeds["cuda", "fp16"] = 1.7
    section = bench.tried(int8=(0, 43.0, 3.0), fp16=(0, 60.0, 1.0))
    assert bench.measured == [("cpu", {"int8", "fp16"}), ("cuda", {"fp16"})]
    assert section["default"] == {"cpu": "int8", "cuda": "fp16"}


def test_a_cuda_that_is_offered_and_does_not_work_leaves_fp32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(monkeypatch, cuda=True)
    bench.broken.add("cuda")
    section = bench.tried(int8=(0, 43.0, 3.0), fp16=(0, 60.0, 1.0))
    assert list(section["variants"]) == ["fp32", "int8", "fp16"]
    assert section["default"] == {"cpu": "int8", "cuda": "fp32"}
    assert bench.said[-1] == "generator fp16 is not measured on CUDA: cuda does not work"


def test_nodes_of_every_variant_are_recorded(bench: Bench) -> None:
    section = bench.tried(int8=(0, 43.0, 3.0))
    assert section["layers"] == "golden/generator-layers.npz"
    assert "layers" not in section["variants"]["fp32"]
    assert section["variants"]["int8"]["layers"] == "golden/generator-int8-layers.npz"
    assert {"golden/generator-layers.npz", "golden/generator-int8-layers.npz"} <= set(
        bench.draft.files
    )


@pytest.mark.parametrize(
    ("speedups", "variant"),
    [({}, "fp32"), ({"int8": 1.04}, "fp32"), ({"int8": 1.05}, "int8"),
     ({"int8": 2.0, "fp16": 2.1}, "fp16")],
)  # fmt: skip
def test_the_fastest_must_be_faster(speedups: dict[str, float], variant: str) -> None:
    assert fastest(speedups) == variant


def test_the_speedup_is_the_smallest_over_all_batch_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    from export import measure

    taken = iter([{"": [4, 6, 8], "int8": [2, 3, 100]}, {"": [9], "int8": [6]}])
    asked: list[tuple[set[str], Any]] = []

    def interleaved(sessions: Any, outputs: Any, pool: Any, length: Any, clock: Any) -> Any:
        asked.append((set(sessions), pool))
        return next(taken)

    monkeypatch.setattr(measure, "interleave", interleaved)
    monkeypatch.setattr(measure, "open_session", lambda graph, provider, threads: graph)
    pools = [[{"z": 1}], [{"z": 2}]]
    found = measure.measure_speedups(b"a", {"int8": b"b"}, pools, ["image"])  # type: ignore[arg-type]
    assert found == {"int8": 1.5}  # 6 / 3 = 2 on the first, 9 / 6 on the second
    assert asked == [({"", "int8"}, pools[0]), ({"", "int8"}, pools[1])]
    assert measure.measure_speedups(b"a", {}, pools, ["image"]) == {}  # type: ignore[arg-type]
