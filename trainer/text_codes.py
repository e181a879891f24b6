"""Columns of texts as codes: a log of millions of rows holds each distinct text once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

Answers = Callable[[pd.Series], Any]
"""Distinct texts -> one value for each."""


class TextCodes:
    """One column, built up chunk by chunk."""

    def __init__(self) -> None:
        self._chunks: list[pa.DictionaryArray] = []

    def add(self, texts: pd.Series) -> None:
        """Append a chunk of texts, categorical or not."""
        coded = encode(texts).array
        codes = pa.array(coded.codes, pa.int32())  # pandas takes the smallest size that fits
        categories = pa.array(coded.categories, pa.large_string())
        self._chunks.append(pa.DictionaryArray.from_arrays(codes, categories))

    def column(self) -> pd.Series:
        """Return everything added so far, categorical, with codes of the smallest size."""
        joined = pa.chunked_array(self._chunks).unify_dictionaries().combine_chunks()
        return _categorical(joined.indices.to_numpy(), joined.dictionary)


def encode(texts: pd.Series) -> pd.Series:
    """Return a column of texts as a categorical one, which it may be already."""
    if isinstance(texts.dtype, pd.CategoricalDtype):
        return texts
    flat = pa.array(texts, pa.large_string())
    if isinstance(flat, pa.ChunkedArray):
        flat = flat.combine_chunks()
    coded = flat.dictionary_encode()
    return _categorical(coded.indices.to_numpy(), coded.dictionary).set_axis(texts.index)


def _categorical(codes: np.ndarray, distinct: pa.Array) -> pd.Series:
    categories = pd.Index(distinct.to_pandas(), dtype=str)
    return pd.Series(pd.Categorical.from_codes(codes, categories))


def of_each(column: pd.Series, answers: Answers) -> np.ndarray:
    """Ask about each distinct text of a column once, and answer for every row.

    Args:
        column: texts, none missing, [n].
        answers: given the distinct texts, returns one value for each.

    Returns:
        [n], of the answers' dtype.
    """
    coded = encode(column).array
    answered: np.ndarray = np.asarray(answers(pd.Series(coded.categories, dtype=str)))[coded.codes]
    return answered


def is_blank(column: pd.Series) -> np.ndarray:
    """Return bool [n]: which texts of a column are empty but for blanks."""
    return of_each(column, lambda texts: texts.str.strip() == "")


def present(column: pd.Series) -> pd.Index:
    """Return the distinct texts that a column's rows hold, [m]."""
    coded = encode(column).array
    return coded.categories[np.flatnonzero(np.bincount(coded.codes))]


def replaced(column: pd.Series, mask: np.ndarray, text: str) -> pd.Series:
    """Return a categorical column with ``text`` where ``mask``, bool [n], is true."""
    if not mask.any():
        return column
    texts = column.cat.categories
    places = np.flatnonzero(texts == text)
    if len(places) == 0:
        places, texts = np.array([len(texts)]), texts.append(pd.Index([text], dtype=str))
    codes = np.where(mask, places[0], column.cat.codes.to_numpy())
    return pd.Series(pd.Categorical.from_codes(codes, texts), index=column.index)


def constant(text: str, index: pd.Index) -> pd.Series:
    """Return a categorical column that says the same in every row."""
    codes = np.zeros(len(index), np.int8)
    return pd.Series(pd.Categorical.from_codes(codes, pd.Index([text], dtype=str)), index=index)
