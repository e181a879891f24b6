"""Whether a token file can be used, and by nobody else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from runtime.check import Check
from runtime.errors import UnusableInput

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_token_file(path: str) -> Check:
    """Look whether ``endcap serve`` can use the token in ``path``, and nobody else can read it."""
    from runtime.serve.tokens import read_token

    name = "token file"
    try:
        read_token(path)
    except UnusableInput as error:
        return Check(name, False, str(error))
    mode = stat.S_IMODE(Path(path).stat().st_mode)
    if os.name == "posix" and mode & _OTHERS:
        return Check(
            name, False, f"{path!r} can be used by others (mode {mode:03o}); chmod 600 {path}"
        )
    return Check(name, True, f"{path!r} holds a token")
