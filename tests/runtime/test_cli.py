"""The command line: answers on standard output, everything else on standard error, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import click
import numpy as np
import pytest
from PIL import Image

import runtime.cli
import runtime.store
from runtime.cli_options import Command, Group, split_ids, table
from runtime.version import __version__
from tests.damage import Damage

Run = Callable[..., tuple[int, str, str]]
DRAW = ["generate", "{}", "--category", "Tea"]
COMMANDS = ["recommend", "similar", "generate", "inspect", "parity", "doctor", "bench"]


def one_sentence(err: str) -> str:
    assert err.startswith("endcap: error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


def test_recommend_table(endcap: Run, tiny: Path) -> None:
    code, out, err = endcap("recommend", tiny, "--basket", "BREAD-1", "-k", 2)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["#", "item", "title", "category", "score", "reason"]
    assert lines[1].startswith("1  BUTTER")
    assert "Salted butter" in lines[1]
    assert lines[1].index("Salted") == lines[0].index("title")
    assert lines[-1] == "tiny-store version 3, tier basket, fp32 on cpu"


def test_recommend_json(endcap: Run, tiny: Path) -> None:
    code, out, err = endcap("recommend", tiny, "--basket", "BREAD-1,nope", "-k", 2, "--json")
    document = json.loads(out)
    assert code == 0
    keys = ["bundle", "tier", "variant", "provider", "unknown", "items"]
    assert list(document) == [*keys, "requested_provider", "degraded"]
    assert document["unknown"] == ["nope"]
    assert document["items"][0]["item_id"] == "BUTTER"
    assert err == "endcap: not known to this bundle: 'nope'\n"


def test_unknown_user_is_said_to_people_too(endcap: Run, tiny: Path) -> None:
    code, out, err = endcap("recommend", tiny, "--user", "zoe")
    assert code == 0
    assert "'zoe'; the shopper is anonymous" in err
    assert "tier popular" in out


def test_k_defaults_to_what_a_small_catalogue_has(endcap: Run, tiny: Path) -> None:
    code, out, _ = endcap("recommend", tiny, "--json")
    assert code == 0
    assert len(json.loads(out)["items"]) == 8


def test_a_till_that_shows_no_reasons(endcap: Run, tiny: Path) -> None:
    arguments = ("recommend", tiny, "--basket", "BREAD-1", "--no-reasons")
    code, out, _ = endcap(*arguments)
    assert code == 0
    assert "Salted butter" in out
    assert "reason" not in out
    assert "goes with" not in out
    _, out, _ = endcap(*arguments, "--json")
    assert {item["reason"] for item in json.loads(out)["items"]} == {None}


def test_promotions_are_marked_where_no_reasons_are_asked_for(
    endcap: Run, tiny: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[promotions]\nitems = ["MILK"]\n')
    _, out, _ = endcap("recommend", tiny, "--no-reasons", "--rules", rules)
    assert [line.split()[1] for line in out.splitlines() if "promoted" in line] == ["MILK"]


def test_rules_from_files(endcap: Run, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "only.txt").write_text("﻿TEA\r\n\r\nCARD,9\nété-10\nnope\n", encoding="utf-8")
    code, out, err = endcap("recommend", tiny, "--only", tmp_path / "only.txt", "--json")
    document = json.loads(out)
    assert code == 0
    assert [item["item_id"] for item in document["items"]] == ["été-10", "TEA", "CARD,9"]
    assert document["unknown"] == ["nope"]
    assert "3 of 8 items" in err
    (tmp_path / "stock.csv").write_text('quantity,item_id\n3,TEA\n0,COLA\n1,"CARD,9"\n')
    code, out, _ = endcap("recommend", tiny, "--stock", tmp_path / "stock.csv", "--json")
    assert [item["item_id"] for item in json.loads(out)["items"]] == ["TEA", "CARD,9"]
    code, out, _ = endcap("recommend", tiny, "--exclude", 'COLA,"CARD,9"', "-k", 1, "--json")
    assert json.loads(out)["unknown"] == []
    assert json.loads(out)["items"][0]["item_id"] == "MILK"


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [
        ("--only", None, "No such file"),
        ("--only", b"", "holds no item id"),
        ("--only", b"\xff\xfe\x00", "not UTF-8"),
        ("--only", b"a\0b", "binary data"),
        ("--stock", b"", "no column 'item_id'"),
        ("--stock", b"item,quantity\nTEA,1\n", "no column 'item_id'; did you mean 'item'"),
        ("--stock", b"item_id,quantity\n", "holds no stock"),
        ("--stock", b"item_id,quantity\nTEA,many\n", "line 2: quantity 'many'"),
        ("--stock", b"item_id,quantity\nTEA,1\nTEA,nan\n", "line 3: quantity 'nan'"),
        ("--stock", b"item_id,quantity\nTEA\n", "line 2: quantity ''"),
        ("--stock", b"item_id,quantity\n,1\n", "line 2: the item_id is empty"),
        ("--stock", b'item_id,quantity\n"TEA,1\n', "is not CSV"),
    ],
)
def test_unusable_rule_files(
    endcap: Run, tiny: Path, tmp_path: Path, option: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    code, out, err = endcap("recommend", tiny, option, tmp_path / "file")
    assert (code, out) == (2, "")
    assert said in one_sentence(err)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["recommend", "{}", "-k", "0"], "k is 0"),
        (["recommend", "{}", "-k", "-1"], "k is -1"),
        (["recommend", "{}", "-k", "11"], "1 to 8 items"),
        (["recommend", "{}", "-k", "x"], "'x' is not a valid integer; see endcap recommend --help"),
        (["recommend", "{}", "--category", "Dary"], "'Dary'; did you mean 'Dairy'"),
        (["recommend", "{}", "--variant", "int4"], "no variant 'int4'"),
        (["recommend", "{}", "--threads", "0"], "threads is 0"),
        (["recommend", "{}", "--provider", "tpu"], "'tpu' is not one of"),
        (["recommend", "{}", "--bask", "x"], "--bask"),
        (["recommend", "/no/such/bundle"], "no such folder"),
        (["recommend"], "missing argument 'BUNDLE'"),
        (["similar", "{}", "COFFE"], "did you mean 'COFFEE'"),
        (["similar", "{}"], "missing argument 'ITEM_ID'"),
        (["generate", "{}", "--category", "Te", "--out", "new"], "'Te'; did you mean 'Tea'"),
        (["generate", "{}", "--category", "Tea", "-n", "0", "--out", "new"], "n is 0"),
        (["generate", "{}", "--category", "Tea", "--seed", "-1", "--out", "new"], "seed is -1"),
        (["generate", "{}", "--category", "Tea"], "missing option '--out'"),
        (["generate", "{}", "--out", "new"], "missing option '--category'"),
        ([*DRAW, "--category", "Te", "--out", "new.png"], "'Te'; did you mean 'Tea'"),
        ([*DRAW, "-n", "4097", "--out", "new"], "n is 4097; it must be"),
        ([*DRAW, "-n", "2.5", "--out", "new"], "'2.5' is not a valid integer"),
        ([*DRAW, "--seed", str(2**128), "--out", "new"], "2**128 - 1"),
        ([*DRAW, "--truncation", "0", "--out", "new"], "truncation is 0.0; it must be"),
        ([*DRAW, "--truncation", "-1", "--out", "new"], "truncation is -1.0"),
        ([*DRAW, "--truncation", "1e-6", "--out", "new"], "at least 0.001, such as 0.8"),
        ([*DRAW, "--truncation", "nan", "--out", "new"], "truncation is nan"),
        ([*DRAW, "--truncation", "x", "--out", "new"], "'x' is not a valid float"),
        ([*DRAW, "--interpolate", "-1", "--out", "new.png"], "interpolate is -1"),
        ([*DRAW, "--out", "new.JPG"], "'new.JPG' is no PNG, the only format written; name it"),
        ([*DRAW, "--sheet", "--out", "new.webp"], "name it 'new.png'"),
        ([*DRAW, "--category", "Bread", "--out", "new"], "add --sheet for a row each"),
        ([*DRAW, "--category", "Bread", "-n", "2049", "--out", "x.png"], "at most 2048"),
        (["inspect", "/no/such/bundle"], "no such folder"),
        (["parity", "/no/such/bundle"], "no such folder"),
        (["doctor", "/no/such/bundle"], "no such folder"),
        (["recomend"], "unknown command 'recomend'; did you mean 'recommend'"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(
    endcap: Run,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = endcap(*(argument.replace("{}", str(tiny)) for argument in arguments))
    assert (code, out) == (2, "")
    assert said in one_sentence(err)
    assert list(tmp_path.iterdir()) == []


def test_similar(endcap: Run, tiny: Path) -> None:
    code, out, _ = endcap("similar", tiny, "COFFEE", "-k", 1, "--json")
    assert code == 0
    assert json.loads(out)["items"][0]["item_id"] == "MILK"
    code, out, _ = endcap("similar", tiny, "COFFEE")
    assert "Whole milk 1 l" in out


def test_generate_sheet(endcap: Run, tiny: Path, tmp_path: Path) -> None:
    out_file = tmp_path / "tea.png"
    code, out, _ = endcap("generate", tiny, "--category", "Tea", "--out", out_file, "--json")
    assert code == 0
    assert json.loads(out) == {
        "files": [str(out_file)],
        "seed": 7,
        "category": "Tea",
        "variant": "fp32",
        "provider": "cpu",
        "requested_provider": "auto",
    }
    with Image.open(out_file) as sheet:
        assert sheet.size == (4 * 8 + 3 * 2, 4 * 8 + 3 * 2)


def test_generate_folder(endcap: Run, tiny: Path, tmp_path: Path, store: Any) -> None:
    out_folder = tmp_path / "tea"
    code, out, err = endcap(
        "generate", tiny, "--category", "Tea", "-n", 2, "--seed", 5, "--out", out_folder
    )
    files = out.split()
    assert code == 0
    assert [Path(file).name for file in files] == ["Tea-5-000.png", "Tea-5-001.png"]
    assert "2 pictures of Tea" in err
    expected = store.generate("Tea", n=2, seed=5).images
    for file, image in zip(files, expected, strict=True):
        with Image.open(file) as read:
            np.testing.assert_array_equal(np.asarray(read), image)


def test_generate_truncated_path(endcap: Run, tiny: Path, tmp_path: Path, store: Any) -> None:
    code, out, err = endcap(
        "generate", tiny, "--category", "Tea", "-n", 3, "--truncation", 0.5, "--interpolate", 9,
        "--out", tmp_path / "tea", "--json",
    )  # fmt: skip
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert (document["truncation"], document["interpolate"]) == (0.5, 9)
    expected = store.generate("Tea", n=3, truncation=0.5, interpolate=9).images
    for file, image in zip(document["files"], expected, strict=True):
        with Image.open(file) as read:
            np.testing.assert_array_equal(np.asarray(read), image)


def test_generate_says_what_was_asked_for(endcap: Run, tiny: Path, tmp_path: Path) -> None:
    code, _, err = endcap(
        "generate", tiny, "--category", "Tea", "--category", "Bread", "-n", 2,
        "--truncation", 0.5, "--out", tmp_path / "both.png",
    )  # fmt: skip
    assert code == 0
    assert err == "2 pictures each of Tea, Bread, seed 7, truncation 0.5, fp32 on cpu\n"


@pytest.mark.parametrize(
    ("out", "file"), [("new.png", "new.png"), ("new.PNG", "new.PNG"), ("new", "new/sheet.png")]
)
def test_generate_sheet_of_categories(
    endcap: Run, tiny: Path, tmp_path: Path, store: Any, out: str, file: str
) -> None:
    code, said, _ = endcap(
        "generate", tiny, "--category", "Tea", "--category", "Bread", "-n", 3, "--sheet",
        "--out", tmp_path / out, "--json",
    )  # fmt: skip
    document = json.loads(said)
    assert code == 0
    assert document["files"] == [str(tmp_path / file)]
    assert document["category"] == ["Tea", "Bread"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / file]
    with Image.open(tmp_path / file) as sheet:
        assert sheet.size == (3 * 8 + 2 * 2, 2 * 8 + 2)
        pixels = np.asarray(sheet)
    for row, category in enumerate(["Tea", "Bread"]):
        for column, image in enumerate(store.generate(category, n=3).images):
            top, left = row * 10, column * 10
            np.testing.assert_array_equal(pixels[top : top + 8, left : left + 8], image)


def text_of(file: Path) -> dict[str, str]:
    """Return a PNG's text by keyword, as Pillow reads it."""
    with Image.open(file) as picture:
        picture.load()
        return {key: str(value) for key, value in picture.text.items()}  # type: ignore[attr-defined]


