"""The whole chain through the command line, on tiny data: answers, contracts, interruptions."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import pytest
import torch
from PIL import Image

import runtime.cli
from tests.command import ENDCAP, complaint, run, run_process
from tests.conftest import FAST_RECOMMENDER, Chain, fewer_requests
from tests.trainer.shop import write_log
from trainer.checkpoint import load_checkpoint

QUICK = ["--set", "training.epochs=1", "--set", "two_stage.ranker_epochs=1"]
AVERAGED = {
    f"{name}@10" for name in ("hr", "ndcg", "mrr", "recall", "precision", "popularity_rank")
}
RANKING = AVERAGED | {"coverage@10", "cases", "interval"}
ANSWER = [
    "bundle", "tier", "variant", "provider", "unknown", "items", "requested_provider", "degraded",
]  # fmt: skip
TIERS = ("user+basket", "basket", "short basket", "user", "popular")


def answer(*args: object) -> Any:
    """Run a command with --json; its standard output must be one JSON document."""
    said = run(*args, "--json")
    assert said.code == 0, said.err
    return json.loads(said.out)


def log(chain: Chain) -> list[object]:
    return ["--interactions", chain.log, "--catalogue", chain.catalogue]


# --- the chain


def test_only_answers_go_to_standard_output(chain: Chain) -> None:
    assert set(chain.said) == {"sample", "recommender", "mlp", "generator", "export"}
    for name, said in chain.said.items():
        assert said.out == "", name
        assert "error" not in said.err, name


def test_training_says_what_people_want_to_know(chain: Chain) -> None:
    said = chain.said["recommender"].err
    assert "540 rows read, 540 kept: 60 shoppers, 24 items" in said
    assert "training on the " in said
    assert "retrieval epoch 1/2: loss " in said
    assert "ndcg@10" in said
    assert "popularity" in said
    assert f"report: {chain.recommender / 'report.html'}" in said
    assert "epoch 1: discriminator loss " in chain.said["generator"].err


def test_run_folders(chain: Chain) -> None:
    for path, kind in ((chain.recommender, "recommender"), (chain.generator, "generator")):
        names = {file.name for file in path.iterdir()}
        common = {"config.toml", "run.json", "data.json", "metrics.jsonl", "checkpoint.pt"}
        assert names >= common | {"samples", "report.html"}
        assert not [name for name in names if "partial" in name]
        facts = json.loads((path / "run.json").read_text())
        assert facts["kind"] == kind
        assert facts["command"].startswith(f"endcap train {kind} --")
        lines = (path / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["epoch"] for line in lines]


def test_data_check_of_the_sample(chain: Chain) -> None:
    store = chain.folder / "store"
    report = answer(
        "data", "check", store / "interactions.csv", "--catalogue", store / "catalogue.csv"
    )
    assert list(report) == [
        "usable", "rows_read", "rows_kept", "rows_dropped", "dropped", "facts", "notes", "errors",
    ]  # fmt: skip
    assert report["usable"] is True
    assert report["rows_kept"] + report["rows_dropped"] == report["rows_read"]
    assert sum(reason["rows"] for reason in report["dropped"].values()) == report["rows_dropped"]
    assert report["facts"]["users"] == 40
    text = run("data", "check", store / "interactions.csv")
    assert text.code == 0
    assert f"{report['rows_read']:,}" in text.out


@pytest.mark.parametrize("protocol", ["full", "sampled"])
def test_evaluate_a_run_and_its_bundle(chain: Chain, protocol: str) -> None:
    options = [*log(chain), "--protocol", protocol]
    found = answer("evaluate", chain.recommender, chain.bundle, *options)
    assert (found["protocol"], found["k"], found["seen_items_hidden"]) == (protocol, 10, True)
    assert (found["split"], found["same_cases"]) == ("leave-last-out", True)
    facts = {"split": "leave-last-out", "cases": 60, "answers": 60, "items": 24}
    engines = ["torch", *(f"onnx {variant}" for variant in chain.recommender_variants)]
    assert found["engines"] == dict.fromkeys(engines, facts)
    assert {key: found[key] for key in facts} == facts
    assert list(found["results"]) == engines
    by_torch, by_onnx = (found["results"][engine] for engine in ("torch", "onnx fp32"))
    assert list(by_torch) == list(by_onnx) == [*TIERS, "popularity"]
    for who, figures in by_torch.items():
        assert set(figures) == RANKING
        bounds = figures.pop("interval")
        assert set(bounds) == AVERAGED
        for name, (low, high) in bounds.items():
            assert low <= figures[name] <= high
            assert by_onnx[who]["interval"][name] == pytest.approx([low, high], rel=1e-3)
        del by_onnx[who]["interval"]
        assert by_onnx[who] == pytest.approx(figures, rel=1e-3)
    assert by_torch["user+basket"]["ndcg@10"] > by_torch["popularity"]["ndcg@10"]


def test_evaluate_only_some_of_a_bundles_variants(chain: Chain) -> None:
    found = answer("evaluate", chain.bundle, *log(chain), "--variant", "fp32")
    assert list(found["results"]) == ["onnx fp32"]
    sentence = complaint(run("evaluate", chain.bundle, *log(chain), "--variant", "int4"))
    assert "holds no variant 'int4' of the model; --variant may be fp32" in sentence


def test_a_bundle_of_short_answers_is_not_evaluated_at_10(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer_requests(monkeypatch)
    bundle = tmp_path / "short"
    said = run("export", "--recommender", chain.recommender, "--out", bundle, "--top-k", 5)
    assert said.code == 0, said.err
    sentence = complaint(run("evaluate", bundle, *log(chain), "--json"))
    assert "answers with 5 items at most" in sentence
    assert "--top-k 10" in sentence


def test_evaluate_for_people(chain: Chain) -> None:
    said = run("evaluate", chain.recommender, chain.bundle, *log(chain), "-k", 5)
    assert said.code == 0
    assert "full ranking of 24 items, 60 held-out cases" in said.out
    assert "hr@5" in said.out
    lines = [line.split("  ")[0] for line in said.out.splitlines()]
    n_engines = 1 + len(chain.recommender_variants)
    assert lines[2:] == [*(tier for tier in TIERS for _ in range(n_engines)), "popularity"]
    assert "popularity" in said.out


def test_parity(chain: Chain, tmp_path: Path) -> None:
    junit = tmp_path / "parity.xml"
    report = answer("parity", chain.bundle, "--provider", "cpu", "--junit", junit)
    assert set(report) == {"passed", "provider", "checks"}
    assert (report["passed"], report["provider"]) == (True, "cpu")
    keys = {"model", "variant", "compared", "metric", "value", "tolerance", "passed"}
    assert all(set(check) == keys for check in report["checks"])
    assert all(check["compared"] > 0 for check in report["checks"])
    assert {check["model"] for check in report["checks"]} == {"recommender", "generator"}
    suite = ElementTree.parse(junit).getroot()[0]
    assert (suite.attrib["tests"], suite.attrib["failures"]) == (str(len(report["checks"])), "0")


def test_inspect(chain: Chain) -> None:
    manifest = answer("inspect", chain.bundle)
    assert (manifest["format"], manifest["name"], manifest["version"]) == (1, "bundle", 3)
    on_disk = {
        str(path.relative_to(chain.bundle)): path.stat().st_size
        for path in chain.bundle.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert {name: record["bytes"] for name, record in manifest["files"].items()} == on_disk
    for model in ("recommender", "generator"):
        section = manifest[model]
        assert {"inputs", "outputs", "golden", "variants", "default", "refused"} <= set(section)
        assert set(section["default"]) == {"cpu", "cuda"}
        assert set(section["variants"]["fp32"]) >= {"file", "parity", "bytes", "speedup"}
        assert all({"name", "dtype", "shape"} == set(one) for one in section["inputs"])
    assert manifest["metrics"]["recommender"]["cases"] == 60
    card = (chain.bundle / "README.md").read_text()
    assert "endcap train recommender" in card
    assert f"endcap export --recommender {chain.recommender}" in card


def test_recommend(chain: Chain) -> None:
    found = answer("recommend", chain.bundle, "--user", "u0", "--basket", "i2,nope", "-k", 4)
    assert list(found) == ANSWER
    assert found["bundle"] == {"name": "bundle", "version": 3}
    assert (found["tier"], found["variant"], found["unknown"]) == ("user+basket", "fp32", ["nope"])
    keys = ["rank", "item_id", "title", "category", "score", "reason", "promoted"]
    assert all(list(item) == keys for item in found["items"])
    assert [item["rank"] for item in found["items"]] == [1, 2, 3, 4]
    assert found["items"][0]["title"] == "Title " + found["items"][0]["item_id"][1:]
    odd = answer("recommend", chain.bundle, "--category", "odd", "-k", 3)["items"]
    assert {item["category"] for item in odd} == {"odd"}


def test_similar(chain: Chain) -> None:
    found = answer("similar", chain.bundle, "i5", "-k", 3)
    assert list(found) == ANSWER
    assert (found["tier"], len(found["items"])) == ("basket", 3)
    assert "i5" not in {item["item_id"] for item in found["items"]}


def test_generate(chain: Chain, tmp_path: Path) -> None:
    options = ["--category", "Mug", "-n", 3, "--seed", 5, "--out", tmp_path / "mugs"]
    found = answer("generate", chain.bundle, *options)
    assert list(found) == [
        "files", "seed", "category", "variant", "provider", "requested_provider"
    ]  # fmt: skip
    assert (found["seed"], found["category"], len(found["files"])) == (5, "Mug", 3)
    assert sorted(found["files"]) == sorted(map(str, (tmp_path / "mugs").iterdir()))
    with Image.open(found["files"][0]) as picture:
        assert picture.size == (28, 28)


def test_doctor(chain: Chain) -> None:
    assert set(answer("doctor", chain.bundle)["bundle"]["models"]) == {"recommender", "generator"}


def test_the_reference_model_goes_the_same_way(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer_requests(monkeypatch)
    said = run("export", "--recommender", chain.mlp, "--out", tmp_path / "b", "--name", "reference")
    assert said.code == 0, said.err
    assert answer("inspect", tmp_path / "b")["recommender"]["arch"] == "mlp"
    assert answer("parity", tmp_path / "b")["passed"]
    found = answer("recommend", tmp_path / "b", "--user", "u1", "-k", 3)
    assert (found["bundle"]["name"], found["tier"], len(found["items"])) == ("reference", "user", 3)


@pytest.mark.parametrize("text_format", ["baskets", "sequences"])
def test_logs_of_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text_format: str) -> None:
    fewer_requests(monkeypatch)
    lines = [
        " ".join(([f"u{n}"] if text_format == "sequences" else []) + [f"i{(n + m) % 9}" for m in r])
        for n in range(40)
        for r in [range(2 + n % 4)]
    ]
    path = tmp_path / "log.txt"
    path.write_text("\n".join(lines) + "\n")
    reading = ["--format", text_format]
    facts = answer("data", "check", path, *reading)["facts"]
    assert facts["users"] == (40 if text_format == "sequences" else 0)
    out, bundle = tmp_path / "run", tmp_path / "bundle"
    train = ["train", "recommender", "--interactions", path, *reading, *FAST_RECOMMENDER, *QUICK]
    said = run(*train, "--out", out)
    assert (said.code, said.out) == (0, ""), said.err
    assert run("export", "--recommender", out, "--out", bundle).code == 0
    found = answer("recommend", bundle, "--basket", "i1,i2", "-k", 3)
    assert (found["tier"], found["unknown"], len(found["items"])) == ("basket", [], 3)
    assert {item["item_id"] for item in found["items"]} < {f"i{n}" for n in range(9)} - {"i1", "i2"}
    assert answer("evaluate", bundle, "--interactions", path)["cases"] > 0


def test_a_log_of_single_purchases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fewer_requests(monkeypatch)
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id\na,x\nb,y\nc,x\n")
    train = ["train", "recommender", "--interactions", path, *FAST_RECOMMENDER, *QUICK]
    said = run(*train, "--out", tmp_path / "run")
    assert said.code == 0, said.err
    assert "the split left no test cases" in said.err
    exported = run("export", "--recommender", tmp_path / "run", "--out", tmp_path / "bundle")
    assert exported.code == 0, exported.err
    assert answer("parity", tmp_path / "bundle")["passed"]
    assert len(answer("recommend", tmp_path / "bundle")["items"]) == 2


# --- help, and what is not installed


def commands(group: click.Group, before: Sequence[str] = ()) -> Iterator[list[str]]:
    """Yield the words of every command, groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield [*before, name]
        if isinstance(command, click.Group):
            yield from commands(command, [*before, name])


