"""``endcap bench``: how fast each variant of a bundle is on this device, and what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runtime.cli_options import (
    Command,
    bundle_argument,
    json_option,
    print_json,
    provider_option,
    table,
)
from runtime.errors import UnusableInput

if TYPE_CHECKING:
    from runtime.bench import BenchReport


@click.command(
    cls=Command,
    short_help="Measure BUNDLE on this device.",
    epilog="""\b
Examples:
  endcap bench models/online-retail
  endcap bench models/online-retail --threads 1 --threads 2 --batch 1 --batch 16 --seconds 5 --json
""",
)
@bundle_argument
@provider_option
@click.option(
    "--threads",
    type=int,
    multiple=True,
    metavar="N",
    help="Threads a run may use; may be given several times.  "
    "[default: 1, and one a core, at most 4]",
)
@click.option(
    "--batch",
    "batches",
    type=click.IntRange(1, 4096),
    multiple=True,
    default=(1, 8, 64),
    show_default=True,
    metavar="N",
    help="Requests or pictures a run; may be given several times.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.01, 3600),
    metavar="S",
    help="How long to measure each variant at each batch size, at least 5 runs.  [default: 1]",
)
@click.option(
    "--rounds", type=click.IntRange(1, 1_000_000), metavar="N", help="Measure N runs instead."
)
@json_option
def bench(
    bundle: str,
    provider: str,
    threads: tuple[int, ...],
    batches: tuple[int, ...],
    seconds: float | None,
    rounds: int | None,
    as_json: bool,
) -> None:
    """Measure how fast each variant of BUNDLE answers here, and what it costs to open.

    All variants of a model run in turns on the bundle's own golden requests, so their ratios hold
    even on a busy machine; the milliseconds don't. Opening is measured in a fresh process each.
    """
    from runtime.bench import Length, bench_bundle
    from runtime.bundle import open_bundle
    from runtime.device import device_facts, version_facts

    if seconds is not None and rounds is not None:
        raise UnusableInput(
            f"--seconds {seconds:g} and --rounds {rounds} are both given; leave one"
        )
    opened = open_bundle(bundle)
    length = Length(rounds=rounds, seconds=1.0 if seconds is None else seconds)
    report = bench_bundle(opened, provider, threads, batches, length)
    if not as_json:
        _print_report(report)
        return
    print_json(
        {
            "bundle": {"name": opened.manifest.name, "version": opened.manifest.version},
            "provider": report.provider,
            "threads": sorted({timing.threads for timing in report.timings}),
            "device": device_facts(),
            "versions": version_facts(),
            "timings": [timing.to_json() for timing in report.timings],
            "sessions": [cost.to_json() for cost in report.sessions],
        }
    )


def _print_report(report: BenchReport) -> None:
    rows = [
        (
            timing.model,
            timing.variant,
            str(timing.batch),
            str(timing.threads),
            str(timing.rounds),
            f"{timing.p50_ms:.3f}",
            f"{timing.p95_ms:.3f}",
            f"{timing.per_second:,.0f}",
            "-" if timing.speedup is None else f"{timing.speedup:.2f}x",
        )
        for timing in report.timings
    ]
    headers = (
        "model", "variant", "batch", "threads", "runs", "p50 ms", "p95 ms", "per second", "speed",
    )  # fmt: skip
    click.echo(table(headers, rows, right=range(2, 9)))
    opened = [
        (
            cost.model,
            cost.variant,
            f"{cost.file_bytes / 1e6:.2f} MB",
            f"{cost.load_ms:.1f}",
            "-" if cost.resident_bytes is None else f"{cost.resident_bytes / 1e6:.2f} MB",
        )
        for cost in report.sessions
    ]
    click.echo()
    click.echo(table(("model", "variant", "file", "load ms", "memory"), opened, right=(2, 3, 4)))
    click.echo(f"\non {report.provider}")
