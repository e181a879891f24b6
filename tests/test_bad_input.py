"""Bad input, item by item, through the real command line: one sentence, and nothing left behind."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from tests.command import Said, complaint, contents, refused, run, run_process
from tests.conftest import FAST_GENERATOR, FAST_RECOMMENDER, Chain
from tests.damage import Damage
from tests.trainer.shop import write_catalogue, write_log

TINY = Path(__file__).parent / "golden" / "tiny-store"

HEADER = "user_id,item_id,timestamp\n"
BINARY = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
RECOMMENDER = ["train", "recommender", *FAST_RECOMMENDER, "--interactions"]
GENERATOR = ["train", "generator", *FAST_GENERATOR, "--set", "images.categories=[]", "--images"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, the current one, with log.csv, items.csv and pictures/ of two categories."""
    write_log(tmp_path / "log.csv")
    write_catalogue(tmp_path / "items.csv")
    rng = np.random.Generator(np.random.PCG64(1))
    for category in ("Hat", "Mug"):
        (tmp_path / "pictures" / category).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 256, (28, 28, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / category / f"{number}.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def damage(tmp_path: Path) -> Damage:
    """A copy of the tiny store to damage."""
    return Damage(Path(shutil.copytree(TINY, tmp_path / "copy")))


def refused_log(shop: Path, content: str | bytes, *words: str, check: int = 2) -> None:
    """Write log.csv anew; checking it, training on it and evaluating with it must all refuse it.

    ``check`` is the exit code of ``data check``: 1 where the report itself says no.
    """
    path = shop / "log.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    commands = (
        ([*RECOMMENDER, path, "--out", "run"], 2),
        (["evaluate", TINY, "-k", 8, "--interactions", path, "--json"], 2),
    )
    for command, code in commands:
        sentence = refused(shop, *command, code=code)
        assert all(word in sentence for word in (str(path), *words)), sentence
    said = run("data", "check", path, "--json")
    sentence = complaint(said, check)
    assert all(word in sentence for word in (str(path), *words)), sentence
    assert said.err.count("\n") == 1
    if check == 1:
        report = json.loads(said.out)
        assert report["usable"] is False
        assert report["errors"][0] in sentence
    else:
        assert said.out == ""


# --- files that are not there, or not what they should be


def test_missing_file(shop: Path) -> None:
    commands: list[list[object]] = [
        ["data", "check", "absent", "--json"],
        ["data", "check", "log.csv", "--catalogue", "absent"],
        [*RECOMMENDER, "absent", "--out", "run"],
        [*RECOMMENDER, "log.csv", "--catalogue", "absent", "--out", "run"],
        [*RECOMMENDER, "log.csv", "--config", "absent", "--out", "run"],
        [*RECOMMENDER, "log.csv", "--out", "absent", "--resume"],
        [*GENERATOR, "absent", "--out", "run"],
        [*GENERATOR, "pictures", "--labels", "absent", "--out", "run"],
        [*GENERATOR, "pictures", "--out", "absent", "--resume"],
        ["evaluate", "absent", "--interactions", "log.csv", "--json"],
        ["evaluate", TINY, "-k", 8, "--interactions", "absent", "--json"],
        ["export", "--recommender", "absent", "--out", "bundle"],
        ["export", "--generator", "absent", "--out", "bundle"],
        ["inspect", "absent", "--json"],
        ["parity", "absent", "--json"],
        ["recommend", "absent", "--json"],
        ["recommend", TINY, "--only", "absent", "--json"],
        ["recommend", TINY, "--stock", "absent", "--json"],
        ["similar", "absent", "TEA"],
        ["generate", "absent", "--category", "Tea", "--out", "new.png"],
        ["doctor", "absent", "--json"],
        ["bench", "absent", "--json"],
    ]
    for command in commands:
        sentence = refused(shop, *command)
        assert "'absent'" in sentence, command
        assert ";" in sentence, f"no way out: {sentence}"


