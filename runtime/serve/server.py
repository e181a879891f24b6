"""Starting and stopping: the socket first, then the bundle, then the server until it is told."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
from collections.abc import Iterator

import uvicorn

from runtime.errors import UnusableInput
from runtime.serve.app import make_app
from runtime.serve.engine import load_engine
from runtime.serve.event_writer import EventWriter
from runtime.serve.events import EventStore
from runtime.serve.protocol import impatient
from runtime.serve.service import Service
from runtime.serve.settings import Settings
from runtime.shop_files import read_stock

_KEEP_ALIVE_S = 75  # a kiosk's browser that comes again within a minute finds its connection
_log = logging.getLogger("endcap.serve")


def serve(settings: Settings) -> None:
    """Serve until a signal says stop; then finish what was begun.

    Raises:
        UnusableInput: the bundle, a file or the address is not usable.
        CheckFailed: the bundle fails parity on this device.
        MissingCapability: the provider is not there.
    """
    with contextlib.closing(bind(settings.host, settings.port)) as bound:
        service = make_service(settings)
        _more_files(settings.limits.connections)
        make_server(service, bound).run(sockets=[bound])


def make_service(settings: Settings) -> Service:
    """Load everything that ``settings`` name, and warm it."""
    stock = read_stock(settings.stock) if settings.stock is not None else None
    engine = load_engine(settings, stock)
    for note in engine.shelf.notes if engine.shelf is not None else ():
        _log.warning("%s", note)
    if engine.store.where.why is not None:
        _log.warning("running on the CPU: %s", engine.store.where.why)
    events = None
    if settings.events is not None:
        store = EventStore(settings.events, settings.events_bytes)
        events = EventWriter(store, settings.limits.retry_after_s)
    return Service(settings, engine, stock, events)


def make_server(service: Service, bound: socket.socket) -> uvicorn.Server:
    """Return the server of ``service`` that will say that it listens on ``bound``."""
    limits = service.settings.limits
    config = uvicorn.Config(
        make_app(service),
        http=impatient(limits),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=limits.stop_s,
    )
    return _Server(config, service, _address(bound))


class _Server(uvicorn.Server):
    """uvicorn's server; says on standard error when it serves and when it stops."""

    def __init__(self, config: uvicorn.Config, service: Service, where: str) -> None:
        super().__init__(config)
        self._service = service
        self._where = where

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        _log.info("serving %s on %s", _described(self._service), self._where)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.stopping = True
        _log.info("stopping; what was begun is finished")
        await super().shutdown(sockets=sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()  # it stopped as it was told: no signal is left to obey


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that has the address, port 0 being any free one.

    Raises:
        UnusableInput: the address is taken, or is not this machine's.
    """
    bound: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        if sys.platform != "win32":  # where it would let two servers share the port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        if bound is not None:
            bound.close()
        raise UnusableInput(
            f"cannot listen on {host!r} port {port}: {error.strerror or error}; choose another "
            "--port or --host"
        ) from error
    return bound


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _described(service: Service) -> str:
    engine = service.engine
    where = engine.store.where
    return (
        f"{engine.name.name} version {engine.name.version}, {where.actual} "
        f"({where.requested} asked for), threads {service.settings.compute_threads},"
    )


def _more_files(connections: int) -> None:
    """Let the process open a file for each connection, where the system sets a lower bound."""
    try:
        import resource
    except ImportError:  # Windows has no such bound
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + 200
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
