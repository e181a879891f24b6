"""The command ``endcap``: commands found lazily, errors said in one sentence, four exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from runtime.cli_options import Group
from runtime.errors import EndcapError, MissingCapability

_HERE = (
    "recommend", "similar", "generate", "inspect", "parity", "doctor", "bench", "serve", "events",
)  # fmt: skip
_ENTRY_POINTS = "endcap.commands"
_CORE, _HEAVY = "pip install endcap", "pip install 'endcap[train]'"
_SERVE = "pip install 'endcap[serve]'"
_EXTRAS = {
    **dict.fromkeys(("click", "numpy", "png"), _CORE),
    **dict.fromkeys(("starlette", "uvicorn", "msgspec", "prometheus_client", "httptools"), _SERVE),
}
_INTERRUPTED, _PIPE_CLOSED = 130, 141  # what a shell reports for SIGINT and SIGPIPE

_NO_ARGUMENTS: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())  # absent before click 8.2


class _EndcapGroup(Group):
    """Commands of the runtime from here, all others from the entry points of what is installed."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*_HERE, *(point.name for point in _entry_points())})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name in _HERE:
            return _own_command(name)
        for point in _entry_points():
            if point.name == name:
                return _loaded(point)
        return None

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(context, args[0]) is None:
            from runtime.errors import nearest

            close = nearest(args[0], self.list_commands(context))
            raise click.UsageError(f"unknown command {args[0]!r}; {close}", context)
        return super().resolve_command(context, args)


def _own_command(name: str) -> click.Command:
    if name == "inspect":
        from runtime.cli_inspect import inspect

        return inspect
    if name == "doctor":
        from runtime.cli_doctor import doctor

        return doctor
    if name == "parity":
        from runtime.cli_parity import parity

        return parity
    if name == "bench":
        from runtime.cli_bench import bench

        return bench
    if name == "serve":
        from runtime.cli_serve import serve

        return serve
    if name == "events":
        from runtime.cli_events import events

        return events
    if name == "generate":
        from runtime.cli_pictures import generate

        return generate
    from runtime.cli_answers import recommend, similar

    return {"recommend": recommend, "similar": similar}[name]


def _entry_points() -> Sequence[Any]:
    from importlib.metadata import entry_points

    return list(entry_points(group=_ENTRY_POINTS))


def _loaded(point: Any) -> click.Command:
    """Load a command; what it cannot import is an extra that is not installed."""
    try:
        command: click.Command = point.load()
    except ModuleNotFoundError as error:
        return _absent(point.name, error)
    return command


def _extra_of(error: ModuleNotFoundError) -> str:
    return _EXTRAS.get((error.name or "").partition(".")[0], _HEAVY)


def _absent(name: str, error: ModuleNotFoundError) -> click.Command:
    def refuse(**_: object) -> None:
        raise MissingCapability(f"'endcap {name}' needs {error.name!r}; {_extra_of(error)}")

    return click.Command(
        name,
        callback=refuse,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        help=f"Not installed here: {_extra_of(error)}",
        context_settings={"ignore_unknown_options": True},
    )


def _print_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from runtime.version import __version__

        click.echo(f"endcap {__version__}")
        context.exit()


@click.group(cls=_EndcapGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
def endcap() -> None:
    """Recommendations and product pictures for shops: train, prove the export, serve.

    Exit codes: 0 done, 1 a check said no, 2 wrong use or unusable input, 3 this machine lacks
    something.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run ``endcap`` with ``args`` (default: the process's) and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a title that the terminal cannot show must not end the answer
            reconfigure(errors="replace")
    if "_ENDCAP_COMPLETE" in os.environ:
        endcap.main(prog_name="endcap")
    arguments = list(sys.argv[1:] if args is None else args)
    state: dict[str, Any] = {"debug": False, "arguments": arguments}
    try:
        with endcap.make_context("endcap", list(arguments), obj=state) as context:
            endcap.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except _NO_ARGUMENTS as error:
        error.show()
        return 2
    except click.ClickException as error:
        _complain(_with_help(error), error, state)
        return 2
    except EndcapError as error:
        _complain(str(error), error, state)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as stop:
        # what was stopped may say how to continue
        print(f"endcap: {str(stop) or 'interrupted'}", file=sys.stderr)  # noqa: T201
        return _INTERRUPTED
    except BrokenPipeError:
        _abandon_stdout()
        return _PIPE_CLOSED
    except ModuleNotFoundError as error:
        missing = MissingCapability(
            f"this needs {error.name!r}, which is absent; {_extra_of(error)}"
        )
        _complain(str(missing), error, state)
        return missing.exit_code
    except MemoryError as error:
        _complain("out of memory; close other programs or use smaller input", error, state)
        return 2
    except Exception as error:
        if isinstance(error, OSError):
            _abandon_stdout()  # it may be standard output itself that is full
        _complain(f"{_described(error)}; --debug shows where it happened", error, state)
        return 2
    return 0


def _with_help(error: click.ClickException) -> str:
    message = error.format_message().strip().rstrip(".")
    message = message[:1].lower() + message[1:] if message[:2].istitle() else message
    context = getattr(error, "ctx", None)
    return f"{message}; see {context.command_path} --help" if context is not None else message


def _described(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        place = f" {str(error.filename)!r}" if error.filename is not None else ""
        return f"cannot use{place}: {error.strerror}"
    said = " ".join(str(error).split())
    return f"unexpected {type(error).__name__}: {said}" if said else type(error).__name__


def _complain(sentence: str, error: BaseException, state: dict[str, Any]) -> None:
    if state["debug"]:
        traceback.print_exception(error)
    print(f"endcap: error: {' '.join(sentence.splitlines())}", file=sys.stderr)  # noqa: T201


def _abandon_stdout() -> None:
    """Point standard output nowhere, so that closing it at exit does not fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