def test_missing_file_in_a_process_of_its_own(shop: Path) -> None:
    sentence = refused(shop, "data", "check", "absent", "--json", runner=run_process)
    assert sentence == "cannot read 'absent': No such file or directory; check the path"


def test_empty_file(shop: Path) -> None:
    refused_log(shop, "", "is empty; it needs a header and rows")
    refused_log(shop, HEADER, "has a header and no rows; ")
    (shop / "empty").touch()
    write_log(shop / "log.csv")
    for command in (
        ["data", "check", "log.csv", "--catalogue", "empty"],
        [*RECOMMENDER, "log.csv", "--catalogue", "empty", "--out", "run"],
        [*GENERATOR, "empty", "--out", "run"],
        [*GENERATOR, "pictures", "--labels", "empty", "--out", "run"],
        ["recommend", TINY, "--only", "empty"],
        ["recommend", TINY, "--stock", "empty"],
        ["recommend", "empty"],
        ["export", "--recommender", "empty", "--out", "bundle"],
    ):
        assert "'empty'" in refused(shop, *command)
    for name in ("empty.npz", "empty.zip"):
        (shop / name).touch()
        assert name in refused(shop, *GENERATOR, name, "--out", "run")
    (shop / "no-pictures").mkdir()
    assert "no-pictures" in refused(shop, *GENERATOR, "no-pictures", "--out", "run")


@pytest.mark.parametrize("text_format", ["baskets", "sequences"])
def test_empty_file_of_lines(shop: Path, text_format: str) -> None:
    (shop / "lines").write_text("\n \n")
    for command in (["data", "check", "lines"], [*RECOMMENDER, "lines", "--out", "run"]):
        sentence = refused(shop, *command, "--format", text_format)
        assert f"'lines' holds no {text_format}" in sentence


def test_wrong_column_name_is_answered_with_the_nearest(shop: Path) -> None:
    log = (shop / "log.csv").read_text()
    refused_log(shop, log.replace("item_id", "item_idx"), "'item_id'; did you mean 'item_idx'")
    refused_log(shop, log.replace("user_id", "userid"), "'user_id'; did you mean 'userid'")
    write_log(shop / "log.csv")
    for option, column in (("user", "user_ids"), ("item", "itemid"), ("time", "timestmp")):
        wrong = [f"--{option}-column", column]
        for command in (["data", "check", "log.csv"], [*RECOMMENDER, "log.csv", "--out", "run"]):
            sentence = refused(shop, *command, *wrong)
            assert f"no column {column!r}; did you mean" in sentence
            assert f"--{option}-column" in sentence


@pytest.mark.parametrize("option", ["basket", "title", "category", "price"])
def test_a_column_that_was_asked_for_must_be_there(shop: Path, option: str) -> None:
    """Left out it is not needed; named, it is, before anything is trained."""
    wrong = [f"--{option}-column", "item_ids"]
    for command in ([*RECOMMENDER, "log.csv", "--out", "run"], ["data", "check", "log.csv"]):
        sentence = refused(shop, *command, *wrong)
        assert "no column 'item_ids'; did you mean 'item_id' or " in sentence
        assert f"--{option}-column" in sentence


def test_an_attribute_that_is_no_column_is_answered_with_the_nearest(shop: Path) -> None:
    listed = ["log.csv", "--catalogue", "items.csv", "--set"]
    for command in ([*RECOMMENDER, *listed], ["data", "check", *listed]):
        out = ["--out", "run"] if command[0] == "train" else []
        sentence = refused(shop, *command, 'data.attributes=["price","catgory"]', *out)
        assert "'data.attributes' names 'catgory'" in sentence
        assert sentence.endswith("did you mean 'category'?")
        sentence = refused(shop, *command, 'data.attributes=["title"]', *out)
        assert "'data.attributes' names 'title'" in sentence
    alone = [*RECOMMENDER, "log.csv", "--out", "run", "--set", 'data.attributes=["price"]']
    sentence = refused(shop, *alone)
    assert "'data.attributes' names 'price'" in sentence
    assert "--catalogue" in sentence


