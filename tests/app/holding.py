"""A site whose pages come when a test releases them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 60
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
