"""Ids turn into rows and back, whatever characters a shop writes them in."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import runtime.catalogue
from runtime.catalogue import Catalogue, Column, pack_catalogue
from runtime.errors import UnusableInput
from runtime.users import Users, pack_users, user_digest

ids = st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=30)


def catalogue_of(*columns: Column) -> Catalogue:
    arrays, described = pack_catalogue(columns)
    return Catalogue(arrays, [(column["name"], column["kind"]) for column in described])


@given(item_ids=ids, others=st.lists(st.text(max_size=12), max_size=10))
def test_item_ids_come_back_unchanged(item_ids: list[str], others: list[str]) -> None:
    catalogue = catalogue_of(Column("item_id", "text", item_ids))
    assert catalogue.n_items == len(item_ids)
    for row, item_id in enumerate(item_ids, 1):
        assert catalogue.row(item_id) == row
        assert catalogue.item_id(row) == item_id
        assert catalogue.title(row) == item_id
    for other in set(others) - set(item_ids):
        assert catalogue.row(other) is None


@given(
    rows=st.lists(
        st.tuples(st.text(max_size=9), st.none() | st.text(max_size=4), st.none() | st.floats()),
        max_size=20,
    )
)
def test_columns_come_back_unchanged(rows: list[tuple[str, str | None, float | None]]) -> None:
    item_ids = [f"id{i}" for i in range(len(rows))]
    columns = [
        Column("price", "number", [row[2] for row in rows]),
        Column("category", "label", [row[1] for row in rows]),
        Column("item_id", "text", item_ids),
        Column("title", "text", [row[0] for row in rows]),
    ]
    arrays, described = pack_catalogue(columns)
    catalogue = Catalogue(arrays, [(column["name"], column["kind"]) for column in described])
    assert set(catalogue.categories) == {row[1] for row in rows if row[1] is not None}
    for index, (title, category, price) in enumerate(rows):
        assert catalogue.title(index + 1) == (title or item_ids[index])
        assert catalogue.category(index + 1) == category
        stored = float(arrays["c0.number"][index])
        assert (math.isnan(stored) and (price is None or math.isnan(price))) or stored == price
    for name in catalogue.categories:
        expected = [False] + [row[1] == name for row in rows]
        assert catalogue.mask(name).tolist() == expected


def test_layout_is_the_stated_one() -> None:
    """Names, dtypes and hashes of the file format, worked out here without the packer."""
    columns = [
        Column("item_id", "text", ["b", "äa", "c"]),
        Column("category", "label", ["Tea", None, "Tea"]),
        Column("price", "number", [1.5, None, 2]),
    ]
    arrays, described = pack_catalogue(columns)
    assert described == [
        {"name": "item_id", "kind": "text"},
        {"name": "category", "kind": "label"},
        {"name": "price", "kind": "number"},
    ]
    assert arrays["c0.utf8"].tobytes() == "bäac".encode()
    assert arrays["c0.offsets"].tolist() == [0, 1, 4, 5]
    assert arrays["c1.codes"].tolist() == [0, -1, 0]
    assert arrays["c1.utf8"].tobytes() == b"Tea"
    np.testing.assert_array_equal(arrays["c2.number"], [1.5, np.nan, 2.0])
    hashes = [
        int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
        for text in ("b", "äa", "c")
    ]
    assert arrays["id_hash"].tolist() == sorted(hashes)
    assert arrays["id_row"].tolist() == [hashes.index(value) + 1 for value in sorted(hashes)]
    kinds = {name: str(array.dtype) for name, array in arrays.items()}
    assert kinds == {
        "c0.utf8": "uint8",
        "c0.offsets": "int64",
        "c1.codes": "int32",
        "c1.utf8": "uint8",
        "c1.offsets": "int64",
        "c2.number": "float64",
        "id_hash": "uint64",
        "id_row": "int32",
    }


def test_equal_hashes_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def lengths(encoded: Iterable[bytes]) -> np.ndarray:
        return np.array([len(text) for text in encoded], np.uint64)

    monkeypatch.setattr(runtime.catalogue, "_hashes_of", lengths)
    catalogue = catalogue_of(Column("item_id", "text", ["aa", "bb", "c", "dd"]))
    assert [catalogue.row(item_id) for item_id in ("aa", "bb", "c", "dd")] == [1, 2, 3, 4]
    assert catalogue.row("ee") is None
    assert catalogue.row("x") is None
    many = ["dd", "x", "aa", "c", "ee", "bb", "", "ddd", "aa"]
    assert catalogue.rows(many).tolist() == [4, 0, 1, 3, 0, 2, 0, 0, 1]


@pytest.mark.parametrize(("n", "dtype"), [(1, "int8"), (127, "int8"), (128, "int16")])
def test_category_codes_are_as_narrow_as_they_can_be(n: int, dtype: str) -> None:
    names = [f"c{i}" for i in range(n)]
    catalogue = catalogue_of(
        Column("item_id", "text", [f"i{i}" for i in range(n + 1)]),
        Column("category", "label", [*names, None]),
    )
    assert catalogue.category_codes.dtype == dtype
    assert catalogue.category_codes.tolist() == [*range(n), -1]
    assert np.flatnonzero(catalogue.mask(names[-1])).tolist() == [n]
    assert catalogue.category(n + 1) is None


@pytest.mark.parametrize("item_id", ["", "\udcff", "nul\0", "a" * 10_000])
def test_odd_ids_are_only_unknown(item_id: str) -> None:
    assert catalogue_of(Column("item_id", "text", ["a"])).row(item_id) is None


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([Column("title", "text", ["a"])], "needs a text column 'item_id'"),
        ([Column("item_id", "label", ["a"])], "needs a text column 'item_id'"),
        ([Column("item_id", "text", ["a", "a"])], "'a' is twice"),
        ([Column("item_id", "text", ["a", ""])], "row 2 has an empty item_id"),
        ([Column("item_id", "text", ["a"]), Column("title", "text", [])], "'title' has 0 rows"),
    ],
)
def test_columns_that_cannot_be_packed(columns: list[Column], said: str) -> None:
    with pytest.raises(UnusableInput, match=said):
        pack_catalogue(columns)


def test_unknown_kind() -> None:
    with pytest.raises(UnusableInput, match="'colour'"):
        Column("item_id", "colour", [])


def test_unknown_category_gets_the_nearest_names() -> None:
    catalogue = catalogue_of(
        Column("item_id", "text", ["a", "b"]), Column("category", "label", ["Bakery", "Dairy"])
    )
    with pytest.raises(UnusableInput, match=r"'bakry'; did you mean 'Bakery'"):
        catalogue.mask("bakry")
    without = catalogue_of(Column("item_id", "text", ["a"]))
    with pytest.raises(UnusableInput, match="there are none"):
        without.mask("Bakery")


def test_nearest_ids_among_many() -> None:
    catalogue = catalogue_of(Column("item_id", "text", [f"SKU-{i:05d}" for i in range(5000)]))
    assert "'SKU-01234'" in catalogue.nearest_ids("SKU-O1234")


@pytest.mark.parametrize("row", [0, -1, 2])
def test_rows_outside(row: int) -> None:
    catalogue = catalogue_of(Column("item_id", "text", ["a"]))
    with pytest.raises(UnusableInput, match=r"outside 1\.\.1"):
        catalogue.item_id(row)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("c0.utf8", np.zeros(1, np.int8)),
        ("c0.offsets", np.array([0, 2, 1], np.int64)),
        ("c0.offsets", np.array([0, 1], np.int32)),
        ("c0.offsets", np.zeros(0, np.int64)),
        ("id_row", np.array([1, 3], np.int32)),
        ("id_row", np.array([1, 2], np.int64)),
        ("id_hash", np.zeros(3, np.uint64)),
        ("c1.codes", np.array([0, 7], np.int32)),
    ],
)
def test_damaged_arrays(name: str, value: np.ndarray) -> None:
    arrays, _ = pack_catalogue(
        [Column("item_id", "text", ["a", "b"]), Column("category", "label", ["x", "y"])]
    )
    with pytest.raises(ValueError, match=r"."):
        Catalogue({**arrays, name: value}, [("item_id", "text"), ("category", "label")])
    del arrays[name]
    with pytest.raises(ValueError, match="missing"):
        Catalogue(arrays, [("item_id", "text"), ("category", "label")])


histories = st.lists(st.integers(1, 20), max_size=5)


def packed(user_ids: list[str], bought: list[list[int]], salt: bytes) -> dict[str, Any]:
    offsets = np.cumsum([0, 0, *map(len, bought)], dtype=np.int64)
    rows = np.array([row for history in bought for row in history], np.int64)
    return pack_users(user_ids, offsets, rows, salt)


@given(
    users=st.dictionaries(st.text(max_size=12), histories, max_size=20),
    others=st.lists(st.text(max_size=12), max_size=10),
    salt=st.binary(min_size=1, max_size=64),
)
def test_users_are_found_by_id_only(
    users: dict[str, list[int]], others: list[str], salt: bytes
) -> None:
    found = Users(packed(list(users), list(users.values()), salt), salt, n_items=20)
    assert found.n_users == len(users)
    for row, (user_id, history) in enumerate(users.items(), 1):
        assert found.row(user_id) == row
        assert found.history(row).tolist() == history
    assert found.history(0).tolist() == []
    for other in set(others) - users.keys():
        assert found.row(other) == 0


def test_user_ids_cannot_be_read() -> None:
    arrays = packed(["anna"], [[1]], b"salt")
    expected = hashlib.blake2b(b"anna", key=b"salt", digest_size=16).digest()
    assert arrays["digest"].tobytes() == expected
    assert user_digest("anna", b"other salt") != expected
    assert all(b"anna" not in array.tobytes() for array in arrays.values())


def test_digests_that_begin_alike_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(user_id: str, _salt: bytes) -> bytes:
        return b"the same" + user_id.encode().ljust(8, b"\0")

    monkeypatch.setattr("runtime.users.user_digest", digest)
    users = Users(packed(["b", "a", "c"], [[], [1], []], b"s"), b"s", n_items=1)
    assert [users.row(user_id) for user_id in ("b", "a", "c", "d")] == [1, 2, 3, 0]


def test_users_that_cannot_be_packed() -> None:
    with pytest.raises(UnusableInput, match="twice"):
        packed(["a", "a"], [[], []], b"s")
    with pytest.raises(UnusableInput, match="1 users with 0 histories"):
        packed(["a"], [], b"s")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("digest", np.zeros((2, 15), np.uint8)),
        ("row", np.array([0, 1], np.int32)),
        ("row", np.array([1, 2], np.int64)),
        ("history_offsets", np.array([0, 1, 1, 2], np.int64)),
        ("history_offsets", np.array([0, 0, 3, 2], np.int64)),
        ("history_rows", np.array([1, 21], np.int32)),
        ("history_rows", np.array([0, 1], np.int32)),
    ],
)
def test_damaged_users(name: str, value: Any) -> None:
    arrays = packed(["a", "b"], [[1], [2]], b"s")
    with pytest.raises(ValueError, match=r"."):
        Users({**arrays, name: value}, b"s", n_items=20)
    del arrays[name]
    with pytest.raises(ValueError, match="missing"):
        Users(arrays, b"s", n_items=20)
