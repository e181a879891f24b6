"""The command that looks at a bundle: inspect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from runtime.cli_options import Command, bundle_argument, json_option, megabytes, print_json, table

if TYPE_CHECKING:
    from runtime.bundle import Bundle


@click.command(
    cls=Command,
    short_help="Check BUNDLE and show what it holds.",
    epilog="""\b
Examples:
  endcap inspect models/online-retail
  endcap inspect models/online-retail --json
""",
)
@bundle_argument
@json_option
def inspect(bundle: str, as_json: bool) -> None:
    """Show what BUNDLE holds, after checking every file of it."""
    from runtime.bundle import open_bundle

    opened = open_bundle(bundle)
    if as_json:
        print_json(
            {
                **opened.manifest.raw,
                "path": bundle,
                "size_bytes": opened.size_bytes,
                "manifest_sha256": opened.manifest_sha256,
                "signed": opened.signed,
            }
        )
        return
    for line in _described(opened):
        click.echo(line)


def _described(bundle: Bundle) -> list[str]:
    manifest = bundle.manifest
    lines = [
        f"{manifest.name} version {manifest.version}, created {manifest.created}",
        f"{len(manifest.files)} files, {megabytes(bundle.size_bytes)}, every SHA-256 matches, "
        + ("signed" if bundle.signed else "not signed"),
        "made with " + ", ".join(f"{tool} {value}" for tool, value in manifest.producer.items()),
    ]
    recommender, generator = manifest.recommender, manifest.generator
    if recommender is not None:
        lines += [
            "",
            f"recommender {recommender.arch}: {recommender.n_items} items, "
            f"{recommender.n_users} users, baskets of {recommender.max_basket}, "
            f"top {recommender.top_k}, "
            + ("purchases are not shown again" if recommender.seen_filter else "repeats allowed"),
        ]
    if generator is not None:
        size = generator.image_size
        lines += [
            "",
            f"generator: {size}x{size}x{generator.channels}, "
            f"categories {', '.join(generator.categories)}",
        ]
    for model, section in manifest.sections().items():
        rows = [
            (
                f"{model} {variant.name}",
                megabytes(variant.bytes),
                f"{variant.speedup:.2f}x",
                ", ".join(p for p in ("cpu", "cuda") if section.default[p] == variant.name),
            )
            for variant in section.variants.values()
        ]
        lines += ["", table(("variant", "size", "speed", "default on"), rows, right=(1, 2))]
        for variant in section.variants.values():
            shown = ", ".join(f"{name} {value:.6g}" for name, value in _figures(variant.parity))
            if shown:
                lines.append(f"{model} {variant.name} against torch: {shown}")
        lines += [f"{model} {name} refused: {why}" for name, why in section.refused.items()]
        lines += [f"{model} {name}: {value:g}" for name, value in _figures(section.metrics)]
    return lines


def _figures(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of nested metrics with their dotted names."""
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from _figures(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield prefix + name, value
