"""Options: types, ranges and choices are checked, keys are known, and TOML comes back the same."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import UnusableInput
from trainer import config as shared
from trainer.config import MAX_SEED, DataConfig, SplitConfig
from trainer.generator import config as of_generators
from trainer.generator.config import GeneratorConfig, ImagesConfig
from trainer.options import from_mapping, read_toml, to_mapping, with_overrides
from trainer.recommender import config as of_recommenders
from trainer.recommender.config import RecommenderConfig, TrainingConfig, TwoStageConfig

EVERY = list(
    dict.fromkeys(
        one
        for module in (shared, of_recommenders, of_generators)
        for one in vars(module).values()
        if dataclasses.is_dataclass(one)
    )
)


def refused(cls: type, **values: Any) -> str:
    with pytest.raises(UnusableInput) as caught:
        cls(**values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("cls", "field", "value", "words"),
    [
        (TrainingConfig, "epochs", "five", "type int"),
        (TrainingConfig, "epochs", 2.0, "type int"),
        (TrainingConfig, "epochs", True, "type int"),
        (TrainingConfig, "epochs", None, "type int"),
        (TrainingConfig, "epochs", 0, "at least 1"),
        (TrainingConfig, "epochs", -1, "at least 1"),
        (TrainingConfig, "seed", -1, "at least 0 and at most"),
        (TrainingConfig, "seed", MAX_SEED + 1, "at most"),
        (TrainingConfig, "seed", 10**400, "at most"),
        (TrainingConfig, "learning_rate", True, "type float"),
        (TrainingConfig, "learning_rate", "1e-3", "type float"),
        (TrainingConfig, "learning_rate", float("nan"), "at least 1e-08 and at most 1"),
        (TrainingConfig, "learning_rate", float("inf"), "at most 1"),
        (TrainingConfig, "learning_rate", 2, "at most 1"),
        (TrainingConfig, "learning_rate", 10**400, "at most 1"),
        (TrainingConfig, "checkpoint_every_s", float("inf"), "at least 0"),
        (TrainingConfig, "mixed_precision", 1, "type bool"),
        (TrainingConfig, "device", "gpu", "'auto', 'cpu' or 'cuda'"),
        (DataConfig, "format", "basket", "'rows', 'baskets' or 'sequences'"),
        (DataConfig, "user_column", 5, "type str"),
        (DataConfig, "basket_column", 5, "type str"),
        (DataConfig, "missing_user", "0", "list of str"),
        (DataConfig, "missing_user", ["0", 0], "list of str"),
        (DataConfig, "delimiter", "", "one character"),
        (DataConfig, "delimiter", "||", "one character"),
        (DataConfig, "delimiter", '"', "one character"),
        (TwoStageConfig, "ranker_hidden", [64, 0], "at least 1"),
        (TwoStageConfig, "ranker_hidden", [64, True], "list of int"),
        (TwoStageConfig, "ranker_hidden", 64, "list of int"),
        (ImagesConfig, "image_size", 48, "28, 32, 64 or 128"),
        (ImagesConfig, "channels", 2, "1 (grey) or 3 (colour)"),
        (ImagesConfig, "categories", ["Bag", "Bag"], "twice"),
        (SplitConfig, "test_fraction", 0, "at least 0.001"),
    ],
)
def test_a_wrong_value_is_refused_by_name(cls: type, field: str, value: Any, words: str) -> None:
    sentence = refused(cls, **{field: value})
    assert f"'{field}'" in sentence
    assert words in sentence
    assert "\n" not in sentence


def test_whole_numbers_and_lists_are_taken_as_what_they_stand_for() -> None:
    config = TrainingConfig(learning_rate=1)
    assert type(config.learning_rate) is float
    assert TwoStageConfig(ranker_hidden=[8, 4]).ranker_hidden == (8, 4)  # type: ignore[arg-type]
    assert DataConfig(delimiter="\\t").delimiter == "\t"


def test_configs_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DataConfig().format = "baskets"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"trainig": {}}, ["'trainig'", "did you mean 'training'"]),
        ({"training": {"epoch": 1}}, ["'training.epoch'", "did you mean 'epochs'"]),
        ({"training": {"xyzzy": 1}}, ["'training.xyzzy'", "known: 'epochs'"]),
        ({"training": 5}, ["'training'", "must be a table", "5"]),
        ({"training": [{}]}, ["'training'", "must be a table"]),
        ({"arch": {}}, ["'arch'", "{}"]),
        ({"": 1}, ["''"]),
    ],
)
def test_unknown_keys_and_tables(values: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UnusableInput) as caught:
        from_mapping(RecommenderConfig, values)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.__name__)
def test_every_config_goes_through_toml_and_back(cls: type) -> None:
    assert len(EVERY) >= 9
    default = cls()
    assert from_mapping(cls, tomllib.loads(tomli_w.dumps(to_mapping(default)))) == default


@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.__name__)
def test_every_field_says_what_it_is(cls: type) -> None:
    for field in dataclasses.fields(cls):
        if field.metadata:
            assert field.metadata["doc"].endswith("."), field.name


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=3),
    st.floats(1e-8, 1.0),
)
def test_any_text_and_number_goes_through_toml_and_back(
    text: str, texts: list[str], number: float
) -> None:
    config = RecommenderConfig(
        data=DataConfig(user_column=text, exclude_items=tuple(texts)),
        training=TrainingConfig(learning_rate=number),
    )
    written = tomli_w.dumps(to_mapping(config))
    assert from_mapping(RecommenderConfig, tomllib.loads(written)) == config


def test_settings_lie_over_tables_and_leave_them_alone() -> None:
    tables = {"training": {"epochs": 3, "seed": 1}, "arch": "mlp"}
    laid = with_overrides(
        tables,
        (
            "training.epochs=5",
            "data.user_column=Customer ID",
            "data.delimiter=;",
            'data.exclude_items=["POST", "M"]',
            "two_stage.dropout=0.5",
            "data.repeat_purchases=true",
            "card.notes=a=b",
            "card.source=",
        ),
    )
    assert tables == {"training": {"epochs": 3, "seed": 1}, "arch": "mlp"}
    config = from_mapping(RecommenderConfig, laid)
    assert (config.arch, config.training.epochs, config.training.seed) == ("mlp", 5, 1)
    assert (config.data.user_column, config.data.delimiter) == ("Customer ID", ";")
    assert config.data.exclude_items == ("POST", "M")
    assert config.two_stage.dropout == 0.5
    assert config.data.repeat_purchases is True
    assert (config.card.notes, config.card.source) == ("a=b", "")


def test_a_nested_setting_for_the_generator() -> None:
    laid = with_overrides({}, ("images.image_size=32", "dcgan.beta1=0", 'images.categories=["a"]'))
    config = from_mapping(GeneratorConfig, laid)
    assert (config.images.image_size, config.dcgan.beta1) == (32, 0.0)
    assert config.images.categories == ("a",)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("training.epochs", ["'training.epochs'", "key=value"]),
        ("training.epochs=many", ["'epochs'", "'many'", "type int"]),
        ("training.epochs=nan", ["'epochs'", "type int"]),
        ("training.learning_rate=nan", ["'learning_rate'", "nan"]),
        ("training.epochs.more=1", ["'epochs'"]),
        ("arch.kind=1", ["'arch.kind=1'", "'arch' is not a section"]),
        ("training=5", ["'training'", "table"]),
        ("data.user_column=123", ["'user_column'", "type str"]),
        ("=5", ["''"]),
    ],
)
def test_unusable_settings(setting: str, words: list[str]) -> None:
    with pytest.raises(UnusableInput) as caught:
        from_mapping(RecommenderConfig, with_overrides({"arch": "mlp"}, (setting,)))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_reading_toml(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(b'\xef\xbb\xbfarch = "mlp"\n')
    assert read_toml(path) == {"arch": "mlp"}
    for content, words in (
        (b"arch = mlp", "not valid TOML"),
        (b'a = "\xff"', "not valid TOML"),
        (b"a = 1\na = 2", "not valid TOML"),
    ):
        path.write_bytes(content)
        with pytest.raises(UnusableInput, match=words):
            read_toml(path)
    with pytest.raises(UnusableInput, match=r"absent\.toml.*No such file"):
        read_toml(tmp_path / "absent.toml")
    with pytest.raises(UnusableInput, match="cannot read config"):
        read_toml(tmp_path)
