"""Graphs that ship or are freshly exported: any ONNX Runtime opens them, nothing is left over."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest

from runtime.version import __version__
from tests.command import run
from tests.conftest import Chain, fewer_requests

SHIPPED = sorted(Path(__file__).parents[2].glob("models/*/*/*.onnx"))

BARE = """
import json, sys
import numpy, onnxruntime
answers = []
for path in sys.argv[1:]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    types = {"tensor(int64)": "int64", "tensor(float)": "float32", "tensor(bool)": "bool"}
    feeds = {
        entry.name: numpy.ones([3 if axis == "batch" else axis for axis in entry.shape],
                               types[entry.type])
        for entry in session.get_inputs()
    }
    outputs = session.run(None, feeds)
    names = [entry.name for entry in session.get_outputs()]
    shapes = {name: [str(out.dtype), list(out.shape)] for name, out in zip(names, outputs)}
    answers.append([sorted(feeds), shapes, session.get_modelmeta().custom_metadata_map])
ours = [name for name in ("runtime", "export", "trainer", "torch", "onnx") if name in sys.modules]
print(json.dumps([ours, answers]))
"""


def opened_bare(*files: Path) -> list[Any]:
    """Open and run graphs in a process that has onnxruntime and nothing of ours."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", BARE, *files], capture_output=True, text=True, check=True
    )
    ours, answers = json.loads(done.stdout)
    assert ours == []
    assert len(answers) == len(files)
    return list(answers)


def graphs_of(folder: Path) -> dict[Path, tuple[str, str]]:
    """Return the graphs of a bundle with their model and variant, as the manifest names them."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    found = {
        folder / facts["file"]: (model, variant)
        for model in ("generator", "recommender")
        if model in manifest
        for variant, facts in manifest[model]["variants"].items()
    }
    assert sorted(found) == sorted(folder.glob("*/*.onnx"))
    return found


def assert_contract(folder: Path, answers: list[Any]) -> None:
    """Hold what a bare ONNX Runtime said of a bundle's graphs against the manifest."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    graphs = graphs_of(folder).values()
    for (model, variant), (inputs, outputs, metadata) in zip(graphs, answers, strict=True):
        section = manifest[model]
        assert inputs == sorted(entry["name"] for entry in section["inputs"])
        stated = {
            entry["name"]: [entry["dtype"], [3 if a == "batch" else a for a in entry["shape"]]]
            for entry in section["outputs"]
        }
        assert outputs == stated
        wanted = {"bundle": manifest["name"], "version": str(manifest["version"])}
        assert wanted.items() <= metadata.items()
        assert metadata["variant"] == variant


def left_over(path: Path) -> list[str]:
    """Return what a careful reader would ask about; walks the file with the onnx package alone."""
    model = onnx.load(path, load_external_data=False)
    graph = model.graph
    read = [name for node in graph.node for name in node.input]
    read += [value.name for value in graph.output]
    casts = {node.output[0] for node in graph.node if node.op_type == "Cast"}
    found = [f"Identity {node.name}" for node in graph.node if node.op_type == "Identity"]
    found += [f"chain {n.name}" for n in graph.node if n.op_type == "Cast" and n.input[0] in casts]
    found += [f"unused {one.name}" for one in graph.initializer if one.name not in read]
    found += [f"unused {node.name}" for node in graph.node if not set(read) & set(node.output)]
    found += [f"external {one.name}" for one in graph.initializer if one.external_data]
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    onnx.checker.check_model(model, full_check=True)
    domains = {node.domain for node in graph.node} | {""}
    assert sorted(entry.domain for entry in model.opset_import) == sorted(domains)
    assert domains <= {"", "com.microsoft"}
    assert model.producer_name == "endcap"
    return found


def test_shipped_graphs_open_in_a_bare_onnxruntime() -> None:
    folders = sorted({path.parents[1] for path in SHIPPED})
    assert [folder.name for folder in folders] == ["corner-store", "online-retail"]
    assert len(SHIPPED) >= 4
    for folder in folders:
        assert_contract(folder, opened_bare(*graphs_of(folder)))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: "-".join(path.parts[-3:]))
def test_nothing_is_left_over_in_shipped_graphs(path: Path) -> None:
    assert left_over(path) == []


def test_fresh_graphs_open_and_hold_nothing_left_over(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer_requests(monkeypatch)
    reference = tmp_path / "bundle"
    said = run("export", "--recommender", chain.mlp, "--out", reference, "--version", 3)
    assert said.code == 0, said.err
    assert {"fp32", "fp16", "int8"} == {
        v for m, v in graphs_of(chain.bundle).values() if m == "generator"
    }
    for folder in (chain.bundle, reference):
        graphs = graphs_of(folder)
        answers = opened_bare(*graphs)
        assert_contract(folder, answers)
        for (path, (_, variant)), (*_, metadata) in zip(graphs.items(), answers, strict=True):
            assert left_over(path) == []
            assert metadata == {
                "bundle": "bundle", "version": "3", "variant": variant,
                "producer": f"endcap {__version__}",
            }  # fmt: skip
