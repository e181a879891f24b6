"""Finding items by title: every word of the query occurs, whatever its case or accents."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.catalogue import Catalogue

MAX_FOUND = 2000  # nobody pages further, and a letter that all titles hold must not cost a second
_END = "\n"


class TitleIndex:
    """All titles as one text, one a line, without case and accents, with where each line begins.

    Args:
        catalogue: items by row.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        titles = [
            fold(catalogue.title(row).replace(_END, " ")) for row in range(1, catalogue.n_items + 1)
        ]
        self._text = _END.join([*titles, ""])
        lengths = np.fromiter(map(len, titles), np.int64, len(titles)) + 1
        self._starts: NDArray[np.int64] = np.cumsum(lengths) - lengths  # row 1 first

    def find(self, query: str) -> tuple[list[int], bool]:
        """Return the item rows that ``query`` finds, best first, and whether there may be more.

        First comes the item whose id is the query, as a scanner reads it; then titles that begin
        with the query, titles with a word that does, and all others, each in catalogue order.
        """
        words = fold(query).split()
        own = self._catalogue.row(query.strip())
        if not words:
            return ([own] if own is not None else []), False
        longest = max(words, key=len)
        whole = " ".join(words)
        ranked: list[tuple[int, int]] = []
        more = False
        for row in self._lines_with(longest):
            if len(ranked) == MAX_FOUND:
                more = True
                break
            line = self._line(row)
            if row != own and all(word in line for word in words):
                ranked.append((_place(line, whole), row))
        rows = [row for _, row in sorted(ranked)]
        return ([own, *rows] if own is not None else rows), more

    def _lines_with(self, word: str) -> Iterator[int]:
        at = self._text.find(word)
        while at >= 0:
            row = int(np.searchsorted(self._starts, at, side="right"))
            yield row
            if row == len(self._starts):
                return
            at = self._text.find(word, int(self._starts[row]))

    def _line(self, row: int) -> str:
        start = int(self._starts[row - 1])
        return self._text[start : self._text.index(_END, start)]


def fold(text: str) -> str:
    """Return ``text`` without case and accents: "Café" and "CAFE" are one."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


def _place(line: str, whole: str) -> int:
    if line.startswith(whole):
        return 0
    return 1 if f" {whole}" in line else 2
