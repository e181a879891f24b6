"""Typed access to parsed JSON: a missing key or a wrong type becomes a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from runtime.errors import UnusableInput


class Fields:
    """One JSON object of ``document``, read key by key.

    Args:
        values: the parsed object.
        document: the file it came from, for messages.
        where: dotted path of this object inside the document, "" for the whole.

    Every reading method raises :class:`UnusableInput` when the key is missing or of another type.
    """

    def __init__(self, values: Any, document: str, where: str = "") -> None:
        self._document = document
        self._where = where
        if not isinstance(values, dict):
            raise self.error(None, f"must be an object, not {_shown(values)}")
        self.values: dict[str, Any] = values

    def error(self, key: str | None, complaint: str) -> UnusableInput:
        """Return the error that says what is wrong with ``key`` (None: the object itself)."""
        path = ".".join(part for part in (self._where, key) if part) or "the document"
        return UnusableInput(
            f"{self._document}: {path!r} {complaint}; the bundle is damaged, export it again"
        )

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def _get(self, key: str, kinds: tuple[type, ...], wanted: str) -> Any:
        if key not in self.values:
            raise self.error(key, "is missing")
        value = self.values[key]
        wrong_bool = isinstance(value, bool) and bool not in kinds
        if wrong_bool or not isinstance(value, kinds):
            raise self.error(key, f"must be {wanted}, not {_shown(value)}")
        return value

    def text(self, key: str) -> str:
        """Return a string that is not empty."""
        value: str = self._get(key, (str,), "a text")
        if not value:
            raise self.error(key, "must not be empty")
        return value

    def integer(self, key: str, low: int = 0) -> int:
        """Return a whole number of at least ``low``."""
        value: int = self._get(key, (int,), "a whole number")
        if value < low:
            raise self.error(key, f"is {value}; it must be at least {low}")
        return value

    def number(self, key: str) -> float:
        """Return a finite number."""
        value = float(self._get(key, (int, float), "a number"))
        if not math.isfinite(value):
            raise self.error(key, f"is {value}; it must be finite")
        return value

    def boolean(self, key: str) -> bool:
        """Return true or false."""
        value: bool = self._get(key, (bool,), "true or false")
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        """Return an object of any content; an absent key is an empty one."""
        if key not in self:
            return {}
        value: dict[str, Any] = self._get(key, (dict,), "an object")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        values = self._get(key, (list,), "a list")
        for value in values:
            if not isinstance(value, str):
                raise self.error(key, f"must hold texts, not {_shown(value)}")
        return tuple(values)

    def object(self, key: str) -> Fields:
        """Return the object under ``key`` for reading."""
        return Fields(self._get(key, (dict,), "an object"), self._document, self._path(key))

    def objects(self, key: str) -> Iterator[Fields]:
        """Yield the objects of the list under ``key``."""
        for index, value in enumerate(self._get(key, (list,), "a list")):
            yield Fields(value, self._document, self._path(f"{key}[{index}]"))

    def named_objects(self, key: str) -> Iterator[tuple[str, Fields]]:
        """Yield name and object of every entry of the object under ``key``."""
        inner = self.object(key)
        for name in inner.values:
            yield name, inner.object(name)

    def text_mapping(self, key: str) -> Mapping[str, str]:
        """Return an object whose values are strings; an absent key is an empty one."""
        if key not in self:
            return {}
        inner = self.object(key)
        return {name: inner.text(name) for name in inner.values}

    def _path(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
