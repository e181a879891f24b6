"""Runs a program as a systemd unit confines it: its system calls, and no writable code.

``python tests/confinement.py UNIT PROGRAM ARGUMENTS``; needs libseccomp, and systemd-analyze, which
says what the groups of system calls hold that a unit names.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

LIBRARY = "libseccomp.so.2"
_ALLOW, _ERRNO_EPERM = 0x7FFF0000, 0x00050001  # SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM)
_PR_SET_NO_NEW_PRIVS, _PR_SET_MDWE, _REFUSE_EXEC_GAIN = 38, 65, 1


def unit_settings(path: Path) -> dict[str, list[str]]:
    """Return what the unit sets, in order, by "Section.Key"."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in path.read_text("utf-8").splitlines():
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            section = text[1:-1]
        elif text and not text.startswith(("#", ";")):
            key, _, value = text.partition("=")
            found.setdefault(f"{section}.{key.strip()}", []).append(value.strip())
    return found


def calls_of(name: str) -> set[str]:
    """Return the system calls of ``name``: itself, or those of a group such as "@resources"."""
    if not name.startswith("@"):
        return {name}
    command = ["systemd-analyze", "syscall-filter", "--no-pager", name]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    listed = (line.strip() for line in said.splitlines()[1:])
    return {call for one in listed if one and one[0] != "#" for call in calls_of(one)}


def allowed_calls(filters: list[str]) -> set[str]:
    """Return what ``SystemCallFilter=`` lines let through; the first lists what is allowed."""
    allowed = calls_of("@default")  # which systemd adds to every list of what is allowed
    for line in filters:
        named = {call for name in line.lstrip("~").split() for call in calls_of(name)}
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def confine(allowed: set[str]) -> None:
    """Let this process and what it becomes make no other system calls; they fail with EPERM."""
    library = ctypes.CDLL(LIBRARY)
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ERRNO_EPERM)))
    for call in sorted(allowed):
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:  # negative: another architecture's
            done = library.seccomp_rule_add(rules, ctypes.c_uint32(_ALLOW), number, 0)
            assert done == 0, f"{call}: {done}"
    process = ctypes.CDLL(None)
    assert process.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    process.prctl(_PR_SET_MDWE, _REFUSE_EXEC_GAIN, 0, 0, 0)  # Linux 6.3 and later have it
    assert library.seccomp_load(rules) == 0


if __name__ == "__main__":
    settings = unit_settings(Path(sys.argv[1]))
    confine(allowed_calls(settings["Service.SystemCallFilter"]))
    os.execv(sys.argv[2], sys.argv[2:])
