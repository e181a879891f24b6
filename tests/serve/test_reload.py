"""Hot reload: the new one takes over between two requests; a bad one leaves the old, and why."""

from __future__ import annotations

import json
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.serve import reload
from runtime.serve.fingerprint import fingerprint
from tests.damage import Damage, one_weight_by_1_percent
from tests.serve.served import TINY, Served, serving, started, until


def version(served: Served) -> int:
    return int(served.recommend(k=1)["bundle"]["version"])


def make(tiny: Path, place: Path, number: int, **changes: Any) -> Path:
    """Copy the tiny store to ``place`` as another version."""
    shutil.copytree(tiny, place)

    def change(document: Any) -> None:
        document["version"] = number
        for key, value in changes.items():
            document["recommender"][key] = value

    Damage(place).manifest(change)
    return place


@pytest.fixture
def place(tiny: Path, tmp_path: Path) -> Path:
    """A link to version 1, beside version 2."""
    make(tiny, tmp_path / "v1", 1)
    make(tiny, tmp_path / "v2", 2)
    link = tmp_path / "current"
    link.symlink_to("v1")
    return link


def switch(link: Path, target: str) -> None:
    """Point ``link`` at ``target`` in one step."""
    new = link.with_name("new")
    new.symlink_to(target)
    new.replace(link)


def test_a_link_that_is_switched_is_noticed(place: Path) -> None:
    with serving(place, poll_s=0.05) as server:
        assert version(server) == 1
        switch(place, "v2")
        until(lambda: version(server) == 2)
        ready = server.client.get("/v2/health/ready").json()
        assert (ready["bundle"]["version"], ready["problems"]) == (2, [])
        assert server.metric('endcap_reloads_total{outcome="loaded"}') == 1
        assert server.client.get("/v2/models/recommender/versions/1").status_code == 404
        assert server.client.get("/v2/models/recommender/versions/2").status_code == 200
        text = server.client.get("/metrics").text
        assert 'name="tiny-store",version="2"' in text
        assert 'name="tiny-store",version="1"' not in text


def test_a_folder_that_is_replaced_is_noticed(tiny: Path, tmp_path: Path) -> None:
    folder = make(tiny, tmp_path / "bundle", 1)
    with serving(folder, poll_s=0.05) as server:
        make(tiny, tmp_path / "next", 5)
        folder.rename(tmp_path / "old")
        (tmp_path / "next").rename(folder)
        until(lambda: version(server) == 5)
        shutil.rmtree(tmp_path / "old")
        assert server.client.get("/v1/images/Tea?seed=3").status_code == 200


def test_a_zip_is_noticed(tiny: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        folder = make(tiny, tmp_path / f"v{number}", number)
        shutil.make_archive(str(tmp_path / f"zip{number}"), "zip", folder)
    place = tmp_path / "bundle.zip"
    (tmp_path / "zip1.zip").rename(place)
    with serving(place, poll_s=0.05) as server:
        assert version(server) == 1
        (tmp_path / "zip2.zip").replace(place)
        until(lambda: version(server) == 2)


def break_file(folder: Path) -> None:
    file = folder / "recommender" / "fp32.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def damaged_weight(folder: Path) -> None:
    """A graph whose hashes are right and whose answers are not those of the golden vectors."""
    Damage(folder).graph("recommender/fp32.onnx", one_weight_by_1_percent("shown_t"))


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (break_file, "'recommender/fp32.onnx' does not match its SHA-256"),
        (damaged_weight, "fails parity on this device: recommender fp32 max_abs_score_diff is"),
        (lambda folder: (folder / "manifest.json").unlink(), "'manifest.json' is missing"),
        (lambda folder: shutil.rmtree(folder), "there is no such folder"),
        (lambda folder: (folder / "extra").write_text("x"), "'extra' is not listed"),
    ],
)
def test_a_bad_one_leaves_the_old_serving_and_says_why(
    place: Path, harm: Callable[[Path], None], why: str
) -> None:
    with serving(place) as server:
        harm(place.parent / "v2")
        switch(place, "v2")
        said = server.client.post("/v1/reload")
        assert said.status_code == 409
        assert said.json()["error"].startswith("the old one serves on: ")
        assert why in said.json()["error"]
        assert version(server) == 1
        assert server.client.get("/v1/images/Tea").status_code == 200
        ready = server.client.get("/v2/health/ready")
        assert ready.status_code == 200
        assert why in ready.json()["problems"][0]
        assert server.metric('endcap_reloads_total{outcome="refused"}') == 1
        assert server.metric("endcap_last_reload_ok") == 0
        switch(place, "v1")
        said = server.client.post("/v1/reload").json()
        assert said == {"outcome": "unchanged", "bundle": {"name": "tiny-store", "version": 1}}
        assert server.client.get("/v2/health/ready").json()["problems"] == []
        assert server.metric("endcap_last_reload_ok") == 1


