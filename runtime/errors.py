"""Errors that a user can act on; the command line turns each into one sentence and an exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EndcapError(Exception):
    """Base of every error endcap raises on purpose; ``exit_code`` is what the command returns."""

    exit_code = 2


class CheckFailed(EndcapError):
    """A check ran and said no: parity, verification, or a data check with errors."""

    exit_code = 1


class UnusableInput(EndcapError):
    """Wrong use or unusable input; the message quotes the value and names the way out."""

    exit_code = 2


class MissingCapability(EndcapError):
    """This machine lacks something; the message holds the command that installs it."""

    exit_code = 3


def nearest(value: str, names: Iterable[str], *, limit: int = 3) -> str:
    """Say which of ``names`` come nearest to ``value``, as the end of an error message.

    Compares without regard to case, and returns every name (at most ``limit``) when none is near.
    """
    known = list(names)
    by_folded = {name.casefold(): name for name in reversed(known)}
    close = difflib.get_close_matches(value.casefold(), list(by_folded), n=limit, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(repr(by_folded[name]) for name in close) + "?"
    shown = ", ".join(repr(name) for name in known[:limit])
    more = f" and {len(known) - limit} more" if len(known) > limit else ""
    return f"known: {shown}{more}" if known else "there are none"
