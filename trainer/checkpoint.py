"""Checkpoints: torch state on disk, whole or absent, loaded without running any code in them."""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

from runtime.durable import write_file
from runtime.errors import UnusableInput

# What zipfile and torch's restricted unpickler raise on bytes that are no checkpoint.
_UNREADABLE = (
    OSError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    zlib.error,
)


def checkpoint_bytes(state: dict[str, Any]) -> bytes:
    """Spell ``state`` (tensors, numbers, strings and containers of them) as a checkpoint file."""
    return _written(state).getvalue()


def _written(state: dict[str, Any]) -> io.BytesIO:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write the checkpoint of ``state`` to ``path`` atomically.

    Raises:
        UnusableInput: the disk is full or the folder cannot be written; the old file stays.
    """
    write_file(path, _written(state).getbuffer())  # no copy: a million shoppers fill gigabytes


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU with ``weights_only=True``, so that it cannot run code.

    Raises:
        UnusableInput: the file is missing, damaged, cut short or not a checkpoint.
    """
    try:
        # torch does not compare the checksums that it wrote.
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(damaged)
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise TypeError(type(state))
    except FileNotFoundError as error:
        raise UnusableInput(
            f"no checkpoint at {str(path)!r}; is this a run folder that endcap train wrote?"
        ) from error
    except _UNREADABLE as error:
        raise UnusableInput(
            f"checkpoint {str(path)!r} cannot be read ({type(error).__name__}); train again"
        ) from error
    return state