def test_a_bad_one_is_noticed_once(place: Path) -> None:
    with serving(place, poll_s=0.02) as server:
        break_file(place.parent / "v2")
        switch(place, "v2")
        until(lambda: server.metric("endcap_last_reload_ok") == 0)
        looks = threading.Event()
        looks.wait(0.3)  # some more looks
        assert server.metric('endcap_reloads_total{outcome="refused"}') == 1
        assert version(server) == 1


def test_a_link_to_itself_is_one_of_the_bad(place: Path) -> None:
    with serving(place) as server:
        switch(place, "current")
        said = server.client.post("/v1/reload")
        assert (said.status_code, "neither a folder nor" in said.json()["error"]) == (409, True)


def test_what_nobody_foresaw_does_not_end_the_watch(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any) -> Any:
        raise RuntimeError("a bug")

    with serving(place, poll_s=0.02) as server:
        with monkeypatch.context() as patched:
            patched.setattr(reload, "load_engine", fail)
            switch(place, "v2")
            until(lambda: server.metric("endcap_last_reload_ok") == 0)
        problems = server.client.get("/v2/health/ready").json()["problems"]
        assert problems == ["unexpected RuntimeError: a bug"]
        make(TINY, place.parent / "v3", 3)
        switch(place, "v3")
        until(lambda: version(server) == 3)
        assert server.client.get("/v2/health/ready").json()["problems"] == []


def test_a_good_stock_does_not_hide_a_bad_bundle(place: Path, tmp_path: Path) -> None:
    stock = tmp_path / "stock.csv"
    stock.write_text("item_id,quantity\nTEA,1\n")

    def problems() -> list[str]:
        found: list[str] = server.client.get("/v2/health/ready").json()["problems"]
        return found

    with serving(place, stock=str(stock), poll_s=0.02) as server:
        break_file(place.parent / "v2")
        switch(place, "v2")
        until(problems)
        stock.write_text("item_id,quantity\nCOLA,1\n")
        until(lambda: server.ids(k=8) == ["COLA"])
        assert "SHA-256" in problems()[0]
        assert server.metric("endcap_last_reload_ok") == 0
        stock.write_text("item_id\nCOLA\n")
        until(lambda: len(problems()) == 2)
        switch(place, "v1")
        until(lambda: len(problems()) == 1)
        assert "no column 'quantity'" in server.client.post("/v1/reload").json()["error"]
        stock.write_text("item_id,quantity\nTEA,1\nMILK,1\n")
        until(lambda: not problems())
        assert server.metric("endcap_last_reload_ok") == 1


def test_what_a_till_told_is_newer_than_a_file_that_was_read(place: Path, tmp_path: Path) -> None:
    stock = tmp_path / "stock.csv"
    stock.write_text("item_id,quantity\nTEA,1\n")
    with serving(place, stock=str(stock)) as server:
        server.client.put("/v1/stock", json={"COLA": 1})
        switch(place, "v2")
        assert server.client.post("/v1/reload").json()["outcome"] == "loaded"
        assert (version(server), server.ids(k=8)) == (2, ["COLA"])
        stock.write_text("item_id,quantity\nMILK,1\n")
        assert server.client.post("/v1/reload").json()["outcome"] == "loaded"
        assert server.ids(k=8) == ["MILK"]
        assert server.client.post("/v1/reload").json()["outcome"] == "unchanged"


