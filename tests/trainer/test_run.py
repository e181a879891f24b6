"""The run folder and its checkpoint: whole or absent, refused when damaged, never executed."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.errors import UnusableInput
from trainer.checkpoint import load_checkpoint, save_checkpoint
from trainer.config import DataConfig
from trainer.generator.config import GeneratorConfig
from trainer.recommender.config import MlpConfig, RecommenderConfig, TrainingConfig
from trainer.run import Run, require_same_config

CONFIG = RecommenderConfig(
    arch="mlp", data=DataConfig(delimiter="\t", exclude_items=("POST", 'a"b')), mlp=MlpConfig(dim=7)
)
STATE = {"weights": torch.arange(600.0), "step": 3, "best": None, "rows": [{"loss": 0.5}]}


def make(path: Path) -> Run:
    return Run.create(path, "recommender", CONFIG, {"command": "endcap train", "data": "log.csv"})


def test_a_new_run_holds_its_config_and_facts(tmp_path: Path) -> None:
    run = make(tmp_path / "deep" / "run")
    assert sorted(path.name for path in run.path.iterdir()) == [
        "config.toml",
        "metrics.jsonl",
        "run.json",
        "samples",
    ]
    again = Run.open(run.path, "recommender")
    assert again == run
    assert again.config(RecommenderConfig) == CONFIG
    assert again.facts == {"kind": "recommender", "command": "endcap train", "data": "log.csv"}
    assert again.metrics() == []


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    (path / "mine").write_text("precious")
    with pytest.raises(UnusableInput, match=r"'.*run' exists.*--resume.*--out"):
        make(path)
    assert [(one.name, one.read_text()) for one in path.iterdir()] == [("mine", "precious")]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnusableInput, match=r"cannot write '.*run': (Not a directory|File exists)"):
        make(tmp_path / "file" / "run")


def test_what_is_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"absent' is not a run folder: it does not exist"):
        Run.open(tmp_path / "absent")
    with pytest.raises(UnusableInput, match=r"not a run folder \(no readable run\.json\)"):
        Run.open(tmp_path)
    for content in ("", "{", "[]", '"run"', "5", "{}", "\xff"):
        (tmp_path / "run.json").write_text(content, "latin-1")
        with pytest.raises(UnusableInput, match="not a run folder"):
            Run.open(tmp_path)


def test_a_run_of_the_other_kind(tmp_path: Path) -> None:
    run = make(tmp_path / "run")
    with pytest.raises(UnusableInput, match="is a recommender run, and a generator run is needed"):
        Run.open(run.path, "generator")


def test_a_config_of_another_kind_or_version_is_refused(tmp_path: Path) -> None:
    run = make(tmp_path / "run")
    with pytest.raises(UnusableInput, match="unknown config key 'arch'"):
        run.config(GeneratorConfig)
    (run.path / "config.toml").write_text("arch = ")
    with pytest.raises(UnusableInput, match="not valid TOML"):
        run.config(RecommenderConfig)


def test_metrics_are_replaced_whole(tmp_path: Path) -> None:
    run = make(tmp_path / "run")
    run.keep_metrics([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    run.keep_metrics([{"epoch": 1, "loss": 0.5}])
    assert run.metrics() == [{"epoch": 1, "loss": 0.5}]
    (run.path / "metrics.jsonl").write_text('{"epoch": 1}\n{"epo')
    with pytest.raises(UnusableInput, match=r"cannot read '.*metrics\.jsonl'.*train again"):
        run.metrics()
    (run.path / "metrics.jsonl").unlink()
    with pytest.raises(UnusableInput, match=r"metrics\.jsonl"):
        run.metrics()


def test_json_files(tmp_path: Path) -> None:
    run = make(tmp_path / "run")
    run.write_json("data.json", {"kept": 5, "name": "é"})
    assert run.read_json("data.json") == {"kept": 5, "name": "é"}
    (run.path / "data.json").write_text("{")
    with pytest.raises(UnusableInput, match=r"cannot read '.*data\.json'"):
        run.read_json("data.json")
    with pytest.raises(UnusableInput, match=r"absent\.json"):
        run.read_json("absent.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arch": "two-stage"}, ["'arch'", "'mlp'", "'two-stage'"]),
        ({"mlp": MlpConfig(dim=9)}, ["'mlp.dim'", "7", "9"]),
        ({"data": DataConfig(basket_column="r")}, ["'data.basket_column'", "None", "'r'"]),
    ],
)
def test_resuming_under_another_config_names_the_field(
    change: dict[str, Any], words: list[str]
) -> None:
    now = RecommenderConfig(**{"arch": "mlp", "mlp": MlpConfig(dim=7), **change})
    before = RecommenderConfig(arch="mlp", mlp=MlpConfig(dim=7))
    with pytest.raises(UnusableInput) as caught:
        require_same_config(before, now, free=("training.epochs",))
    assert all(word in str(caught.value) for word in [*words, "--out"]), str(caught.value)


def test_free_fields_may_differ() -> None:
    before, now = (RecommenderConfig(training=TrainingConfig(epochs=n)) for n in (2, 5))
    require_same_config(before, before, free=())
    require_same_config(before, now, free=("training.epochs",))
    with pytest.raises(UnusableInput, match=r"training\.epochs"):
        require_same_config(before, now, free=("epochs",))


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    state = load_checkpoint(path)
    assert torch.equal(state.pop("weights"), torch.arange(600.0))
    assert state == {"step": 3, "best": None, "rows": [{"loss": 0.5}]}
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_missing_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"no checkpoint at '.*checkpoint\.pt'"):
        load_checkpoint(tmp_path / "checkpoint.pt")
    with pytest.raises(UnusableInput, match="cannot be read"):
        load_checkpoint(tmp_path)


def saved(tmp_path: Path) -> tuple[Path, bytes]:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    return path, path.read_bytes()


def test_a_checkpoint_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    path, whole = saved(tmp_path)
    for end in (*range(0, len(whole), 131), len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(UnusableInput, match=r"checkpoint\.pt' cannot be read .*train again"):
            load_checkpoint(path)


def test_random_bytes_are_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    rng = random.Random(7)
    for head in (b"", b"\x80\x02", b"PK\x03\x04"):
        for _ in range(40):
            path.write_bytes(head + rng.randbytes(rng.randrange(300)))
            with pytest.raises(UnusableInput, match="cannot be read"):
                load_checkpoint(path)


def test_a_flipped_weight_is_noticed(tmp_path: Path) -> None:
    path, whole = saved(tmp_path)
    place = whole.index(torch.arange(600.0).numpy().tobytes()) + 1000
    damaged = bytearray(whole)
    damaged[place] ^= 1
    path.write_bytes(bytes(damaged))
    with pytest.raises(UnusableInput, match="cannot be read"):
        load_checkpoint(path)


class Harmful:
    """Unpickles by writing a file, as any other code could be run."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.target,))


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    path, target = tmp_path / "checkpoint.pt", tmp_path / "touched"
    buffer = io.BytesIO()
    torch.save({"weights": Harmful(target)}, buffer)
    for content in (buffer.getvalue(), pickle.dumps({"weights": Harmful(target)})):
        path.write_bytes(content)
        with pytest.raises(UnusableInput, match="cannot be read"):
            load_checkpoint(path)
        assert not target.exists()
    pickle.loads(pickle.dumps(Harmful(target)))
    assert target.exists()


def test_a_list_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save([1, 2], path)
    with pytest.raises(UnusableInput, match="cannot be read"):
        load_checkpoint(path)


@pytest.mark.skipif(sys.platform == "win32", reason="os.fsync of folders is for POSIX")
def test_a_full_disk_keeps_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, whole = saved(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnusableInput, match=r"checkpoint\.pt': No space left.*free some space"):
        save_checkpoint(path, {"weights": torch.zeros(9)})
    with pytest.raises(UnusableInput, match="No space left"):
        make(tmp_path / "run")
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert path.read_bytes() == whole


def test_run_json_is_readable_by_people(tmp_path: Path) -> None:
    text = (make(tmp_path / "run").path / "run.json").read_text("utf-8")
    assert json.loads(text)["kind"] == "recommender"
    assert len(text.splitlines()) > 3
