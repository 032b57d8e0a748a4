"""One worker: uvicorn, which says when the service is ready, and stops within a bound."""

import asyncio
import math
import os
import threading
from collections.abc import Callable
from socket import socket

import uvicorn

from app.main import create_app
from app.parts import Parts
from app.settings import Settings

# What is still at work this long after everything was cancelled is left: a thread can't be.
END_SECONDS = 5.0

# Idle connections are kept for longer than load balancers keep theirs, often 60 s: one that takes a connection for open
# would send its next request into a closed one. Whoever waits for Retry-After finds its connection still there, too.
KEEP_SECONDS = 75


class Server(uvicorn.Server):
    """Serves until SIGTERM or SIGINT; then what is in flight is finished within the bound that the settings name."""

    def __init__(self, settings: Settings, ready: Callable[[], None]) -> None:
        """Make the application.

        Args:
            settings: the service's.
            ready: called once the models are loaded.
        """
        self._app = create_app(settings)
        self._settings = settings
        self._ready = ready
        self._announcement: asyncio.Task[None] | None = None
        super().__init__(
            uvicorn.Config(
                self._app,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="on",
                timeout_keep_alive=KEEP_SECONDS,
                timeout_graceful_shutdown=math.ceil(settings.shutdown_seconds),
            )
        )

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start as uvicorn does, then say that the service is ready as soon as its models are loaded."""
        await super().startup(sockets)
        if self.started:
            self._announcement = asyncio.create_task(self._announce(self._parts))

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop as uvicorn does, after the time in which others may notice that the service is going."""
        self._parts.stopping = True
        await asyncio.sleep(self._settings.drain_seconds)
        last = threading.Timer(self._settings.shutdown_seconds + END_SECONDS, os._exit, (1,))
        last.daemon = True
        last.start()
        await super().shutdown(sockets)

    @property
    def _parts(self) -> Parts:
        parts: Parts = self._app.state.pipeline.parts
        return parts

    async def _announce(self, parts: Parts) -> None:
        await parts.becomes_ready()  # the log says why it does not
        self._ready()