def test_stock_and_rules_go_with_the_new_one(place: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('never_show = ["Bakery"]')
    with serving(place, rules=str(rules)) as server:
        server.client.put("/v1/stock", json={"TEA": 1, "BREAD-1": 1, "MILK": 1})
        assert server.ids(k=8) == ["MILK", "TEA"]
        switch(place, "v2")
        rules.write_text('never_show = ["Dairy"]')
        assert server.client.post("/v1/reload").json()["outcome"] == "loaded"
        assert (version(server), server.ids(k=8)) == (2, ["BREAD-1", "TEA"])
        rules.write_text('never_show = ["Tobacco"]')
        said = server.client.post("/v1/reload")
        assert (said.status_code, "'Tobacco'" in said.json()["error"]) == (409, True)
        assert server.ids(k=8) == ["BREAD-1", "TEA"]


def test_files_of_rules_and_stock_are_watched(tiny: Path, tmp_path: Path) -> None:
    rules, stock = tmp_path / "rules.toml", tmp_path / "stock.csv"
    rules.write_text("")
    stock.write_text("item_id,quantity\nTEA,1\nCOLA,1\n")
    with serving(tiny, rules=str(rules), stock=str(stock), poll_s=0.05) as server:
        assert server.ids(k=8) == ["COLA", "TEA"]
        stock.write_text("item_id,quantity\nTEA,1\nMILK,2\n")
        until(lambda: server.ids(k=8) == ["MILK", "TEA"])
        rules.write_text('never_show = ["Dairy"]')
        until(lambda: server.ids(k=8) == ["TEA"])
        stock.write_text("item_id,quantity\nTEA,many\n")
        until(lambda: server.client.get("/v2/health/ready").json()["problems"])
        problem = server.client.get("/v2/health/ready").json()["problems"][0]
        assert "quantity 'many' is not a number" in problem
        assert server.ids(k=8) == ["TEA"]


def test_none_is_lost_under_load(place: Path) -> None:
    """Shoppers ask without a pause while bundles take over; each answer is of one bundle."""
    failed: list[Any] = []
    versions: set[int] = set()
    stop = threading.Event()

    def ask(url: str) -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while not stop.is_set():
                said = client.post("/v1/recommend", json={"basket": ["BREAD-1"], "k": 2})
                if said.status_code != 200 or len(said.json()["items"]) != 2:
                    failed.append(said)
                versions.add(said.json()["bundle"]["version"])

    with serving(place) as server:
        shoppers = [threading.Thread(target=ask, args=(server.url,)) for _ in range(4)]
        for shopper in shoppers:
            shopper.start()
        for turn in range(6):
            switch(place, "v2" if turn % 2 == 0 else "v1")
            assert server.client.post("/v1/reload").json()["outcome"] == "loaded"
        stop.set()
        for shopper in shoppers:
            shopper.join()
    assert failed == []
    assert versions == {1, 2}


@pytest.fixture
def process(place: Path) -> Iterator[Any]:
    with started(place, "--poll", "0") as server:
        yield server


def test_a_signal_looks_at_once_and_another_ends_it(place: Path, process: Any) -> None:
    switch(place, "v2")
    process.process.send_signal(signal.SIGHUP)
    process.hear("tiny-store version 2 serves now")
    said = httpx.post(f"{process.url}/v1/recommend", json={"k": 1}, timeout=60)
    assert json.loads(said.content)["bundle"]["version"] == 2
    assert process.stop() == 0


def test_fingerprints(tmp_path: Path) -> None:
    assert fingerprint(tmp_path / "absent") == ()
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "b"
    file.write_text("1")
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before
    assert [name for name, *_ in before] == ["", "/a", "/a/b"]
    file.write_text("22")
    assert fingerprint(tmp_path) != before
    assert fingerprint(file)[0][1] == 2
