"""Variants and models that a bundle has or has not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from runtime.device import CpuClass
from runtime.errors import UnusableInput
from runtime.store import load


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


@pytest.mark.parametrize(("dot_products", "variant"), [(True, "int8"), (False, "fp32")])
def test_auto_takes_the_default_where_the_cpu_is_made_for_it(
    two_variants: Path, monkeypatch: pytest.MonkeyPatch, dot_products: bool, variant: str
) -> None:
    cpu = CpuClass("some CPU", dot_products)
    monkeypatch.setattr("runtime.variant_choice.cpu_class", lambda: cpu)
    store = load(two_variants, "cpu")
    assert store.generate("Tea", n=1).variant == variant
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
