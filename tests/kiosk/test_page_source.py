"""What can be said of the page without a browser: two languages, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runtime.serve.page_files import FOLDER

FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
INDEX = (FOLDER / "index.html").read_text("utf-8")
LONGEST = 180


def words() -> dict[str, dict[str, str]]:
    """Return the words of each language by key."""
    text = (FOLDER / "js" / "strings.js").read_text("utf-8")
    english, chinese = re.split(r"^  zh: \{", text.split("en: {", 1)[1], flags=re.MULTILINE)
    found = re.compile(r'^    "([\w.]+)": "(.*)",$', re.MULTILINE)
    return {"en": dict(found.findall(english)), "zh": dict(found.findall(chinese))}


def test_there_is_a_page() -> None:
    assert len(SCRIPTS) > 20
    assert {path.suffix for path in FILES} == {".html", ".css", ".js", ".svg"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_short_say_what_they_are_and_make_no_markup(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= LONGEST
    assert text.startswith("/**")
    for danger in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
    ):
        assert danger not in text.replace("assigns innerHTML", "")
    for store in (
        "localStorage",
        "sessionStorage",
        "indexedDB",
        "document.cookie",
        "pushState",
        "caches.",
    ):
        assert store not in text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(path: Path) -> None:
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", path.read_text("utf-8")))
    assert addresses <= {"http://www.w3.org/2000/svg"}


def test_nothing_is_inline() -> None:
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", INDEX)
    assert re.findall(r"<script(.*?)</script>", INDEX, re.DOTALL) == [
        ' type="module" src="/page/js/main.js">'
    ]


def test_the_links_of_the_index_exist() -> None:
    links = re.findall(r'(?:href|src)="(/page/[^"]+)"', INDEX)
    assert links
    for link in links:
        assert (FOLDER / link.removeprefix("/page/")).is_file(), link


def test_both_languages_have_the_same_words() -> None:
    english, chinese = words()["en"], words()["zh"]
    assert len(english) > 50
    assert {key for key in english if not key.endswith(".one")} == set(chinese)  # zh has no plural
    for key, text in chinese.items():
        names = set(re.findall(r"\{(\w+)\}", text))
        assert names == set(re.findall(r"\{(\w+)\}", english[key])), key


def test_every_word_is_used_and_every_used_word_is_there() -> None:
    english = words()["en"]
    text = INDEX + "".join(path.read_text("utf-8") for path in SCRIPTS if path.name != "strings.js")
    for key in english:
        asked = re.sub(r"\.(one|other)$", "", key)
        assert f'"{asked}"' in text, key
    used = re.findall(r'data-t(?:-label|-placeholder)?="([^"]+)"', INDEX)
    assert used
    assert set(used) <= set(english)