def asked_again(text: dict[str, str]) -> list[str]:
    """Return the options that docs/pictures.md says draw a picture again."""
    categories = [word for name in text["category"].split("\n") for word in ("--category", name)]
    options = ["-n", text["n"], "--seed", text["seed"], "--variant", text["variant"]]
    given = [name for name in ("truncation", "interpolate") if name in text]
    latent = [word for name in given for word in (f"--{name}", text[name])]
    return [*categories, *options, "--provider", text["provider"], *latent]


@pytest.mark.parametrize(
    "options", [[], ["--truncation", 0.7], ["--interpolate", 4], ["--truncation", "1e-2"]]
)
def test_a_picture_is_made_again_from_its_own_text(
    endcap: Run, tiny: Path, tmp_path: Path, options: list[object]
) -> None:
    ask = ["generate", tiny, "--category", "Greeting card", "-n", 18, "--seed", 3, *options]
    assert endcap(*ask, "--out", tmp_path / "first")[0] == 0
    file = tmp_path / "first" / "Greeting-card-3-017.png"
    text = text_of(file)
    assert (text["bundle"], text["version"], text["index"]) == ("tiny-store", "3", "17")
    code, out, _ = endcap("generate", tiny, *asked_again(text), "--out", tmp_path / "again")
    assert code == 0
    assert Path(out.split("\n")[int(text["index"])]).read_bytes() == file.read_bytes()


