"""Checkpoints: torch state on disk, whole or absent, loaded without running any code in them."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from runtime.durable import write_file
from runtime.errors import UnusableInput


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, strings and containers of them) to ``path`` atomically.

    Raises:
        UnusableInput: the disk is full or the folder cannot be written; the old file stays.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_file(path, buffer.getvalue())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU with ``weights_only=True``, so that it cannot run code.

    Raises:
        UnusableInput: the file is missing, cut short or not a checkpoint.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UnusableInput(
            f"no checkpoint at {str(path)!r}; is this a run folder that endcap train wrote?"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise UnusableInput(
            f"checkpoint {str(path)!r} cannot be read ({type(error).__name__}); train again"
        ) from error
    return state
