"""The run folder: what one training run was told, what it measured, and where it stands."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import tomli_w

from runtime.durable import new_folder, write_file
from runtime.errors import UnusableInput
from trainer.options import from_mapping, read_toml, to_mapping

T = TypeVar("T")


def json_bytes(content: Any) -> bytes:
    """Spell a JSON file of a run folder; NaN and Infinity are errors."""
    return json.dumps(content, indent=1, allow_nan=False).encode()


@dataclass(frozen=True)
class Run:
    """A folder with config.toml, run.json, metrics.jsonl, checkpoint.pt, samples/ and report.html.

    Attributes:
        path: the folder.
        kind: "recommender" or "generator".
    """

    path: Path
    kind: str

    @classmethod
    def create(
        cls,
        path: Path,
        kind: str,
        config: Any,
        facts: dict[str, Any],
        files: Mapping[str, bytes] = MappingProxyType({}),
    ) -> Run:
        """Make a new run folder, whole or not at all.

        Args:
            path: the folder to make.
            kind: "recommender" or "generator".
            config: what config.toml is to hold.
            facts: what run.json is to hold beside the kind: the command, the data's name.
            files: further files by name, such as the first checkpoint.

        Raises:
            UnusableInput: ``path`` exists (the message names ``--resume``) or cannot be written.
        """
        cls.refuse_existing(path)
        with new_folder(path) as folder:
            (folder / "config.toml").write_text(tomli_w.dumps(to_mapping(config)), "utf-8")
            (folder / "run.json").write_text(json.dumps({"kind": kind, **facts}, indent=1), "utf-8")
            (folder / "metrics.jsonl").touch()
            (folder / "samples").mkdir()
            for name, content in files.items():
                (folder / name).write_bytes(content)
        return cls(path, kind)

    @staticmethod
    def refuse_existing(path: Path) -> None:
        """Raise :class:`UnusableInput` when ``path`` exists; the message names ``--resume``."""
        if os.path.lexists(path):
            raise UnusableInput(
                f"{str(path)!r} exists; continue that run with --resume or choose another --out"
            )

    @classmethod
    def open(cls, path: Path, kind: str | None = None) -> Run:
        """Open an existing run folder, of the given kind when one is named.

        Raises:
            UnusableInput: not a run folder, or one of the other kind.
        """
        if not path.exists():
            raise UnusableInput(
                f"{str(path)!r} is not a run folder: it does not exist; endcap train makes one"
            )
        try:
            found = json.loads((path / "run.json").read_text("utf-8"))["kind"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnusableInput(
                f"{str(path)!r} is not a run folder (no readable run.json); endcap train writes one"
            ) from error
        if kind is not None and found != kind:
            raise UnusableInput(f"{str(path)!r} is a {found} run, and a {kind} run is needed")
        return cls(path, found)

    @property
    def checkpoint(self) -> Path:
        """Where the newest checkpoint lies."""
        return self.path / "checkpoint.pt"

    @property
    def facts(self) -> dict[str, Any]:
        """What run.json holds."""
        facts: dict[str, Any] = json.loads((self.path / "run.json").read_text("utf-8"))
        return facts

    def config(self, cls: type[T]) -> T:
        """Read the config this run used."""
        return from_mapping(cls, read_toml(self.path / "config.toml"))

    def write_json(self, name: str, content: Any) -> None:
        """Write ``content`` to ``name`` in the folder, atomically."""
        write_file(self.path / name, json_bytes(content))

    def read_json(self, name: str) -> Any:
        """Read a JSON file of the folder.

        Raises:
            UnusableInput: the file is missing or damaged.
        """
        try:
            return json.loads((self.path / name).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise UnusableInput(
                f"cannot read {str(self.path / name)!r}: {error}; train again"
            ) from error

    def metrics(self) -> list[dict[str, Any]]:
        """Read every line of metrics.jsonl, oldest first.

        Raises:
            UnusableInput: the file is missing or damaged.
        """
        path = self.path / "metrics.jsonl"
        try:
            return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise UnusableInput(f"cannot read {str(path)!r}: {error}; train again") from error

    def keep_metrics(self, rows: list[dict[str, Any]]) -> None:
        """Replace metrics.jsonl with ``rows``.

        The rows belong to the checkpoint's state: whatever was measured after the checkpoint that a
        resumed run starts from is measured again, so the file is written from that state.
        """
        lines = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        write_file(self.path / "metrics.jsonl", lines.encode())


def require_same_config(before: Any, now: Any, *, free: tuple[str, ...]) -> None:
    """Refuse to resume a run under a config that would have trained differently.

    Args:
        before: the run's own config.
        now: the config that was given with ``--resume``.
        free: dotted fields that may differ ("training.epochs"), and sections ("card.").

    Raises:
        UnusableInput: another field differs; the message names it with both values.
    """
    old, new = (dict(_flat(to_mapping(config))) for config in (before, now))
    for name in sorted(old.keys() | new.keys()):
        if not name.startswith(free) and old.get(name) != new.get(name):
            raise UnusableInput(
                f"config field {name!r} was {old.get(name)!r} in this run and is {new.get(name)!r} "
                "now; resume with the run's own config, or start another run with another --out"
            )


def _flat(tables: dict[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{where}{key}.")
        else:
            yield f"{where}{key}", value
