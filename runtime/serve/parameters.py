"""Parameters of paths and queries: declared once, for reading them and for the OpenAPI document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from runtime.errors import nearest
from runtime.serve.errors import HttpError

_MAX_PARAMETERS = 32
_WORDS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes:
        name: as the client writes it.
        kind: "string", "integer", "number" or "boolean", as OpenAPI calls them.
        doc: one sentence.
        default: what an absent one is.
        low: smallest number allowed; None for any.
        high: largest number allowed; None for any.
        example: for the OpenAPI document.
        max_length: of a string, in characters.
    """

    name: str
    kind: str
    doc: str
    default: Any = None
    low: float | None = None
    high: float | None = None
    example: Any = None
    max_length: int = 512

    def parse(self, text: str) -> Any:
        """Return the value that ``text`` spells.

        Raises:
            HttpError: it spells none of this kind, or one that is out of range (400).
        """
        if self.kind == "string":
            if len(text) > self.max_length:
                raise HttpError(f"{self.name} is longer than {self.max_length} characters")
            return text
        if self.kind == "boolean":
            if text not in _WORDS:
                raise HttpError(f"{self.name} is {text[:40]!r}; it must be true or false")
            return _WORDS[text]
        try:
            value = int(text) if self.kind == "integer" and len(text) < 50 else float(text)
        except ValueError:
            value = math.nan
        whole = isinstance(value, int) or self.kind == "number"
        inside = (self.low is None or value >= self.low) and (
            self.high is None or value <= self.high
        )
        if not whole or not math.isfinite(value) or not inside or "_" in text:
            raise HttpError(f"{self.name} is {text[:40]!r}; it must be {self._wanted()}")
        return value

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the value."""
        schema: dict[str, Any] = {"type": self.kind}
        bounds = {"minimum": self.low, "maximum": self.high, "default": self.default}
        schema |= {key: value for key, value in bounds.items() if value is not None}
        if self.kind == "string":
            schema["maxLength"] = self.max_length
        return schema

    def _wanted(self) -> str:
        what = "a whole number" if self.kind == "integer" else "a number"
        low = f" from {self.low:g}" if self.low is not None else ""
        high = f" to {self.high}" if self.high is not None else ""
        return what + low + high


def parse_query(query: bytes, known: Sequence[Parameter]) -> dict[str, Any]:
    """Return every parameter of ``known`` by name, absent ones with their default.

    Raises:
        HttpError: the query is not UTF-8, names an unknown parameter, or one twice (400).
    """
    values = {parameter.name: parameter.default for parameter in known}
    if not query:
        return values
    by_name: Mapping[str, Parameter] = {parameter.name: parameter for parameter in known}
    try:
        pairs = parse_qsl(
            query.decode("ascii", "strict"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )
    except UnicodeError as error:
        raise HttpError("the query is not UTF-8 in percent encoding") from error
    except ValueError as error:
        raise HttpError(f"the query has more than {_MAX_PARAMETERS} parameters") from error
    given: set[str] = set()
    for name, text in pairs:
        if name not in by_name:
            raise HttpError(f"unknown parameter {name[:40]!r}; {nearest(name[:40], by_name)}")
        if name in given:
            raise HttpError(f"parameter {name!r} is given twice")
        given.add(name)
        values[name] = by_name[name].parse(text)
    return values