def test_wrong_column_name_of_a_catalogue_or_labels(shop: Path) -> None:
    (shop / "items.csv").write_text("itemid,title\ni1,Title\n")
    sentence = refused(shop, "data", "check", "log.csv", "--catalogue", "items.csv")
    assert "'items.csv' has no column 'item_id'; did you mean 'itemid'" in sentence
    (shop / "labels.csv").write_text("id,labels\n0,Hat\n")
    labels = [*GENERATOR, "pictures", "--labels", "labels.csv", "--out", "run"]
    sentence = refused(shop, *labels)
    assert "no column 'label'; did you mean 'labels'?" in sentence
    assert "--label-column" in sentence
    assert "--id-column" in refused(shop, *labels, "--id-column", "file")
    (shop / "stock.csv").write_text("item,quantity\nTEA,1\n")
    sentence = refused(shop, "recommend", TINY, "--stock", "stock.csv")
    assert "no column 'item_id'; did you mean 'item'?" in sentence


@pytest.mark.parametrize("content", [BINARY, bytes(range(128, 256)) * 3, b"\x7fELF\x02\0\0\0\0"])
def test_binary_file_as_csv(shop: Path, content: bytes) -> None:
    refused_log(shop, content, "; ")
    write_log(shop / "log.csv")
    (shop / "binary").write_bytes(content)
    for command in (
        ["data", "check", "log.csv", "--catalogue", "binary"],
        [*GENERATOR, "pictures", "--labels", "binary", "--out", "run"],
        [*GENERATOR, "binary", "--out", "run"],
        [*RECOMMENDER, "log.csv", "--config", "binary", "--out", "run"],
        ["recommend", TINY, "--only", "binary"],
        ["recommend", TINY, "--stock", "binary"],
        ["inspect", "binary", "--json"],
        ["data", "check", "binary", "--format", "baskets"],
    ):
        assert "'binary'" in refused(shop, *command)


# --- logs with too little or the wrong thing in them


def test_one_user(shop: Path) -> None:
    log = HEADER + "anna,x,1\nanna,y,2\nanna,z,3\n"
    refused_log(shop, log, "only one user is left, 'anna'", "at least 2", check=1)


def test_one_item(shop: Path) -> None:
    log = HEADER + "a,bread,1\nb,bread,2\nc,bread,3\n"
    refused_log(shop, log, "only one item is left, 'bread'", "at least 2", check=1)


@pytest.mark.parametrize("label", ["nan", "NaN", "inf", "-Infinity", "1e300", "1e999"])
def test_label_that_is_no_finite_number(shop: Path, label: str) -> None:
    log = f"user_id,item_id,label\na,x,1\nb,y,0\nc,z,{label}\na,y,1\n"
    words = ["labels are neither 0 nor 1", f"line 4: {label!r}", "--label-column"]
    refused_log(shop, log, *words, check=1)


@pytest.mark.parametrize("label", ["2", "-1", "0.5", "yes", ""])
def test_label_outside_0_and_1(shop: Path, label: str) -> None:
    log = f"user_id,item_id,label\na,x,1\nb,y,0\nc,z,{label}\na,y,1\n"
    words = ["1 of 4 labels", f"line 4: {label!r}", "--label-column"]
    refused_log(shop, log, *words, check=1)


@pytest.mark.parametrize(
    ("first", "second"),
    [("2024-01-05", "05/01/2024"), ("01/13/2024", "13/01/2024"), ("1704412800", "2024-01-05")],
)
def test_dates_in_several_formats(shop: Path, first: str, second: str) -> None:
    log = HEADER + f"a,x,{first}\na,y,{second}\nb,x,{second}\nb,y,{first}\n"
    words = ["column 'timestamp' mixes time formats", repr(first), repr(second), "--time-format"]
    refused_log(shop, log, *words, check=1)


def test_dates_that_do_not_tell_day_from_month(shop: Path) -> None:
    log = HEADER + "a,x,01/02/2024\na,y,03/04/2024\nb,x,05/06/2024\n"
    refused_log(shop, log, "'01/02/2024' can be read both ways", "--time-format", check=1)


