"""A web site of a few pages, for tests that read it over a real socket."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@contextmanager
def site_of(pages: Mapping[str, str], asked: Counter[str] | None = None) -> Iterator[str]:
    """The address of a site with these pages, path -> HTML, and nothing else; `asked` counts its requests by path."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked[self.path] += 1
            body = pages.get(self.path, "<h1>Nothing here</h1>").encode()
            self.send_response(200 if self.path in pages else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
