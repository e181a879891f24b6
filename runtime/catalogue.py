"""The catalogue: the one place where the shop's item ids turn into rows and come back."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.errors import UnusableInput, nearest
from runtime.text_column import TextColumn, pack_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.bundle import Bundle

KINDS = ("text", "label", "number")
_REMEMBERED = 4096  # items whose texts are kept decoded: what most answers show
_FOUND = 16_384  # ids whose rows are remembered: what most baskets hold
_FEW = 8  # ids that are found sooner one by one than together


@dataclass(frozen=True)
class Column:
    """One catalogue column to pack, row 1 first.

    ``kind`` is "text" (any string), "label" (few distinct strings, None = missing) or "number"
    (None or NaN = missing).
    """

    name: str
    kind: str
    values: Sequence[Any]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnusableInput(f"column {self.name!r}: kind {self.kind!r}; known: {KINDS}")


class Catalogue:
    """Items by row. Item rows run from 1 to ``n_items``; row 0 is padding and has no item.

    Args:
        arrays: the arrays of the catalogue file, see :func:`pack_catalogue`.
        columns: (name, kind) of each column, as the manifest states them.

    Raises:
        ValueError: an array is missing or does not fit the others.
    """

    def __init__(
        self, arrays: Mapping[str, NDArray[Any]], columns: Sequence[tuple[str, str]]
    ) -> None:
        self._arrays = arrays
        self._places = {name: (index, kind) for index, (name, kind) in enumerate(columns)}
        self._ids = self._texts("item_id")
        self.n_items = len(self._ids)
        self._hash = _array(arrays, "id_hash", np.uint64, self.n_items)
        self._hash_row = _array(arrays, "id_row", np.int32, self.n_items)
        if self.n_items and not 1 <= self._hash_row.min() <= self._hash_row.max() <= self.n_items:
            raise ValueError("id_row leaves the catalogue")
        self.shown = lru_cache(_REMEMBERED)(self._shown)
        self._found = lru_cache(_FOUND)(self._find)
        self._titles = self._texts("title") if self._kind("title") == "text" else None
        self._prices: NDArray[np.float64] | None = None
        if self._kind("price") == "number":
            name = f"c{self._places['price'][0]}.number"
            self._prices = _array(arrays, name, np.float64, self.n_items)
        self.categories: tuple[str, ...] = ()
        self._codes: NDArray[np.signedinteger[Any]] | None = None
        if self._kind("category") == "label":
            index = self._places["category"][0]
            names = self._texts("category")
            self.categories = tuple(names[i] for i in range(len(names)))
            codes = _array(arrays, f"c{index}.codes", np.int32, self.n_items)
            if self.n_items and not -1 <= codes.min() <= codes.max() < len(names):
                raise ValueError("category codes leave the list of categories")
            self._codes = codes.astype(np.min_scalar_type(-len(names) - 1))

    @classmethod
    def of(cls, bundle: Bundle) -> Catalogue:
        """Load the catalogue of ``bundle``.

        Raises:
            UnusableInput: the bundle has none, or its file contradicts the manifest.
        """
        section, recommender = bundle.manifest.catalogue, bundle.manifest.recommender
        if section is None:
            raise UnusableInput(f"bundle {str(bundle.path)!r} has no catalogue")
        try:
            catalogue = cls(bundle.arrays(section.file), section.columns)
            if recommender is not None and catalogue.n_items != recommender.n_items:
                raise ValueError(f"{catalogue.n_items} items, manifest {recommender.n_items}")
        except ValueError as error:
            raise UnusableInput(
                f"bundle {str(bundle.path)!r}: {section.file!r} contradicts the manifest "
                f"({error}); export the bundle again"
            ) from error
        return catalogue

    def row(self, item_id: str) -> int | None:
        """Return the item row of ``item_id``, or None when the catalogue does not have it."""
        return self._found(item_id)

    def _find(self, item_id: str) -> int | None:
        encoded = item_id.encode("utf-8", errors="surrogatepass")
        wanted = _hashes_of([encoded])[0]
        at = int(np.searchsorted(self._hash, wanted))
        while at < self.n_items and self._hash[at] == wanted:
            row = int(self._hash_row[at])
            if self._ids.equals(row - 1, encoded):
                return row
            at += 1
        return None

    def rows(self, item_ids: Iterable[str]) -> NDArray[np.int64]:
        """Return the item rows of ``item_ids``: int64 [n], 0 where the catalogue has none."""
        ids = list(item_ids)
        if len(ids) < _FEW or self.n_items == 0:
            return np.array([self.row(item_id) or 0 for item_id in ids], np.int64)
        encoded = [item_id.encode("utf-8", errors="surrogatepass") for item_id in ids]
        wanted = _hashes_of(encoded)
        order = np.argsort(wanted)  # neighbours are found in neighbouring memory
        at = np.empty_like(order)
        at[order] = np.searchsorted(self._hash, wanted[order])
        at = np.minimum(at, self.n_items - 1)
        rows = np.where(self._hash[at] == wanted, self._hash_row[at], 0).astype(np.int64)
        found = np.flatnonzero(rows)
        same = self._ids.equal(rows[found] - 1, [encoded[index] for index in found.tolist()])
        for index in found[np.logical_not(same)].tolist():
            rows[index] = self.row(ids[index]) or 0  # two ids of one hash
        return rows

    def item_id(self, row: int) -> str:
        """Return the shop's id of item row ``row``."""
        return self._ids[self._index(row)]

    def title(self, row: int) -> str:
        """Return the title of item row ``row``; its id where the catalogue has no title."""
        index = self._index(row)
        return (self._titles[index] if self._titles is not None else "") or self._ids[index]

    def category(self, row: int) -> str | None:
        """Return the category of item row ``row``, None where it has none."""
        index = self._index(row)
        if self._codes is None or self._codes[index] < 0:
            return None
        return self.categories[int(self._codes[index])]

    def price(self, row: int) -> float | None:
        """Return the price of item row ``row`` in the shop's currency, None where it has none."""
        index = self._index(row)
        if self._prices is None or not math.isfinite(self._prices[index]):
            return None
        return float(self._prices[index])

    def _shown(self, row: int) -> tuple[str, str, str | None]:
        """Return id, title and category of item row ``row``; those asked for often are at hand."""
        return self.item_id(row), self.title(row), self.category(row)

    @property
    def category_codes(self) -> NDArray[np.signedinteger[Any]]:
        """The index into ``categories`` of each item, row 1 first: [n_items], -1 for none.

        Of the narrowest integers that hold them: masks over a million items compare a quarter of
        the bytes.
        """
        if self._codes is None:
            return np.full(self.n_items, -1, np.int8)
        return self._codes

    def mask(self, category: str) -> NDArray[np.bool_]:
        """Return which rows are in ``category``: bool [n_items + 1], row 0 never.

        Raises:
            UnusableInput: there is no such category; the nearest names are given.
        """
        if category not in self.categories or self._codes is None:
            raise UnusableInput(
                f"unknown category {category!r}; {nearest(category, self.categories)}"
            )
        mask = np.empty(self.n_items + 1, np.bool_)
        mask[0] = False
        np.equal(self._codes, self.categories.index(category), out=mask[1:])
        return mask

    def nearest_ids(self, item_id: str) -> str:
        """Say which item ids come nearest to ``item_id``, as the end of an error message."""
        return nearest(item_id, self._ids.resembling(item_id))

    def _index(self, row: int) -> int:
        if not 1 <= row <= self.n_items:
            raise UnusableInput(f"item row {row} is outside 1..{self.n_items}")
        return row - 1

    def _kind(self, name: str) -> str | None:
        return self._places[name][1] if name in self._places else None

    def _texts(self, name: str) -> TextColumn:
        index = self._places[name][0]
        for part in (f"c{index}.utf8", f"c{index}.offsets"):
            if part not in self._arrays:
                raise ValueError(f"array {part!r} of column {name!r} is missing")
        return TextColumn(self._arrays[f"c{index}.utf8"], self._arrays[f"c{index}.offsets"])