def test_a_sheet_is_made_again_from_its_own_text(endcap: Run, tiny: Path, tmp_path: Path) -> None:
    ask = ["generate", tiny, "--category", "Greeting card", "--category", "Tea", "-n", 5]
    options = ["--truncation", 0.3, "--interpolate", 2, "--sheet"]
    assert endcap(*ask, *options, "--out", tmp_path / "first.png")[0] == 0
    text = text_of(tmp_path / "first.png")
    assert "index" not in text
    again = tmp_path / "again.png"
    assert endcap("generate", tiny, *asked_again(text), "--out", again)[0] == 0
    assert again.read_bytes() == (tmp_path / "first.png").read_bytes()


@pytest.mark.parametrize("name", ["x", "x.png"])
def test_generate_overwrites_nothing(endcap: Run, tiny: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    code, _, err = endcap("generate", tiny, "--category", "Tea", "--out", tmp_path / name)
    assert code == 2
    assert "exists" in one_sentence(err)
    assert (tmp_path / name).read_text() == "mine"


def test_inspect(endcap: Run, tiny: Path) -> None:
    code, out, _ = endcap("inspect", tiny)
    assert code == 0
    assert "tiny-store version 3" in out
    assert "10 items, 3 users" in out
    assert "recommender full.ndcg@10: 0.5\n" in out
    code, out, err = endcap("inspect", tiny, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["recommender"]["n_items"] == 10
    assert document["signed"] is False
    assert len(document["manifest_sha256"]) == 64


def test_inspect_shows_what_export_measured(endcap: Run, copy: Path, damage: Damage) -> None:
    parity = {"compared": 2000, "psnr_db": 99.26}
    damage.manifest(lambda said: said["generator"]["variants"]["fp32"].update(parity=parity))
    out = endcap("inspect", copy)[1]
    assert "\ngenerator fp32 against torch: compared 2000, psnr_db 99.26\n" in out
    assert "recommender fp32 against torch" not in out  # of which nothing is stated


@pytest.mark.parametrize("command", ["inspect", "parity", "recommend"])
def test_damaged_bundle(endcap: Run, copy: Path, command: str) -> None:
    (copy / "users.npz").write_bytes(b"x")
    code, out, err = endcap(command, copy)
    assert (code, out) == (2, "")
    assert "'users.npz'" in one_sentence(err)


def test_parity(endcap: Run, tiny: Path, tmp_path: Path) -> None:
    code, out, _ = endcap("parity", tiny)
    assert code == 0
    assert out.count("passed") == 4
    junit = tmp_path / "parity.xml"
    code, out, _ = endcap("parity", tiny, "--provider", "cpu", "--json", "--junit", junit)
    assert code == 0
    assert json.loads(out)["passed"] is True
    assert ElementTree.parse(junit).getroot()[0].attrib["tests"] == "4"


def test_failed_parity_is_exit_code_1(endcap: Run, damage: Any, copy: Path) -> None:
    golden = copy / "golden" / "generator.npz"
    with np.load(golden) as archive:
        arrays = dict(archive)
    arrays["image"] = 255 - arrays["image"]
    np.savez(golden, **arrays)
    damage.replace("golden/generator.npz", golden.read_bytes())
    code, out, err = endcap("parity", copy, "--json")
    assert code == 1
    assert json.loads(out)["passed"] is False
    assert "generator fp32 psnr_db" in one_sentence(err)
    code, out, err = endcap("parity", copy)
    assert code == 1
    assert "FAILED" in out


def test_doctor(endcap: Run, tiny: Path) -> None:
    code, out, _ = endcap("doctor", tiny)
    assert code == 0
    assert "onnxruntime" in out
    assert "fp32 on cpu" in out
    code, out, err = endcap("doctor", tiny, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["endcap"] == __version__
    assert document["bundle"]["models"]["recommender"]["variant"] == "fp32"
    assert "bundle" not in json.loads(endcap("doctor", "--json")[1])


def test_doctor_without_onnxruntime_is_exit_code_3(
    endcap: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.probe._IMPORT", "import onnxruntime_that_is_not_there")
    code, out, err = endcap("doctor", "--json")
    assert code == 3
    assert json.loads(out)["onnxruntime"] is None
    assert "pip install 'endcap[cpu]'" in one_sentence(err)


def test_missing_provider_is_exit_code_3(
    endcap: Run, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    for command in (["recommend", tiny], ["parity", tiny]):
        code, out, err = endcap(*command, "--provider", "cuda")
        assert (code, out) == (3, "")
        assert "pip install 'endcap[gpu]'" in one_sentence(err)


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], *([c, "--help"] for c in COMMANDS)])
def test_help(endcap: Run, arguments: list[str]) -> None:
    code, out, err = endcap(*arguments)
    assert (code, err) == (0, "")
    assert "--debug" in out
    if arguments[0] in COMMANDS:
        assert f"  endcap {arguments[0]} " in out.split("Examples:")[1]


def test_every_option_has_help() -> None:
    context = click.Context(runtime.cli.endcap)
    checked = 0
    for name in COMMANDS:
        command = runtime.cli.endcap.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.name}"
                checked += 1
    assert checked > 20


def test_version_and_no_arguments(endcap: Run) -> None:
    assert endcap("--version") == (0, f"endcap {__version__}\n", "")
    code, out, err = endcap()
    assert code == 2
    assert "Usage: endcap" in out + err


@pytest.mark.parametrize("before", [True, False])
def test_debug_shows_the_traceback(endcap: Run, before: bool) -> None:
    arguments = ["inspect", "/no/such/bundle"]
    code, _, err = endcap(*(["--debug", *arguments] if before else [*arguments, "--debug"]))
    assert code == 2
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("endcap: error: ")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            ZeroDivisionError("by nought\nand more"),
            2,
            "unexpected ZeroDivisionError: by nought and",
        ),
        (KeyError(), 2, "KeyError"),
        (
            ModuleNotFoundError("no", name="torch"),
            3,
            "'torch', which is absent; pip install 'endcap[",
        ),
        (ModuleNotFoundError("no", name="png"), 3, "'png', which is absent; pip install endcap\n"),
        (MemoryError(), 2, "out of memory"),
        (PermissionError(13, "Permission denied", "file"), 2, "cannot use 'file': Permission"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
    ],
)
def test_unexpected_errors(
    endcap: Run,
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    said: str,
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(runtime.store, "load", broken)
    monkeypatch.setattr(runtime.cli, "_abandon_stdout", lambda: None)
    found, out, err = endcap("recommend", tiny)
    assert (found, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


class Plug:
    """An entry point that loads a command, or fails to."""

    def __init__(self, name: str, command: click.Command | Exception) -> None:
        self.name = name
        self._command = command

    def load(self) -> click.Command:
        if isinstance(self._command, Exception):
            raise self._command
        return self._command


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command(cls=Command)
    def greet() -> None:
        """Say hello."""
        click.echo("hello")

    group = Group("nested")

    @group.command()
    def inner() -> None:
        raise ValueError("inside")

    absent = ModuleNotFoundError("No module named 'torch'", name="torch")
    points = [Plug("greet", greet), Plug("train", absent), Plug("nested", group)]
    monkeypatch.setattr(metadata, "entry_points", lambda group: points)


@pytest.mark.usefixtures("plugged")
def test_commands_of_other_packages(endcap: Run) -> None:
    assert endcap("greet") == (0, "hello\n", "")
    code, out, _ = endcap("--help")
    assert code == 0
    assert "Say hello." in out
    assert "Not installed here: pip install 'endcap[train]'" in out
    code, out, err = endcap("train", "recommender", "--interactions", "x.csv")
    assert (code, out) == (3, "")
    assert "'torch'; pip install 'endcap[train]'" in one_sentence(err)


@pytest.mark.usefixtures("plugged")
def test_debug_after_a_nested_command(endcap: Run) -> None:
    assert "Traceback" not in endcap("nested", "inner")[2]
    assert "Traceback" in endcap("nested", "inner", "--debug")[2]
    assert "Traceback" in endcap("nested", "--debug", "inner")[2]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (None, ()),
        ("", ()),
        ("a", ("a",)),
        ("a,b", ("a", "b")),
        (" a , b ,,", ("a", "b")),
        ('"a,b",c', ("a,b", "c")),
        ('5" pipe,x', ('5" pipe', "x")),
    ],
)
def test_split_ids(text: str | None, ids: tuple[str, ...]) -> None:
    assert split_ids(text) == ids