COMMANDS = list(commands(runtime.cli.endcap))

_HELP = """
import json, sys
from runtime.cli import main
codes = [main([*words, "--help"]) for words in json.loads(sys.argv[1])]
heavy = sorted({name.partition(".")[0] for name in sys.modules} & set(json.loads(sys.argv[2])))
print(json.dumps([codes, heavy]), file=sys.stderr)
"""


def test_help_of_every_command_is_light() -> None:
    assert ["train", "recommender"] in COMMANDS
    assert ["demo"] in COMMANDS
    heavy = ["torch", "pandas", "numpy", "onnx", "onnxruntime", "PIL", "matplotlib", "rich"]
    words = [[], *COMMANDS]
    done = subprocess.run(
        [sys.executable, "-c", _HELP, json.dumps(words), json.dumps(heavy)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stderr) == [[0] * len(words), []]
    assert done.stdout.count("Usage: endcap") == len(words)


@pytest.mark.parametrize(
    "command",
    [
        ["data", "check", "log.csv"],
        ["data", "sample", "--out", "new"],
        ["train", "recommender", "--interactions", "log.csv", "--out", "new"],
        ["train", "generator", "--images", "pictures", "--out", "new"],
        ["evaluate", "run", "--interactions", "log.csv"],
        ["export", "--recommender", "run", "--out", "new"],
        ["demo", "--out", "new"],
    ],
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    said = run(*command)
    sentence = complaint(said, 3)
    assert said.out == ""
    assert sentence == (
        "this command needs 'torch', which is not installed; pip install 'endcap[train,cpu]'"
    )
    assert list(tmp_path.iterdir()) == []


# --- interruptions


def steady(chain: Chain, epochs: int) -> list[object]:
    """Train for exactly ``epochs`` epochs of retrieval, and one of ranking."""
    settings = (f"training.epochs={epochs}", "training.patience=1000000", "training.device=cpu")
    chosen = [word for setting in settings for word in ("--set", setting)]
    ranking = ["--set", "two_stage.ranker_epochs=1"]
    return ["train", "recommender", *log(chain), *FAST_RECOMMENDER, *ranking, *chosen, "--out"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_resumes_to_the_same_weights(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr("trainer.report.write_recommender_report", lambda run: None)
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    command = [str(word) for word in steady(chain, 1_000_000)]
    process = subprocess.Popen(
        [ENDCAP, *command, str(parts)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        while not (parts / "metrics.jsonl").exists() or not (parts / "metrics.jsonl").read_text():
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    last = err.splitlines()[-1]
    assert last.startswith("endcap: stopped in epoch ")
    assert "continue with --resume" in last
    assert "Traceback" not in err
    assert not [path for path in parts.iterdir() if "partial" in path.name]

    unfinished = run("export", "--recommender", parts, "--out", tmp_path / "bundle")
    assert "continue it with --resume" in complaint(unfinished)

    epochs = load_checkpoint(parts / "checkpoint.pt")["epoch"] + 2
    resumed = run(*steady(chain, epochs), parts, "--resume")
    assert resumed.code == 0, resumed.err
    assert run(*steady(chain, epochs), whole).code == 0
    states = [load_checkpoint(path / "checkpoint.pt") for path in (parts, whole)]
    assert states[0]["finished"]
    assert states[0]["model"].keys() == states[1]["model"].keys()
    for name, value in states[0]["model"].items():
        assert torch.equal(value, states[1]["model"][name]), name
    for name in ("metrics.jsonl", "evaluation.json"):
        assert (parts / name).read_text() == (whole / name).read_text()


def test_interrupted_before_training_leaves_nothing(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trainer.dataset

    def interrupted(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(trainer.dataset, "load_dataset", interrupted)
    # A background job starts with SIGINT ignored, and so would these tests in it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        said = run(*steady(chain, 1), tmp_path / "run")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (said.code, said.out) == (130, "")
    assert said.err.splitlines()[-1] == "endcap: interrupted"
    assert list(tmp_path.iterdir()) == []


def test_the_installed_command(chain: Chain) -> None:
    said = run_process("recommend", chain.bundle, "--basket", "i2", "-k", 2, "--json")
    assert said.code == 0
    assert len(json.loads(said.out)["items"]) == 2
    said = run_process("data", "check", write_log(chain.folder / "again.csv"), "--json")
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out)["rows_kept"] == 540