def test_broken_jpeg_among_good_ones_is_skipped_and_reported(shop: Path) -> None:
    good = (shop / "pictures" / "Hat" / "0.jpg").read_bytes()
    (shop / "pictures" / "Hat" / "cut.jpg").write_bytes(good[: len(good) // 2])
    (shop / "pictures" / "Mug" / "text.jpg").write_text("no picture")
    said = run(*GENERATOR, "pictures", "--out", "run")
    assert (said.code, said.out) == (0, "")
    assert "14 pictures found, 12 kept (Hat 6, Mug 6)" in said.err
    assert "Hat/cut.jpg" in said.err
    assert "Mug/text.jpg" in said.err
    report = json.loads((shop / "run" / "data.json").read_text())
    assert (report["found"], report["kept"], sum(report["skipped"].values())) == (14, 12, 2)
    assert {example["name"] for example in report["examples"]} == {"Hat/cut.jpg", "Mug/text.jpg"}


def test_only_broken_pictures(shop: Path) -> None:
    for picture in (shop / "pictures").rglob("*.jpg"):
        picture.write_bytes(b"\xff\xd8\xff no picture")
    assert "'pictures'" in refused(shop, *GENERATOR, "pictures", "--out", "run")


# --- requests


def test_unknown_item_is_reported_in_the_answer() -> None:
    said = run("recommend", TINY, "--basket", "BREAD-1,Bread-1", "--exclude", "gone", "--json")
    assert said.code == 0
    assert json.loads(said.out)["unknown"] == ["Bread-1", "gone"]
    assert said.err == "endcap: not known to this bundle: 'Bread-1', 'gone'\n"
    assert json.loads(said.out)["tier"] == "basket"


def test_unknown_item_has_nothing_similar(tmp_path: Path) -> None:
    assert "did you mean 'COFFEE'?" in refused(tmp_path, "similar", TINY, "COFFE", "--json")


def test_unknown_category_is_answered_with_the_nearest(tmp_path: Path) -> None:
    sentence = refused(tmp_path, "recommend", TINY, "--category", "Dary", "--json")
    assert "'Dary'; did you mean 'Dairy'" in sentence
    out = tmp_path / "new.png"
    sentence = refused(tmp_path, "generate", TINY, "--category", "Te", "--out", out, "--json")
    assert "'Te'; did you mean 'Tea'?" in sentence


@pytest.mark.parametrize("k", [0, -1, 11, 10**30])
@pytest.mark.parametrize("command", [["recommend", TINY], ["similar", TINY, "COFFEE"]])
def test_k_outside_what_can_be_answered(tmp_path: Path, command: list[object], k: int) -> None:
    sentence = refused(tmp_path, *command, "-k", k, "--json")
    assert f"k is {k}" in sentence
    assert "1 to 8" in sentence


def test_k_of_more_than_the_catalogue_in_a_process_of_its_own(tmp_path: Path) -> None:
    command = ["recommend", TINY, "-k", 11, "--json"]
    assert "k is 11" in refused(tmp_path, *command, runner=run_process)


def test_unknown_user_is_anonymous_and_told_so() -> None:
    said = run("recommend", TINY, "--user", "zoe", "--json")
    answer = json.loads(said.out)
    assert (said.code, answer["tier"], answer["unknown"]) == (0, "popular", ["zoe"])
    assert said.err == "endcap: not known to this bundle: 'zoe'; the shopper is anonymous\n"
    nobody = json.loads(run("recommend", TINY, "--json").out)
    assert answer["items"] == nobody["items"]
    with_basket = run("recommend", TINY, "--user", "zoe", "--basket", "BREAD-1", "--json")
    assert json.loads(with_basket.out)["tier"] == "basket"


@pytest.mark.parametrize("threads", [0, -1, 257, 10**9])
def test_threads_that_no_machine_can_start(tmp_path: Path, threads: int) -> None:
    sentence = refused(tmp_path, "recommend", TINY, "--threads", threads, "--json")
    assert f"threads is {threads}; it must be from 1 to 256" in sentence


# --- bundles that are not whole


def refused_bundle(damage: Damage, *words: str, runner: Callable[..., Said] = run) -> None:
    """Every command that opens the damaged bundle must refuse it, naming file and reason."""
    folder, parent = damage.folder, damage.folder.parent
    log = parent / "log.csv"
    write_log(log)
    for command in (
        ["inspect", folder, "--json"],
        ["parity", folder, "--json", "--junit", parent / "junit.xml"],
        ["parity", folder, "--layers", "--certificate", parent / "certificate.json"],
        ["bench", folder, "--rounds", 1],
        ["recommend", folder, "--json"],
        ["similar", folder, "TEA", "--json"],
        ["generate", folder, "--category", "Tea", "--out", parent / "new.png", "--json"],
        ["doctor", folder, "--json"],
        ["evaluate", folder, "--interactions", log, "--json"],
    ):
        sentence = refused(parent, *command, runner=runner)
        assert all(word in sentence for word in (str(folder), *words)), sentence


FILES = sorted(
    str(path.relative_to(TINY))
    for path in TINY.rglob("*")
    if path.is_file() and path.name != "manifest.json"
)


@pytest.mark.parametrize("name", FILES)
def test_bundle_with_one_flipped_byte(damage: Damage, name: str) -> None:
    content = bytearray((damage.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (damage.folder / name).write_bytes(content)
    refused_bundle(damage, f"{name!r} does not match its SHA-256", "; it is damaged, copy")


def test_bundle_with_a_flipped_byte_in_a_process_of_its_own(damage: Damage) -> None:
    path = damage.folder / "users.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    command = ["recommend", damage.folder, "--json"]
    assert "'users.npz'" in refused(damage.folder, *command, runner=run_process)


@pytest.mark.parametrize("name", ["manifest.json", *FILES])
def test_bundle_with_a_missing_file(damage: Damage, name: str) -> None:
    (damage.folder / name).unlink()
    refused_bundle(damage, f"{name!r} is missing; ")


@pytest.mark.parametrize("name", ["notes.txt", "recommender/extra.onnx", ".hidden"])
def test_bundle_with_an_extra_file(damage: Damage, name: str) -> None:
    (damage.folder / name).write_bytes(b"x")
    refused_bundle(damage, f"{name!r} is not listed in the manifest; remove it")


def test_bundle_of_a_newer_format(damage: Damage) -> None:
    damage.manifest(lambda document: document.update(format=2))
    refused_bundle(damage, "format", "2", "upgrade")


@pytest.mark.parametrize("model", ["recommender", "generator"])
def test_bundle_with_external_tensor_data(damage: Damage, model: str) -> None:
    name = f"{model}/fp32.onnx"
    graph = onnx.load(str(damage.folder / name))
    weights = next(
        one for one in graph.graph.initializer if one.data_type == onnx.TensorProto.FLOAT
    )
    weights.data_location = onnx.TensorProto.EXTERNAL
    entry = weights.external_data.add()
    entry.key, entry.value = "location", "../../../etc/passwd"
    weights.ClearField("raw_data")
    content = graph.SerializeToString()
    damage.replace(name, content)
    damage.manifest(lambda document: document[model]["variants"]["fp32"].update(bytes=len(content)))
    refused_bundle(damage, repr(name), "external", "; export it again")


# --- where things are written


@pytest.mark.parametrize("taken", ["folder", "file"])
def test_output_path_that_exists(shop: Path, chain: Chain, taken: str) -> None:
    out = shop / "mine"
    if taken == "folder":
        out.mkdir()
        (out / "letter.txt").write_text("dear")
    else:
        out.write_text("dear")
    export = ["export", "--recommender", chain.recommender, "--generator", chain.generator]
    for command in (
        [*RECOMMENDER, "log.csv"],
        [*GENERATOR, "pictures"],
        export,
        ["generate", TINY, "--category", "Tea", "--json"],
        ["demo"],
        ["data", "sample", "--pictures", 0],
    ):
        sentence = refused(shop, *command, "--out", out)
        assert f"{str(out)!r} exists; " in sentence
        assert "choose another --out" in sentence


def test_output_path_that_exists_as_a_png(shop: Path) -> None:
    (shop / "mine.png").write_text("dear")
    sentence = refused(shop, "generate", TINY, "--category", "Tea", "--out", "mine.png")
    assert "'mine.png' exists; choose another --out" in sentence


def test_run_that_exists_names_resume(shop: Path, chain: Chain) -> None:
    shutil.copytree(chain.recommender, shop / "run")
    assert "--resume" in refused(shop, *RECOMMENDER, "log.csv", "--out", "run")


def test_output_path_below_a_file(shop: Path, chain: Chain) -> None:
    for command in (
        [*RECOMMENDER, "log.csv"],
        ["export", "--generator", chain.generator],
        ["generate", TINY, "--category", "Tea"],
        ["data", "sample", "--shoppers", 40, "--items", 60, "--pictures", 0],
    ):
        assert "'log.csv/new'" in refused(shop, *command, "--out", "log.csv/new")


def writers(chain: Chain) -> dict[str, list[object]]:
    """Return a command for each thing that is written, all but its ``--out``."""
    return {
        "recommender": [*RECOMMENDER, chain.log],
        "generator": [*GENERATOR, "pictures"],
        "export": ["export", "--recommender", chain.recommender],
        "sheet": ["generate", TINY, "--category", "Tea", "--json"],
        "pictures": ["generate", TINY, "--category", "Tea", "-n", 2, "--json"],
        "sheet in a folder": ["generate", TINY, "--category", "Tea", "--sheet", "--json"],
        "sample": ["data", "sample", "--shoppers", 40, "--items", 60, "--pictures", 2],
    }


WRITERS = {
    "recommender": "run",
    "generator": "run",
    "export": "bundle",
    "sheet": "sheet.png",
    "pictures": "drawn",
    "sheet in a folder": "drawn",
    "sample": "store",
}


@pytest.mark.parametrize("what", WRITERS)
def test_full_disk_when_flushing(
    shop: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    out = shop / "new" / WRITERS[what]  # the folder around it is new too
    sentence = refused(shop, *writers(chain)[what], "--out", out)
    assert str(out) in sentence
    assert "No space left on device; free some space or choose another --out" in sentence


def _limit_files(size_bytes: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


@pytest.mark.parametrize(
    ("what", "size_bytes"),
    [("recommender", 2000), ("generator", 2000), ("export", 4000), ("sheet", 100)],
)
def test_full_disk_while_writing(shop: Path, chain: Chain, what: str, size_bytes: int) -> None:
    """A limit on the size of files fails in the middle of one, as a full disk does."""
    pytest.importorskip("resource", reason="limits on file sizes are a POSIX matter")
    runner = partial(run_process, before=partial(_limit_files, size_bytes))
    out = shop / WRITERS[what]
    sentence = refused(shop, *writers(chain)[what], "--out", out, runner=runner)
    assert str(out) in sentence
    assert "File too large; free some space or choose another --out" in sentence


def test_disk_that_fills_up_during_training_leaves_a_run_to_resume(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trainer.recommender.train as training
    from runtime.errors import UnusableInput
    from trainer.recommender.rerank import RankingStage

    def full(*_: object) -> None:
        raise UnusableInput("cannot write 'run': No space left on device")

    command = [*RECOMMENDER, "log.csv", "--out", "run"]
    monkeypatch.setattr("trainer.report.write_recommender_report", lambda run: None)
    with monkeypatch.context() as patch:
        patch.setattr(RankingStage, "after_epoch", lambda _: patch.setattr(
            training, "save_checkpoint", full
        ))  # fmt: skip
        assert "No space left" in complaint(run(*command))
    assert not [name for name in contents(shop) if "partial" in name]
    assert run(*command, "--resume").code == 0


# --- settings


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("nokey=1", "unknown config key 'nokey'; known: "),
        ("training.epoch=1", "unknown config key 'training.epoch'; did you mean 'epochs'?"),
        ("two_stage.dropout=-0.5", "'dropout' is -0.5; it must be at least 0"),
        ("two_stage.dropout=1.0", "'dropout' is 1.0; it must be at least 0 and at most 0.95"),
        ("two_stage.loss=bpr", "'loss' is 'bpr'; it must be 'auto', 'softmax' or "),
        ("two_stage.max_basket=0", "'max_basket' is 0; it must be at least 1"),
        ("mlp.max_basket=0", "'max_basket' is 0; it must be at least 1"),
        ("mlp.negatives=0", "'negatives' is 0; it must be at least 1"),
        ("training.learning_rate=nan", "'learning_rate' is nan; it must be at least"),
        ("training.learning_rate=inf", "'learning_rate' is inf; it must be at least"),
        ("training.learning_rate=0", "'learning_rate' is 0.0; it must be at least"),
        ("training.batch_size=0", "'batch_size' is 0; it must be at least 1"),
        ("split.test_fraction=1.0", "'test_fraction' is 1.0; it must be at least"),
        ("data.attributes=brand", "'attributes' is 'brand'; it must be of type list of str"),
        ("data.title_words=some", "'title_words' is 'some'; it must be of type bool"),
        ("data.value_separator=7", "'value_separator' is 7; it must be of type str"),
        ("training.epochs=many", "'epochs' is 'many'; it must be of type int"),
        ("training.epochs=", "'epochs' is ''; it must be of type int"),
        ("arch=two-stag", "'arch' is 'two-stag'; "),
        ("arch", "--set 'arch' needs the form section.key=value"),
        ("=1", "unknown config key ''; known: "),
        ("training=3", "'training' must be a table, not 3"),
        ("training.epochs.x=1", "'epochs'"),
        ("data.delimiter=ab", "'delimiter' is 'ab'; it must be one character"),
    ],
)
def test_wrong_setting_names_the_field_before_training(
    shop: Path, setting: str, words: str
) -> None:
    sentence = refused(shop, *RECOMMENDER, "log.csv", "--out", "run", "--set", setting)
    assert words in sentence
    assert words in refused(shop, "data", "check", "log.csv", "--json", "--set", setting)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("images.image_size=48", "'image_size' is 48; it must be 28, 32, 64 or 128"),
        ("dcgan.widht=4", "unknown config key 'dcgan.widht'"),
        ("dcgan.batch_size=0", "'batch_size' is 0; it must be at least 2"),
    ],
)
def test_wrong_setting_of_the_generator(shop: Path, setting: str, words: str) -> None:
    assert words in refused(shop, *GENERATOR, "pictures", "--out", "run", "--set", setting)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"arch = \n", "is not valid TOML"),
        (b"\xff\xfearch", "is not valid TOML"),
        (b"[training]\nepoch = 3\n", "'training.epoch'; did you mean 'epochs'?"),
        (b"[two_stage]\ndropout = -1\n", "'dropout' is -1.0; it must be at least 0"),
        (b"data = 3\n", "'data' must be a table, not 3"),
    ],
)
def test_unusable_config_file(shop: Path, content: bytes, words: str) -> None:
    (shop / "shop.toml").write_bytes(content)
    command = [*RECOMMENDER, "log.csv", "--out", "run", "--config", "shop.toml"]
    assert words in refused(shop, *command)


def test_config_that_is_a_folder(shop: Path) -> None:
    command = [*RECOMMENDER, "log.csv", "--out", "run", "--config", "pictures"]
    assert "'pictures': Is a directory; " in refused(shop, *command)


def test_a_split_that_leaves_nothing_to_train_on(shop: Path) -> None:
    (shop / "log.csv").write_text("user_id,item_id,label\na,x,0\na,y,1\nb,x,1\nb,z,0\nb,y,1\n")
    settings = ["--set", "split.method=time", "--set", "split.test_fraction=0.9"]
    refused(shop, *RECOMMENDER, "log.csv", "--out", "run", *settings)
