"""The application: every endpoint behind one gate, started and stopped as one."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from runtime.errors import EndcapError
from runtime.serve.browse import Browse
from runtime.serve.endpoint import routes
from runtime.serve.errors import HttpError
from runtime.serve.gate import Gate
from runtime.serve.health import Health
from runtime.serve.inference import Inference
from runtime.serve.metadata import Metadata
from runtime.serve.openapi import Document
from runtime.serve.page_files import page_routes, read_page
from runtime.serve.photos import Photos
from runtime.serve.pictures import Pictures
from runtime.serve.reload import Reloader
from runtime.serve.replies import failed, refused
from runtime.serve.service import Service
from runtime.serve.shop import Shop


def make_app(service: Service) -> Starlette:
    """Return the application that serves ``service``."""
    reloader = Reloader(service)
    endpoints = [
        endpoint
        for part in (
            Shop(service),
            Inference(service),
            Metadata(service),
            Pictures(service),
            Photos(service),
            Browse(service),
            Health(service, reloader),
        )
        for endpoint in part.endpoints()
    ]
    document = Document(endpoints, with_token=service.settings.token is not None)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        await _start(service, reloader)
        yield
        await reloader.stop()
        await service.lane.stop()
        if service.events is not None:
            await service.events.stop()

    app = Starlette(
        routes=[*routes([*endpoints, *document.endpoints()]), *page_routes(read_page())],
        middleware=[
            Middleware(
                Gate,
                settings=service.settings,
                metrics=service.metrics,
                bodies=service.bodies,
                lane=service.lane,
            )
        ],
        exception_handlers={
            HttpError: refused,
            HTTPException: refused,
            EndcapError: refused,
            Exception: failed,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # a redirect would repeat whatever Host was sent
    return app


async def _start(service: Service, reloader: Reloader) -> None:
    service.lane.start()
    if service.events is not None:
        service.events.start()
    reloader.start()
    if not hasattr(signal, "SIGHUP"):
        return
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[str]] = set()

    def again() -> None:
        task = loop.create_task(reloader.reload())
        tasks.add(task)  # the loop itself keeps no hold of it
        task.add_done_callback(tasks.discard)

    try:
        loop.add_signal_handler(signal.SIGHUP, again)
    except (RuntimeError, ValueError):
        return  # not the main thread: whoever runs the application so sends no signals
