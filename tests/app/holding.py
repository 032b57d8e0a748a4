"""A site whose pages come when a test releases them, and a service that waits for them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from app.main import create_app
from app.settings import Settings
from tests.app.serving import served

PATIENCE = 60
# Those of a service that would wait for minutes.
_TIMES = ("deadline_seconds", "fetch_seconds", "fetch_first_byte_seconds", "fetch_pace_seconds")
TEXT = "The hedge is cut each week."


@dataclass
class Site:
    """The site.

    Attributes:
        asked: released each time that a page is asked for.
        released: set when pages may come.
    """

    address: str = ""
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    released: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def released_at_the_end(self) -> Iterator[None]:
        """Also where a test fails: whoever still waits for a page would be waited for."""
        try:
            yield
        finally:
            self.released.set()


@contextmanager
def holding() -> Iterator[Site]:
    """Serve it; whatever is still held at the end is released."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/robots.txt":
                self.send_error(404)
                return
            site.asked.release()
            site.released.wait(PATIENCE)
            with suppress(OSError):  # whoever asked may have gone
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(f"<p>{TEXT}".encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        site.address = f"http://127.0.0.1:{server.server_port}"
        try:
            yield site
        finally:
            site.released.set()
            server.shutdown()


@contextmanager
def waiting(site: Site, state: Path, **more: Any) -> Iterator[httpx.Client]:
    """A client of a service that finds a page of the site, and waits for it longer than any test."""
    settings = Settings(
        state_dir=state,
        embedder="none",
        cache=False,
        provider="urls",
        urls=f"{site.address}/found",
        fetch_allowed_hosts="127.0.0.1",
        **dict.fromkeys(_TIMES, 600),
        **more,
    )
    with (
        served(create_app(settings)) as (host, port),
        httpx.Client(base_url=f"http://{host}:{port}", timeout=PATIENCE) as client,
    ):
        yield client


def ask_tool(client: httpx.Client, name: str, arguments: dict[str, Any], **headers: str) -> httpx.Response:
    """The answer to the call of a tool of MCP."""
    call = {"name": name, "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    spoken = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
    return client.post("/mcp", json=message, headers=spoken | headers)