def pack_catalogue(
    columns: Sequence[Column],
) -> tuple[dict[str, NDArray[Any]], list[dict[str, str]]]:
    """Pack catalogue columns into (arrays for ``np.savez``, the manifest's ``columns``).

    Column i becomes ``c{i}.utf8`` and ``c{i}.offsets`` (text), these two for the distinct values
    plus ``c{i}.codes`` (label; distinct values in order of first appearance), or ``c{i}.number``.
    ``id_hash`` (sorted) and ``id_row`` find a row by item id.

    Raises:
        UnusableInput: no text column "item_id", columns of different length, an empty id or the
            same id twice.
    """
    by_name = {column.name: column for column in columns}
    if "item_id" not in by_name or by_name["item_id"].kind != "text":
        raise UnusableInput("a catalogue needs a text column 'item_id'")
    ids: Sequence[str] = by_name["item_id"].values
    _check_ids(ids)
    arrays: dict[str, NDArray[Any]] = {}
    for index, column in enumerate(columns):
        if len(column.values) != len(ids):
            raise UnusableInput(
                f"catalogue column {column.name!r} has {len(column.values)} rows, not {len(ids)}"
            )
        arrays.update(_packed(index, column))
    hashes = _hashes_of([item_id.encode("utf-8") for item_id in ids])
    order = np.argsort(hashes, kind="stable")
    arrays["id_hash"] = hashes[order]
    arrays["id_row"] = (order + 1).astype(np.int32)
    return arrays, [{"name": column.name, "kind": column.kind} for column in columns]


def _packed(index: int, column: Column) -> dict[str, NDArray[Any]]:
    if column.kind == "number":
        numbers = [math.nan if value is None else float(value) for value in column.values]
        return {f"c{index}.number": np.array(numbers, np.float64)}
    if column.kind == "text":
        utf8, offsets = pack_texts(column.values)
        return {f"c{index}.utf8": utf8, f"c{index}.offsets": offsets}
    codes: dict[str, int] = {}
    coded = [-1 if v is None else codes.setdefault(v, len(codes)) for v in column.values]
    utf8, offsets = pack_texts(codes)
    return {
        f"c{index}.codes": np.array(coded, np.int32),
        f"c{index}.utf8": utf8,
        f"c{index}.offsets": offsets,
    }


def _check_ids(ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for item_id in ids:
        if not item_id:
            raise UnusableInput(f"item row {len(seen) + 1} has an empty item_id")
        if item_id in seen:
            raise UnusableInput(f"item_id {item_id!r} is twice in the catalogue")
        seen.add(item_id)


def _hashes_of(encoded: Iterable[bytes]) -> NDArray[np.uint64]:
    digests = b"".join(hashlib.blake2b(text, digest_size=8).digest() for text in encoded)
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def _array(arrays: Mapping[str, NDArray[Any]], name: str, dtype: type, length: int) -> NDArray[Any]:
    if name not in arrays:
        raise ValueError(f"array {name!r} is missing")
    array = arrays[name]
    if array.dtype != np.dtype(dtype) or array.shape != (length,):
        raise ValueError(f"{name} is {array.dtype}{list(array.shape)}, not {dtype}[{length}]")
    return array
