"""The committed bundle is what its script makes, and its graphs are valid ONNX."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest

from runtime.bundle import open_bundle, write_bundle
from runtime.golden import GeneratorGolden, RecommenderGolden


@pytest.fixture(scope="module")
def remade(maker: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("remade") / "tiny-store"
    write_bundle(out, *maker.tiny_store())
    return out


def test_manifest_is_the_same(tiny: Path, remade: Path) -> None:
    documents = [json.loads((path / "manifest.json").read_bytes()) for path in (tiny, remade)]
    for document in documents:
        assert document["files"]
        for record in document["files"].values():
            del record["sha256"]  # the last bit of a float may differ between machines
    assert documents[0] == documents[1]


def test_files_are_the_same(tiny: Path, remade: Path) -> None:
    old, new = open_bundle(tiny), open_bundle(remade)
    assert old.manifest.files.keys() == new.manifest.files.keys()
    compared = 0
    for name in old.manifest.files:
        if name.endswith(".npz"):
            before, after = old.arrays(name), new.arrays(name)
            assert before.keys() == after.keys()
            for key in before:
                np.testing.assert_allclose(before[key], after[key], rtol=1e-5, atol=1e-5)
        else:
            assert old.read_bytes(name) == new.read_bytes(name)
        compared += 1
    assert compared == 9


@pytest.mark.parametrize("model", ["recommender", "generator"])
def test_graphs_are_valid(tiny: Path, model: str) -> None:
    graph = onnx.load(tiny / model / "fp32.onnx")
    onnx.checker.check_model(graph, full_check=True)
    section = open_bundle(tiny).manifest.sections()[model]
    assert [tensor.name for tensor in section.inputs] == [v.name for v in graph.graph.input]
    assert [tensor.name for tensor in section.outputs] == [v.name for v in graph.graph.output]


def test_golden_vectors_cover_what_matters(tiny: Path) -> None:
    bundle = open_bundle(tiny)
    golden = RecommenderGolden.from_arrays(bundle.arrays("golden/recommender.npz"), "golden")
    assert {0, 1, 2, 3} == set(golden.user.tolist())
    assert golden.only.any()
    assert not golden.only.all()
    assert (golden.item == 0).any()
    assert (golden.target > 0).sum() == 10
    pictures = GeneratorGolden.from_arrays(bundle.arrays("golden/generator.npz"), "golden")
    assert len(pictures) == 6
