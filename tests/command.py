"""The command line as a function: what it said, with which exit code, and what it left behind."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runtime.cli import main

ENDCAP = Path(sys.executable).with_name("endcap")
ERROR = "endcap: error: "


@dataclass(frozen=True)
class Said:
    """Exit code, standard output and standard error of one command."""

    code: int
    out: str
    err: str


def run(*args: object) -> Said:
    """Run ``endcap`` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(arg) for arg in args])
    return Said(code, out.getvalue(), err.getvalue())


def run_process(*args: object, before: Callable[[], None] | None = None) -> Said:
    """Run the installed ``endcap``; ``before`` is called in the new process first."""
    done = subprocess.run(
        [ENDCAP, *(str(arg) for arg in args)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        preexec_fn=before,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return Said(done.returncode, done.stdout, done.stderr)


def complaint(said: Said, code: int = 2) -> str:
    """Return the one sentence of a failed command, after looking that it is one."""
    assert said.code == code, said
    *before, last = said.err.splitlines()
    assert last.startswith(ERROR), said.err
    assert not any(line.startswith(("endcap: error", "Traceback")) for line in before), said.err
    sentence = last.removeprefix(ERROR)
    assert not re.search(r"[.?!] [A-Z]", sentence), f"more than one sentence: {sentence}"
    assert "unexpected " not in sentence
    return sentence


def contents(folder: Path) -> dict[str, str]:
    """Return every path under ``folder``, hidden ones too, with the hash of what is in it."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        )
        for path in sorted(folder.rglob("*"))
    }


def refused(folder: Path, *args: object, code: int = 2, runner: Callable[..., Said] = run) -> str:
    """Run a command that must fail: one sentence, nothing on standard output, nothing left behind.

    Args:
        folder: where everything the command could write lies.
        args: the command line.
        code: the exit code that is due.
        runner: how to run it.

    Returns:
        The sentence, without its ``endcap: error:``.
    """
    before = contents(folder)
    said = runner(*args)
    sentence = complaint(said, code)
    assert said.out == ""
    assert contents(folder) == before
    return sentence