def test_table_aligns_wide_letters() -> None:
    assert table(("id", "n"), [("茶", "1"), ("tea", "22")], right=(1,)).splitlines() == [
        "id    n",
        "茶    1",
        "tea  22",
    ]


def command(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run endcap as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "runtime.cli", *(str(argument) for argument in arguments)],
        text=True,
        encoding="utf-8",
        check=False,
        cwd=Path(__file__).parents[2],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


def test_process(tiny: Path) -> None:
    done = command("recommend", tiny, "--user", "陈", "-k", "3", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["tier"] == "user"


def test_process_with_a_terminal_that_knows_no_accents(tiny: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = command("recommend", tiny, env=environment)
    assert done.returncode == 0
    assert "Caf" in done.stdout


def test_process_with_an_id_that_is_not_utf_8(tiny: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runtime.cli", "recommend", str(tiny), "--user", b"\xff", "--json"],
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["unknown"] == ["\udcff"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_process_whose_output_is_full(tiny: Path) -> None:
    with open("/dev/full", "w") as full:
        done = command("recommend", tiny, "--json", stdout=full)
    assert done.returncode == 2
    assert "No space left on device" in one_sentence(done.stderr)


def test_process_whose_reader_left(tiny: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as closed:
        done = command("recommend", tiny, stdout=closed)
    assert (done.returncode, done.stderr) == (141, "")


_INTERRUPTED = """
import os, signal, sys
import runtime.store
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts without
runtime.store.load = lambda *_: os.kill(os.getpid(), signal.SIGINT)
from runtime.cli import main
sys.exit(main(["recommend", "bundle"]))
"""


def test_process_that_is_interrupted() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stdout) == (128 + signal.SIGINT, "")
    assert done.stderr.strip() == "endcap: interrupted"


def test_entry_points_are_declared() -> None:
    """The commands of trainer and export are plugged in by name in pyproject.toml."""
    import tomllib

    path = Path(__file__).parents[2] / "pyproject.toml"
    project = SimpleNamespace(**tomllib.loads(path.read_text(encoding="utf-8"))["project"])
    assert project.scripts == {"endcap": "runtime.cli:main"}
    assert {"data", "train", "evaluate", "export", "demo"} <= set(
        getattr(project, "entry-points")["endcap.commands"]
    )
