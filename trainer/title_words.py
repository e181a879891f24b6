"""The words of item titles: what an item has in common with others before anybody bought it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from trainer.attribute import Attribute

MIN_WORD_ITEMS = 3
MAX_WORD_SHARE = 0.5
# Names of letters that are written without spaces between words.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "THAI", "LAO", "KHMER", "MYANMAR")


def title_words(titles: Sequence[str]) -> Attribute:
    """Make an attribute of the words of titles, "" where an item has none.

    A word is two or more letters or digits in a row, of any script, case folded. Scripts without
    spaces are cut into pairs of neighbouring letters. Words on fewer than ``MIN_WORD_ITEMS`` items
    tell nothing of other items and words on more than ``MAX_WORD_SHARE`` of the titles tell them
    apart no more: both are left out.
    """
    words = Attribute.of_lists("title words", "labels", _split(titles))
    titled = sum(title.strip() != "" for title in titles)
    items = np.bincount(words.codes, minlength=len(words.values))
    return words.only((items >= MIN_WORD_ITEMS) & (items <= MAX_WORD_SHARE * titled))


def _split(titles: Iterable[str]) -> list[list[str]]:
    texts = [unicodedata.normalize("NFKC", title).casefold() for title in titles]
    characters = sorted(set().union(*texts))
    # Marks count as letters: vowels of Indic scripts and unmerged accents are marks.
    letters = [c for c in characters if unicodedata.category(c)[0] in "LMN"]
    blanks = {ord(c): " " for c in characters if unicodedata.category(c)[0] not in "LMN"}
    unspaced = "".join(c for c in letters if unicodedata.name(c, "").startswith(_UNSPACED))
    runs = re.compile(f"[{unspaced}]+|[^{unspaced}]+") if unspaced else None
    result = []
    for text in texts:
        words = text.translate(blanks).split()
        if runs is not None:
            words = [
                word
                for token in words
                for run in runs.findall(token)
                for word in (_pairs(run) if run[0] in unspaced else [run])
            ]
        result.append([word for word in words if len(word) > 1 or word in unspaced])
    return result


def _pairs(run: str) -> list[str]:
    """Cut letters written without spaces into overlapping pairs; a letter on its own stays."""
    return [run[n : n + 2] for n in range(len(run) - 1)] or [run]
