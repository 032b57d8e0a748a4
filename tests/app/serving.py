"""Serves an ASGI app by uvicorn over a real socket, in a thread of the test."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

NewLoop = Callable[[], asyncio.AbstractEventLoop]


@contextmanager
def served(app: Any, new_loop: NewLoop | None = None) -> Iterator[tuple[str, int]]:
    """The address on which `app` is served; on leaving, the server shuts down as at a signal."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))

        def serve() -> None:
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(server.serve(sockets=[listening]))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            # Connections wait in the socket's queue until the server accepts them.
            yield listening.getsockname()[:2]
        finally:
            server.should_exit = True
            thread.join(timeout=30)
            assert not thread.is_alive()
