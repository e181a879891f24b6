"""Writes docs/cli.md from ``--help`` and docs/config.md from the config dataclasses.

python docs/generate.py            writes both
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from runtime.cli import endcap
from trainer.generator.config import GeneratorConfig
from trainer.recommender.config import RecommenderConfig

DOCS = Path(__file__).parent


def commands(
    group: click.Group, context: click.Context, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command, click.Context]]:
    """Yield every command under a group with its words and context, depth first."""
    for name in sorted(group.list_commands(context)):
        command = group.get_command(context, name)
        assert command is not None
        below = click.Context(command, info_name=name, parent=context, terminal_width=88)
        yield (*words, name), command, below
        if isinstance(command, click.Group):
            yield from commands(command, below, (*words, name))


def cli_page() -> str:
    """Return the help of every command."""
    settings = endcap.context_settings  # -h beside --help
    root = click.Context(endcap, info_name="endcap", terminal_width=88, **settings)
    parts = ["# Command line", "Written by `make docs` from `--help`; a test compares.", ""]
    parts += ["```", endcap.get_help(root), "```"]
    for words, command, context in commands(endcap, root, ("endcap",)):
        parts += ["", f"## {' '.join(words)}", "", "```", command.get_help(context), "```"]
    return "\n".join(parts) + "\n"


def tables(cls: type, name: str) -> Iterator[str]:
    """Yield a Markdown table of a config dataclass, then those of its sections."""
    fields = dataclasses.fields(cls)
    plain = [field for field in fields if field.metadata]
    if plain:
        yield f"\n### `[{name}]`\n" if name else "\n### top level\n"
        yield "| field | default | meaning |"
        yield "|---|---|---|"
        standard = cls()
        for field in plain:
            rules = field.metadata
            default = shown(getattr(standard, field.name))
            yield f"| `{field.name}` | `{default}` | {rules['doc']}{limits(rules)} |"
    for field in fields:
        if not field.metadata:
            inner: Any = field.default_factory
            yield from tables(inner, f"{name}.{field.name}" if name else field.name)


def limits(rules: Mapping[str, Any]) -> str:
    """Spell the range of a number, empty where there is none."""
    low, high = rules["low"], rules["high"]
    if low is None and high is None:
        return ""
    return f" ({low:g} to {high:g})" if high is not None else f" (from {low:g})"


def shown(value: object) -> str:
    """Spell a default as TOML would."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return json.dumps(list(value))
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if value else "0"


def config_page() -> str:
    """Return the tables of both configs."""
    lines = [
        "# Config",
        "",
        "Written by `make docs` from the `config.py` files of `trainer/`; a test compares.",
        "A config is a TOML file; unknown keys are refused with the nearest known name.",
        "`--set section.key=value`",
        "wins over it.",
        "",
        "## Recommender: `endcap train recommender --config FILE`",
        *tables(RecommenderConfig, ""),
        "",
        "## Generator: `endcap train generator --config FILE`",
        *tables(GeneratorConfig, ""),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both pages."""
    (DOCS / "cli.md").write_text(cli_page(), encoding="utf-8")
    (DOCS / "config.md").write_text(config_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
