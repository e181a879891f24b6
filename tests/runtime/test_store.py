"""Variants and models that a bundle has or has not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import UnusableInput
from runtime.store import choose_variant, load


def with_int8_generator(document: dict[str, Any]) -> None:
    section = document["generator"]
    record = section["variants"]["fp32"]
    section["variants"]["int8"] = {**record, "file": "generator/int8.onnx"}
    section["default"]["cpu"] = "int8"
    document["files"]["generator/int8.onnx"] = document["files"]["generator/fp32.onnx"]


@pytest.fixture
def two_variants(damage: Any, copy: Path) -> Path:
    shutil.copy(copy / "generator" / "fp32.onnx", copy / "generator" / "int8.onnx")
    damage.manifest(with_int8_generator)
    return copy


def test_auto_takes_the_default(two_variants: Path) -> None:
    store = load(two_variants, "cpu")
    assert store.generate("Tea", n=1).variant == "int8"
    assert store.recommend(k=1).variant == "fp32"


def test_variant_asked_for(two_variants: Path) -> None:
    assert load(two_variants, "cpu", "fp32").generate("Tea", n=1).variant == "fp32"


def test_variant_of_the_other_model_only(two_variants: Path) -> None:
    store = load(two_variants, "cpu", "int8")
    assert store.generate("Tea", n=1).variant == "int8"
    with pytest.raises(UnusableInput, match=r"recommender .* no variant 'int8'; known: 'fp32'"):
        store.recommend(k=1)


def test_unknown_variant_fails_at_once(tiny: Path) -> None:
    with pytest.raises(UnusableInput, match=r"no variant 'fp31'; did you mean 'fp32'"):
        load(tiny, "cpu", "fp31")


def test_choice_and_its_reason(two_variants: Path) -> None:
    section = load(two_variants, "cpu").bundle.manifest.sections()["generator"]
    assert choose_variant(section, "cpu") == ("int8", "the bundle's default on cpu")
    assert choose_variant(section, "cuda") == ("fp32", "the bundle's default on cuda")
    assert choose_variant(section, "cpu", "fp32") == ("fp32", "asked for")


def drop(damage: Any, model: str) -> None:
    def change(document: dict[str, Any]) -> None:
        del document[model]

    damage.manifest(change)


def test_bundle_with_one_model(damage: Any, copy: Path) -> None:
    drop(damage, "generator")
    store = load(copy, "cpu")
    assert store.recommend(k=1).items
    with pytest.raises(UnusableInput, match="holds no generator"):
        store.generate("Tea")


def test_bundle_without_recommender(damage: Any, copy: Path) -> None:
    drop(damage, "recommender")
    store = load(copy, "cpu")
    assert len(store.generate("Tea", n=2).images) == 2
    with pytest.raises(UnusableInput, match="holds no recommender"):
        store.recommend(k=1)


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("recommender", "n_items", 11, "10 items, manifest 11"),
        ("recommender", "n_users", 4, "3 users, manifest 4"),
        ("catalogue", "columns", [{"name": "item_id", "kind": "text"}] * 9, "is missing"),
    ],
)
def test_manifest_that_contradicts_the_files(
    damage: Any, copy: Path, section: str, key: str, value: Any, said: str
) -> None:
    damage.manifest(lambda document: document[section].update({key: value}))
    with pytest.raises(UnusableInput, match=rf"contradicts the manifest .*{said}"):
        load(copy, "cpu").recommend(k=1)


def test_graph_with_other_inputs_than_stated(damage: Any, copy: Path) -> None:
    damage.manifest(lambda document: document["generator"]["inputs"].pop())
    with pytest.raises(UnusableInput, match=r"'generator/fp32.onnx' takes \['z', 'category'\]"):
        load(copy, "cpu").generate("Tea")
