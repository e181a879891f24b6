"""Configs as frozen dataclasses: one sentence, a range and a TOML spelling for every field."""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from runtime.errors import UnusableInput, nearest

T = TypeVar("T")


def option(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Declare a config field: its default, one sentence with the unit, and what it may hold."""
    metadata = {"doc": doc, "low": low, "high": high, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


def section(cls: type[T]) -> T:
    """Declare a nested section (a TOML table) that defaults to ``cls()``."""
    return dataclasses.field(default_factory=cls)


class Options:
    """Base of config dataclasses: checks types, ranges and choices when an instance is made."""

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, list):
                value = tuple(value)
                object.__setattr__(self, field.name, value)
            if (
                isinstance(value, int)
                and not isinstance(value, bool)
                and hints[field.name] is float
            ):
                value = float(value) if abs(value) < 1e300 else math.inf
                object.__setattr__(self, field.name, value)
            _check_type(field.name, value, hints[field.name])
            _check_range(field, value)


def _check_type(name: str, value: Any, hint: Any) -> None:
    accepted = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for kind in accepted:
        if typing.get_origin(kind) is tuple:
            item_kind = typing.get_args(kind)[0]
            if isinstance(value, tuple) and all(type(item) is item_kind for item in value):
                return
        elif type(value) is kind or (kind is float and type(value) is int):
            return
    wanted = " or ".join(_spelled(kind) for kind in accepted if kind is not types.NoneType)
    raise UnusableInput(f"config field {name!r} is {value!r}; it must be of type {wanted}")


def _spelled(kind: Any) -> str:
    if typing.get_origin(kind) is tuple:
        return f"list of {_spelled(typing.get_args(kind)[0])}"
    return str(getattr(kind, "__name__", kind))


def _check_range(field: dataclasses.Field[Any], value: Any) -> None:
    rules = field.metadata
    if not rules or value is None:
        return
    if rules["choices"] and value not in rules["choices"]:
        *others, last = map(repr, rules["choices"])
        raise UnusableInput(
            f"config field {field.name!r} is {value!r}; it must be {', '.join(others)} or {last}"
        )
    for number in value if isinstance(value, tuple) else (value,):
        if not isinstance(number, int | float) or isinstance(number, bool):
            continue
        low, high = rules["low"], rules["high"]
        inside = isinstance(number, int) or math.isfinite(number)
        inside = inside and (low is None or number >= low) and (high is None or number <= high)
        if not inside:
            bounds = " and ".join(
                ([f"at least {low:g}"] if low is not None else [])
                + ([f"at most {high:g}"] if high is not None else [])
            )
            raise UnusableInput(
                f"config field {field.name!r} is {value!r}; it must be {bounds or 'finite'}"
            )


def from_mapping(cls: type[T], values: Mapping[str, Any], *, where: str = "") -> T:
    """Build ``cls`` from nested tables; unknown keys are rejected with the nearest known name."""
    hints = typing.get_type_hints(cls)
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        if key not in hints:
            raise UnusableInput(f"unknown config key {where + key!r}; {nearest(key, hints)}")
        if dataclasses.is_dataclass(hints[key]):
            if not isinstance(value, Mapping):
                raise UnusableInput(f"config key {where + key!r} must be a table, not {value!r}")
            value = from_mapping(typing.cast(type, hints[key]), value, where=f"{where}{key}.")
        arguments[key] = value
    return cls(**arguments)


def to_mapping(config: Any) -> dict[str, Any]:
    """Turn a config into nested tables that TOML can hold; fields that are None are left out."""
    result: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            result[field.name] = to_mapping(value)
        elif value is not None:
            result[field.name] = list(value) if isinstance(value, tuple) else value
    return result


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, with a sentence about the file when it is missing or not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UnusableInput(
            f"cannot read config {str(path)!r}: {error.strerror}; check the path"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnusableInput(f"config {str(path)!r} is not valid TOML: {error}") from error


def with_overrides(values: Mapping[str, Any], settings: tuple[str, ...]) -> dict[str, Any]:
    """Lay ``section.key=value`` settings (value in TOML, or a bare word) over nested tables."""
    result = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()
    }
    for setting in settings:
        dotted, equals, text = setting.partition("=")
        if not equals:
            raise UnusableInput(f"--set {setting!r} needs the form section.key=value")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        *tables, key = dotted.strip().split(".")
        target = result
        for table in tables:
            target = target.setdefault(table, {})
            if not isinstance(target, dict):
                raise UnusableInput(f"--set {setting!r}: {table!r} is not a section")
        target[key] = value
    return result
