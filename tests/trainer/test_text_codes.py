"""Texts as codes: joined chunk by chunk, asked once each, and back as they were."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from trainer.text_codes import TextCodes, constant, encode, is_blank, of_each, present, replaced

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=8)


@given(st.lists(texts, min_size=1, max_size=4))
def test_chunks_come_back_as_one_column(chunks: list[list[str]]) -> None:
    codes = TextCodes()
    for chunk in chunks:
        codes.add(pd.Series(chunk, dtype=str))
    column = codes.column()
    assert list(column) == [text for chunk in chunks for text in chunk]
    assert len(column.cat.categories) == len(set(column))


def test_each_text_is_asked_about_once() -> None:
    asked = []

    def lengths(distinct: pd.Series) -> pd.Series:
        asked.extend(distinct)
        return distinct.str.len()

    column = encode(pd.Series(["aa", "b", "aa", "", "b"], dtype=str))
    assert of_each(column, lengths).tolist() == [2, 1, 2, 0, 1]
    assert sorted(asked) == ["", "aa", "b"]


def test_blank_and_present_texts() -> None:
    column = encode(pd.Series(["a", "", " \t", "b", "a"], dtype=str))
    assert is_blank(column).tolist() == [False, True, True, False, False]
    assert sorted(present(column[np.array([True, False, False, True, True])])) == ["a", "b"]


def test_texts_replaced_by_a_known_and_by_a_new_one() -> None:
    column = encode(pd.Series(["a", "b", "a"], dtype=str))
    first = np.array([True, False, False])
    assert list(replaced(column, first, "b")) == ["b", "b", "a"]
    assert list(replaced(column, first, "")) == ["", "b", "a"]
    assert list(replaced(column, ~first & first, "")) == ["a", "b", "a"]
    assert list(column) == ["a", "b", "a"]


def test_a_constant_column() -> None:
    column = constant("x", pd.RangeIndex(3))
    assert list(column) == ["x", "x", "x"]
    assert list(constant("x", pd.RangeIndex(0))) == []
