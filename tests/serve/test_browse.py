"""The catalogue: found by title whatever the case and accents, paged, with its categories."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.catalogue import Catalogue, Column, pack_catalogue
from runtime.serve import search
from runtime.serve.search import TitleIndex, fold
from tests.serve.served import Served


def catalogue(*titles: str) -> Catalogue:
    arrays, columns = pack_catalogue(
        [
            Column("item_id", "text", [f"i{n}" for n in range(1, len(titles) + 1)]),
            Column("title", "text", titles),
        ]
    )
    return Catalogue(arrays, [(column["name"], column["kind"]) for column in columns])


def find(served: Served, **query: Any) -> list[str]:
    said = served.client.get("/v1/catalogue", params=query)
    assert said.status_code == 200, said.text
    return [item["item_id"] for item in said.json()["items"]]


def test_all_of_it(served: Served) -> None:
    said = served.client.get("/v1/catalogue").json()
    assert said["bundle"] == {"name": "tiny-store", "version": 3}
    assert (said["total"], said["offset"], said["limit"], said["more"]) == (10, 0, 20, False)
    assert said["items"][0] == {
        "item_id": "BREAD-1", "title": "White loaf", "category": "Bakery", "in_stock": None,
        "price": 1.2, "photo": None,
    }  # fmt: skip
    assert said["categories"] == [
        {"name": "Bakery", "items": 2, "pictures": False},
        {"name": "Dairy", "items": 3, "pictures": False},
        {"name": "Drinks", "items": 4, "pictures": False},
    ]


def test_search(served: Served) -> None:
    assert find(served, q="loaf") == ["BREAD-1", "BREAD-2"]
    assert find(served, q="LOAF white") == ["BREAD-1"]
    assert find(served, q="creme") == ["été-10"]
    assert find(served, q="Café CRÈME") == ["été-10"]
    assert find(served, q="loaf", category="Dairy") == []
    assert find(served, category="Dairy") == ["BUTTER", "MILK", "CHEESE"]
    assert find(served, q="CARD,9") == ["CARD,9"]  # as a scanner reads it
    assert find(served, q="TEA") == ["TEA"]
    assert find(served, q="no such thing") == []
    assert find(served, q=" ") == find(served)


def test_pages(served: Served) -> None:
    everything = find(served)
    assert find(served, offset=0, limit=3) + find(served, offset=3, limit=7) == everything
    assert find(served, limit=0) == []
    assert find(served, offset=10) == []
    said = served.client.get("/v1/catalogue", params={"q": "o", "limit": 1}).json()
    assert said["total"] == 5
    assert len(said["items"]) == 1


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("limit=201", 400, "limit is '201'; it must be a whole number from 0 to 200"),
        ("offset=-1", 400, "offset is '-1'"),
        ("category=Dary", 404, "unknown category 'Dary'"),
        ("q=" + "x" * 513, 400, "q is longer than 512 characters"),
        ("query=tea", 400, "unknown parameter 'query'"),
    ],
)
def test_wrong_questions(served: Served, query: str, status: int, sentence: str) -> None:
    said = served.client.get(f"/v1/catalogue?{query}")
    assert (said.status_code, said.json()["error"][: len(sentence)]) == (status, sentence)


def test_one_item(served: Served) -> None:
    assert served.client.get("/v1/catalogue/CARD%2C9").json() == {
        "item_id": "CARD,9", "title": "Birthday card", "category": None, "in_stock": None,
        "price": None, "photo": None,
    }  # fmt: skip
    assert served.client.get("/v1/catalogue/CARD").status_code == 404


def test_best_first() -> None:
    index = TitleIndex(catalogue("Oat milk", "Buttermilk", "Milk 1 l", "Tea", "Milk jug"))
    assert index.find("milk") == ([3, 5, 1, 2], False)
    assert index.find("i4 ") == ([4], False)
    assert index.find("milk i2") == ([], False)


def test_a_letter_that_all_hold_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_FOUND", 3)
    index = TitleIndex(catalogue(*(f"tea {n}" for n in range(9))))
    assert index.find("tea") == ([1, 2, 3], True)
    assert index.find("8") == ([9], False)


def test_a_title_may_hold_a_line_break() -> None:
    index = TitleIndex(catalogue("a\nb", "b\r\nc", "\n", "日本茶"))
    assert index.find("b") == ([2, 1], False)
    assert index.find("本") == ([4], False)


@given(
    titles=st.lists(st.text(st.sampled_from("aB é\nß茶"), max_size=6), min_size=1, max_size=8),
    query=st.text(st.sampled_from("aB é\nß茶s"), max_size=3),
)
def test_what_is_found_is_what_holds_every_word(titles: list[str], query: str) -> None:
    shown = [title or f"i{n}" for n, title in enumerate(titles, 1)]
    words = fold(query).split()
    expected = {
        row
        for row, title in enumerate(shown, 1)
        if words and all(word in fold(title.replace("\n", " ")) for word in words)
    }
    rows, more = TitleIndex(catalogue(*titles)).find(query)
    assert (set(rows), len(rows), more) == (expected, len(expected), False)
