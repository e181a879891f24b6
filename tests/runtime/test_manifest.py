"""A manifest with a key missing or of the wrong type gives a sentence, never a traceback."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import UnusableInput
from runtime.manifest_reader import parse_manifest

TINY = Path(__file__).parents[1] / "golden" / "tiny-store" / "manifest.json"
DOCUMENT: dict[str, Any] = json.loads(TINY.read_bytes())
REQUIRED = [
    "format",
    "name",
    "version",
    "created",
    "salt",
    "catalogue",
    "users",
    "files",
    "catalogue.file",
    "catalogue.columns",
    "users.file",
    *(
        f"{model}.{key}"
        for model in ("recommender", "generator")
        for key in ("inputs", "outputs", "golden", "variants", "default")
    ),
    *(f"recommender.{key}" for key in ("arch", "n_items", "n_users", "max_basket", "top_k")),
    "recommender.seen_filter",
    *(f"generator.{key}" for key in ("categories", "z_dim", "image_size", "channels")),
    "recommender.variants.fp32.file",
    "recommender.variants.fp32.bytes",
    "generator.default.cuda",
]


def holder_of(document: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *outer, last = path.split(".")
    for key in outer:
        document = document[key]
    return document, last


def complaint(document: Any) -> str:
    with pytest.raises(UnusableInput) as caught:
        parse_manifest(json.dumps(document).encode())
    return str(caught.value)


@pytest.mark.parametrize("path", REQUIRED)
def test_missing_key_is_named(path: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    holder, key = holder_of(document, path)
    del holder[key]
    assert f"'{path}" in complaint(document)


WRONG = [
    (path, value)
    for path in REQUIRED
    for value in ([{}], -1.5, True, [[]])
    if (path, value) != ("recommender.seen_filter", True)
]


@pytest.mark.parametrize(("path", "value"), WRONG)
def test_wrong_type_is_named(path: str, value: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    holder, key = holder_of(document, path)
    holder[key] = value
    assert path in complaint(document)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("version", 0, "at least 1"),
        ("salt", "xyz", "hexadecimal"),
        ("salt", "", "empty"),
        ("recommender.n_items", 0, "at least 1"),
        ("recommender.golden", "golden/other.npz", "does not list"),
        ("recommender.variants", {}, "is empty"),
        ("recommender.default.cpu", "int8", "one of the variants"),
        ("generator.categories", [], "is empty"),
        ("generator.categories", [1], "must hold texts"),
        ("catalogue.columns", [{"name": "title", "kind": "text"}], "'item_id'"),
        ("catalogue.columns", [{"name": "item_id", "kind": "blob"}], "'blob'"),
        ("recommender.inputs", [{"name": "user", "dtype": "int64", "shape": [1.5]}], "axis"),
        ("files", {"manifest.json": {"sha256": "0" * 64, "bytes": 1}}, "must not be listed"),
        ("files", {"a": {"sha256": "0" * 63, "bytes": 1}}, "64 hexadecimal"),
        ("files", {"a": {"sha256": "0" * 64, "bytes": -1}}, "at least 0"),
        ("format", 0, "at least 1"),
        ("format", 99, "upgrade"),
    ],
)
def test_wrong_value(path: str, value: Any, said: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    holder, key = holder_of(document, path)
    holder[key] = value
    assert said in complaint(document)


def test_without_any_model() -> None:
    document = {k: v for k, v in DOCUMENT.items() if k not in ("recommender", "generator")}
    assert "neither a recommender nor a generator" in complaint(document)


def test_one_model_is_enough() -> None:
    document = {k: v for k, v in DOCUMENT.items() if k not in ("recommender", "catalogue", "users")}
    manifest = parse_manifest(json.dumps(document).encode())
    assert list(manifest.sections()) == ["generator"]


def test_unknown_keys_are_left_to_later_versions() -> None:
    manifest = parse_manifest(json.dumps({**DOCUMENT, "promotions": [1]}).encode())
    assert manifest.raw["promotions"] == [1]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"3",
        b"null",
        b"[" * 100_000,
        b'{"format": 1e400}',
        b'{"format": NaN}',
    ],
)
def test_what_is_no_manifest(content: bytes) -> None:
    with pytest.raises(UnusableInput, match=r"manifest\.json"):
        parse_manifest(content)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(path=st.sampled_from(REQUIRED), value=anything)
def test_any_value_anywhere_is_accepted_or_refused(path: str, value: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    holder, key = holder_of(document, path)
    holder[key] = value
    with contextlib.suppress(UnusableInput):
        parse_manifest(json.dumps(document).encode())
