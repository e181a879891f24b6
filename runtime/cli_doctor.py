"""The command that looks at this machine: doctor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from runtime.cli_options import Command, json_option, megabytes, print_json
from runtime.errors import CheckFailed, MissingCapability

if TYPE_CHECKING:
    from runtime.check import Check


@click.command(
    cls=Command,
    short_help="Show what this machine can run, and why.",
    epilog="""\b
Examples:
  endcap doctor
  endcap doctor models/online-retail --json
  endcap doctor models/corner-store --kiosk --port 8080 --state /var/lib/endcap
""",
)
@click.argument("bundle", type=click.Path(), required=False)
@click.option(
    "--kiosk",
    is_flag=True,
    help="Demand what a kiosk needs: the extra 'serve', a browser, and no service that failed.",
)
@click.option(
    "--port", type=int, metavar="P", help="Demand that port P is free, or endcap is well there."
)
@click.option(
    "--state",
    metavar="DIR",
    help="Demand that folder DIR can hold events, and that those in it are whole.",
)
@click.option(
    "--token-file", metavar="F", help="Demand that F holds a token and nobody else can read it."
)
@json_option
def doctor(
    bundle: str | None,
    kiosk: bool,
    port: int | None,
    state: str | None,
    token_file: str | None,
    as_json: bool,
) -> None:
    """Show what this machine can run, and which variant of BUNDLE would run here and why.

    What is demanded and not well ends it with exit code 3 where this machine lacks something, else
    with 1.
    """
    from runtime.bundle import open_bundle
    from runtime.doctor import choices, diagnose

    opened = open_bundle(bundle) if bundle is not None else None
    checks = _checks(kiosk, port, state, token_file)
    diagnosis = diagnose()
    document = diagnosis.to_json()
    if opened is not None:
        document["bundle"] = {
            "name": opened.manifest.name,
            "version": opened.manifest.version,
            "models": {choice.model: choice.to_json() for choice in choices(opened, diagnosis)},
        }
    if checks:
        document["checks"] = [check.to_json() for check in checks]
    if as_json:
        print_json(document)
    else:
        _print_diagnosis(document)
    if diagnosis.onnxruntime is None:
        raise MissingCapability(diagnosis.problems[-1])
    _demand(checks)


def _checks(
    kiosk: bool, port: int | None, state: str | None, token_file: str | None
) -> list[Check]:
    checks: list[Check] = []
    if kiosk:
        from runtime.kiosk_checks import kiosk_checks

        checks += kiosk_checks()
    if token_file is not None:
        from runtime.token_check import check_token_file

        checks.append(check_token_file(token_file))
    if port is not None:
        from runtime.port_check import check_port

        checks.append(check_port(port))
    if state is not None:
        from runtime.state_check import check_state

        checks += check_state(state)
    return checks


def _demand(checks: list[Check]) -> None:
    """Raise what is not well, what this machine lacks first."""
    failed = sorted(
        (check for check in checks if not check.passed), key=lambda one: not one.missing
    )
    if not failed:
        return
    told = "; ".join(f"{check.name}: {check.said}" for check in failed)
    raise MissingCapability(told) if failed[0].missing else CheckFailed(told)


def _print_diagnosis(document: dict[str, Any]) -> None:
    cpu, auto = document["cpu"], document["auto"]
    rows = [
        ("endcap", document["endcap"]),
        ("python", document["python"]),
        ("system", document["system"]),
        ("cpu", f"{cpu['name']}, {cpu['cores']} cores"),
        ("cpu class", cpu["class"]),
        ("cpu flags", " ".join(cpu["flags"]) or "not known"),
        ("onnxruntime", document["onnxruntime"] or "not usable"),
        ("providers", ", ".join(document["providers"]) or "none"),
        ("auto", f"{auto['actual']}: {auto['fallback']}" if auto["fallback"] else auto["actual"]),
        ("packages", ", ".join(f"{n} {v}" for n, v in document["packages"].items())),
    ]
    if "bundle" in document:
        bundle = document["bundle"]
        rows.append(("bundle", f"{bundle['name']} version {bundle['version']}"))
        for model, choice in bundle["models"].items():
            rows.append((model, f"{choice['variant']} on {choice['provider']}: {choice['why']}"))
            rows += _explained(choice)
    for check in document.get("checks", ()):
        rows.append((check["name"], check["said"] if check["passed"] else f"NO: {check['said']}"))
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
        f"{name} {megabytes(facts['bytes'])} {facts['speedup']:.2f}x"
        for name, facts in choice["variants"].items()
    ]
    yield "  variants", ", ".join(kept)
    for name, why in choice["refused"].items():
        yield "  refused", f"{name}: {why}"
