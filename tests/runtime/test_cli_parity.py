"""``endcap parity``: its table, JSON, JUnit XML and certificate, and its four exit codes."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from runtime.version import __version__
from tests.damage import Damage, one_weight_by_1_percent, swapped_inputs

Run = Callable[..., tuple[int, str, str]]
RECOMMENDER_NODES = [
    "user_vector", "user_squeeze", "basket_vectors", "recency", "pool", "shopper", "match",
    "popularity_bias", "may_show", "filter", "best", "best", "is_empty", "item_rows",
]  # fmt: skip
GENERATOR_NODES = [
    "label", "label_squeeze", "latent", "draw", "tone", "shift", "scale", "round", "to_bytes",
    "as_image",
]  # fmt: skip


def test_layers_prints_every_node(endcap: Run, tiny: Path) -> None:
    code, out, err = endcap("parity", tiny, "--layers")
    assert code == 0
    assert err == "parity holds on cpu\n"
    lines = [line.split() for line in out.splitlines()]
    shown = [words[0] for words in lines if words and words[-1] == "agrees"]
    assert shown == [*RECOMMENDER_NODES, *GENERATOR_NODES]
    assert ["latent", "Concat", "latent", "0", "2e-05", "agrees"] in lines


def test_layers_as_json(endcap: Run, tiny: Path) -> None:
    code, out, err = endcap("parity", tiny, "--layers", "--json")
    assert (code, err) == (0, "")
    recommender, generator = json.loads(out)["layers"]
    assert (recommender["model"], recommender["variant"]) == ("recommender", "fp32")
    assert [node["node"] for node in recommender["nodes"]] == RECOMMENDER_NODES
    assert [node["node"] for node in generator["nodes"]] == GENERATOR_NODES
    keys = ["node", "op_type", "tensor", "difference", "tolerance", "verdict"]
    assert all(list(node) == keys for node in recommender["nodes"])
    assert "layers" not in json.loads(endcap("parity", tiny, "--json")[1])


def test_layers_mark_what_differs(endcap: Run, copy: Path, damage: Damage) -> None:
    damage.graph("recommender/fp32.onnx", one_weight_by_1_percent("shown_t"))
    code, out, err = endcap("parity", copy, "--layers")
    assert code == 1
    verdicts = [line.split()[-1] for line in out.splitlines() if " MatMul " in line]
    assert verdicts == ["DIFFERS"]
    assert "recommender fp32: first diverging node: 'match'" in err


def test_layers_that_a_bundle_lacks(endcap: Run, copy: Path, damage: Damage) -> None:
    damage.manifest(lambda document: document["generator"].update(layers=None))
    code, out, err = endcap("parity", copy, "--layers")
    assert (code, out) == (2, "")
    assert "holds no golden layers of the generator" in err
    damage.replace("golden/recommender-layers.npz", b"x")
    assert endcap("parity", copy)[0] == 0  # they are needed for --layers alone
    assert endcap("parity", copy, "--layers")[0] == 2


SCHEMA: dict[str, dict[str, Any]] = {
    "testsuites": {
        "name": str, "tests": int, "failures": int, "errors": int, "time": float,
        "children": {"testsuite"},
    },
    "testsuite": {
        "name": str, "tests": int, "failures": int, "errors": int, "skipped": int, "time": float,
        "children": {"properties", "testcase"},
    },
    "properties": {"children": {"property"}},
    "property": {"name": str, "value": str, "children": set()},
    "testcase": {"name": str, "classname": str, "children": {"failure", "system-out"}},
    "failure": {"type": str, "message": str, "children": set()},
    "system-out": {"children": set()},
}  # fmt: skip
"""What the JUnit schema of Jenkins allows of each element, as far as endcap uses it."""


def assert_valid(element: ElementTree.Element) -> None:
    allowed = SCHEMA[element.tag]
    assert set(element.attrib) == allowed.keys() - {"children"}, element.tag
    for name, text in element.attrib.items():
        allowed[name](text)  # a number where one is due
    for child in element:
        assert child.tag in allowed["children"], (element.tag, child.tag)
        assert_valid(child)


@pytest.mark.parametrize("damaged", [False, True])
def test_junit_is_what_ci_tools_read(
    endcap: Run, copy: Path, damage: Damage, tmp_path: Path, damaged: bool
) -> None:
    if damaged:
        damage.graph("recommender/fp32.onnx", swapped_inputs("filter", 1, 2))
    file = tmp_path / "parity.xml"
    assert endcap("parity", copy, "--junit", file)[0] == damaged
    root = ElementTree.parse(file).getroot()
    assert root.tag == "testsuites"
    assert_valid(root)
    (suite,) = root
    cases = suite.findall("testcase")
    assert len(cases) == int(suite.attrib["tests"]) == int(root.attrib["tests"]) == 4
    failed = suite.findall("testcase/failure")
    assert len(failed) == int(suite.attrib["failures"])
    assert bool(failed) == damaged
    assert all("'filter'" in str(one.text) for one in failed)
    names = [(case.attrib["classname"], case.attrib["name"]) for case in cases]
    assert names == [
        ("recommender.fp32", "max_abs_score_diff"),
        ("recommender.fp32", "overlap_at_10"),
        ("recommender.fp32", "ndcg_at_10_relative_loss"),
        ("generator.fp32", "psnr_db"),
    ]


def test_the_certificate_says_what_was_found_where(endcap: Run, tiny: Path, tmp_path: Path) -> None:
    file = tmp_path / "till-7.json"
    begun = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    code, out, _ = endcap("parity", tiny, "--layers", "--json", "--certificate", file)
    assert code == 0
    said = json.loads(file.read_text("utf-8"))
    assert list(said) == [
        "certificate", "created", "passed", "bundle", "device", "provider", "versions",
        "duration_s", "checks", "failures", "layers",
    ]  # fmt: skip
    assert (said["certificate"], said["passed"], said["failures"]) == (1, True, [])
    assert datetime.datetime.fromisoformat(said["created"]) >= begun
    digest = hashlib.sha256((tiny / "manifest.json").read_bytes()).hexdigest()
    assert said["bundle"] == {"name": "tiny-store", "version": 3, "manifest_sha256": digest}
    device = said["device"]
    assert device["host"] == platform.node()
    assert device["system"].startswith(platform.system())
    assert device["machine"] == platform.machine()
    assert device["python"] == platform.python_version()
    assert set(device["cpu"]) == {"name", "flags", "cores"}
    assert 1 <= device["cpu"]["cores"] <= (os.cpu_count() or 1)
    assert said["provider"] == {"requested": "auto", "actual": "cpu"}
    assert said["versions"] == {
        "endcap": __version__,
        "numpy": metadata.version("numpy"),
        "onnxruntime": metadata.version("onnxruntime"),
    }
    printed = json.loads(out)
    assert (said["checks"], said["layers"]) == (printed["checks"], printed["layers"])


def test_the_certificate_of_a_failure(
    endcap: Run, copy: Path, damage: Damage, tmp_path: Path
) -> None:
    damage.graph("recommender/fp32.onnx", one_weight_by_1_percent("shown_t"))
    file = tmp_path / "fleet" / "till-7.json"
    assert endcap("parity", copy, "--provider", "cpu", "--certificate", file)[0] == 1
    said = json.loads(file.read_text("utf-8"))
    assert said["passed"] is False
    assert said["provider"]["requested"] == "cpu"
    assert [check["passed"] for check in said["checks"]][-1] is True
    (failure,) = said["failures"]
    assert failure["first_diverging"]["node"] == "match"
    assert endcap("parity", copy, "--certificate", file)[0] == 1  # an older one is replaced


def test_a_certificate_that_cannot_be_written(
    endcap: Run, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "till-7.json"
    file.write_text("the one of yesterday")

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = endcap("parity", tiny, "--certificate", file)
    assert code == 2
    assert "No space left on device" in err
    assert file.read_text() == "the one of yesterday"
    assert list(tmp_path.iterdir()) == [file]


def test_the_four_exit_codes(
    endcap: Run, tiny: Path, copy: Path, damage: Damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert endcap("parity", tiny)[0] == 0
    damage.graph("generator/fp32.onnx", swapped_inputs("latent"))
    assert endcap("parity", copy)[0] == 1
    assert endcap("parity", copy / "absent")[0] == 2
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert endcap("parity", tiny, "--provider", "cuda")[0] == 3
