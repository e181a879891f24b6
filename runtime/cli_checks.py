"""The commands that look: inspect and doctor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from runtime.cli_options import (
    Command,
    bundle_argument,
    json_option,
    print_json,
    table,
)
from runtime.errors import MissingCapability

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


@click.command(
    cls=Command,
    short_help="Show what this machine can run, and why.",
    epilog="""\b
Examples:
  endcap doctor
  endcap doctor models/online-retail --json
""",
)
@click.argument("bundle", type=click.Path(), required=False)
@json_option
def doctor(bundle: str | None, as_json: bool) -> None:
    """Show what this machine can run, and which variant of BUNDLE would run here and why."""
    from runtime.bundle import open_bundle
    from runtime.doctor import choices, diagnose

    opened = open_bundle(bundle) if bundle is not None else None
    diagnosis = diagnose()
    document = diagnosis.to_json()
    if opened is not None:
        document["bundle"] = {
            "name": opened.manifest.name,
            "version": opened.manifest.version,
            "models": {choice.model: choice.to_json() for choice in choices(opened, diagnosis)},
        }
    if as_json:
        print_json(document)
    else:
        _print_diagnosis(document)
    if diagnosis.onnxruntime is None:
        raise MissingCapability(diagnosis.problems[-1])


def _described(bundle: Bundle) -> list[str]:
    manifest = bundle.manifest
    lines = [
        f"{manifest.name} version {manifest.version}, created {manifest.created}",
        f"{len(manifest.files)} files, {_megabytes(bundle.size_bytes)}, every SHA-256 matches, "
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
                _megabytes(variant.bytes),
                f"{variant.speedup:.2f}x",
                ", ".join(p for p in ("cpu", "cuda") if section.default[p] == variant.name),
            )
            for variant in section.variants.values()
        ]
        lines += ["", table(("variant", "size", "speed", "default on"), rows, right=(1, 2))]
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


def _print_diagnosis(document: dict[str, Any]) -> None:
    cpu = document["cpu"]
    rows = [
        ("endcap", document["endcap"]),
        ("python", document["python"]),
        ("system", document["system"]),
        ("cpu", f"{cpu['name']}, {cpu['cores']} cores"),
        ("cpu class", cpu["class"]),
        ("cpu flags", " ".join(cpu["flags"]) or "not known"),
        ("onnxruntime", document["onnxruntime"] or "not usable"),
        ("providers", ", ".join(document["providers"]) or "none"),
        ("packages", ", ".join(f"{n} {v}" for n, v in document["packages"].items())),
    ]
    if "bundle" in document:
        bundle = document["bundle"]
        rows.append(("bundle", f"{bundle['name']} version {bundle['version']}"))
        for model, choice in bundle["models"].items():
            rows.append((model, f"{choice['variant']} on {choice['provider']}: {choice['why']}"))
            rows += _explained(choice)
    for problem in document["problems"]:
        rows.append(("problem", problem))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {value}")


def _explained(choice: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what ``auto`` takes elsewhere, what there is, and what was refused at export."""
    for pick in choice["picks"]:
        where = f" ({'; '.join(pick['cpu_classes'])})" if pick["cpu_classes"] else ""
        yield f"  on {pick['provider']}", f"{pick['variant']}{where}: {pick['why']}"
    kept = [
        f"{name} {_megabytes(facts['bytes'])} {facts['speedup']:.2f}x"
        for name, facts in choice["variants"].items()
    ]
    yield "  variants", ", ".join(kept)
    for name, why in choice["refused"].items():
        yield "  refused", f"{name}: {why}"


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.2f} MB"
