"""A shop's own rules: what is never shown, what only to adults, promotions and diversity."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime.errors import UnusableInput, nearest
from runtime.shop_files import read_text

_KEYS = ("never_show", "age_restricted", "max_per_category", "promotions")
_PROMOTION_KEYS = ("items", "slots")


@dataclass(frozen=True)
class Rules:
    """What a shop allows itself to show.

    Attributes:
        never_show: categories of which nothing is shown to anybody.
        age_restricted: categories shown only where a request says that the age was verified.
        max_per_category: at most so many items of one category in an answer; None for any number.
        promotions: item ids that are given places in every answer, the best-scored first.
        promotion_slots: at most so many of an answer's items are promoted.
    """

    never_show: tuple[str, ...] = ()
    age_restricted: tuple[str, ...] = ()
    max_per_category: int | None = None
    promotions: tuple[str, ...] = ()
    promotion_slots: int = 1

    def __post_init__(self) -> None:
        for name in ("never_show", "age_restricted", "promotions"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        if self.max_per_category is not None:
            _check_count("max_per_category", self.max_per_category)
        _check_count("promotion_slots", self.promotion_slots)


def read_rules(path: str) -> Rules:
    """Read a TOML file of rules, as docs/serving.md describes it.

    Raises:
        UnusableInput: the file is missing or not TOML, holds an unknown key, or a value of the
            wrong type: rules that cannot be read must not be taken for none.
    """
    text = read_text(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnusableInput(f"{path!r} is not TOML: {error}") from error
    try:
        return _rules(document)
    except UnusableInput as error:
        raise UnusableInput(f"{path!r}: {error}") from error


def _rules(document: Mapping[str, Any]) -> Rules:
    _check_keys(document, _KEYS, "")
    fields = {key: document[key] for key in _KEYS[:3] if key in document}
    if "promotions" in document:
        promotions = document["promotions"]
        if not isinstance(promotions, Mapping):
            raise UnusableInput("promotions must be a table; write [promotions] above its keys")
        _check_keys(promotions, _PROMOTION_KEYS, "promotions.")
        if "items" not in promotions:
            raise UnusableInput("promotions.items is missing; list the item ids to promote")
        fields["promotions"] = promotions["items"]
        fields["promotion_slots"] = promotions.get("slots", 1)
    return Rules(**fields)


def _check_keys(values: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in values:
        if key not in known:
            raise UnusableInput(f"unknown rule {where + key!r}; {nearest(key, known)}")


def _texts(name: str, values: Any) -> tuple[str, ...]:
    if not isinstance(values, list | tuple):
        raise UnusableInput(f"rule {name!r} is {values!r}; it must be a list of texts")
    for value in values:
        if not isinstance(value, str) or not value:
            raise UnusableInput(f"rule {name!r} holds {value!r}; it must hold texts, none empty")
    return tuple(values)


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UnusableInput(f"rule {name!r} is {value!r}; it must be a whole number from 1")
