"""``endcap parity``: a bundle held against torch's own outputs on this device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime.cli_options import (
    Command,
    bundle_argument,
    json_option,
    print_json,
    provider_option,
    say,
    table,
    threads_option,
)
from runtime.errors import CheckFailed

if TYPE_CHECKING:
    from runtime.parity_report import ParityReport, VariantLayers


@click.command(
    cls=Command,
    short_help="Compare BUNDLE on this device with torch's outputs.",
    epilog="""\b
Examples:
  endcap parity models/online-retail
  endcap parity models/online-retail --layers
  endcap parity models/online-retail --provider cpu --json --junit parity.xml
  endcap parity models/online-retail --certificate till-7.json
""",
)
@bundle_argument
@provider_option
@threads_option
@click.option(
    "--layers", is_flag=True, help="Also compare every node with what export recorded of it."
)
@click.option("--junit", metavar="FILE", help="Also write the checks as JUnit XML.")
@click.option(
    "--certificate",
    metavar="FILE",
    help="Also write device, versions, bundle hash and results as JSON, passed or not.",
)
@json_option
def parity(
    bundle: str,
    provider: str,
    threads: int | None,
    layers: bool,
    junit: str | None,
    certificate: str | None,
    as_json: bool,
) -> None:
    """Replay the golden vectors of BUNDLE on this device and compare with torch's own outputs.

    Every variant is held to its tolerance; exit code 1 says that one was not met, and names the
    first node that diverges. Nodes alone decide nothing: --layers shows them, the outputs count.
    """
    from runtime.bundle import open_bundle
    from runtime.durable import write_file
    from runtime.parity import check_bundle

    opened = open_bundle(bundle)
    report = check_bundle(opened, provider, threads, layers=layers)
    if junit is not None:
        write_file(Path(junit), report.to_junit(opened.manifest.name))
    if certificate is not None:
        from runtime.certificate import certificate as certify

        document = certify(report, opened, provider)
        write_file(Path(certificate), (json.dumps(document, indent=2) + "\n").encode("utf-8"))
    if as_json:
        print_json(report.to_json())
    else:
        _print_checks(report)
        for compared in report.layers:
            _print_layers(compared)
    if not report.passed:
        raise CheckFailed(_verdict(report))
    if not as_json:
        say(f"parity holds on {report.provider}")


def _print_checks(report: ParityReport) -> None:
    rows = [
        (
            check.model,
            check.variant,
            check.metric,
            str(check.compared),
            "-" if check.value is None else f"{check.value:.6g}",
            "report" if check.tolerance is None else f"{check.tolerance:g}",
            "passed" if check.passed else "FAILED",
        )
        for check in report.checks
    ]
    headers = ("model", "variant", "metric", "compared", "value", "tolerance", "")
    click.echo(table(headers, rows, right=(3, 4, 5)))


def _print_layers(layers: VariantLayers) -> None:
    from runtime.layers import first_diverging

    rows = [
        (
            node.node,
            node.op_type,
            node.tensor,
            "-" if node.difference is None else f"{node.difference:.3g}",
            "-" if node.verdict == "absent" else f"{node.tolerance:g}",
            node.verdict.upper() if node.verdict == "differs" else node.verdict,
        )
        for node in layers.nodes
    ]
    title = f"{layers.model} {layers.variant} node"
    headers = (title, "operator", "tensor", "difference", "tolerance", "")
    click.echo()
    click.echo(table(headers, rows, right=(3, 4)))
    diverging = first_diverging(layers.nodes)
    if diverging is not None:
        say(f"{layers.model} {layers.variant}: first diverging node: {diverging.node!r}")


def _verdict(report: ParityReport) -> str:
    failed = next(check for check in report.checks if not check.passed)
    why = [f"; {f.model} {f.variant}: {f.reason}" for f in report.failures]
    value = "nothing comparable" if failed.value is None else f"{failed.value:.6g}"
    return (
        f"parity fails on {report.provider}: {failed.model} {failed.variant} {failed.metric} is "
        f"{value}, tolerance {failed.tolerance}{''.join(why)}; don't ship this bundle"
    )
