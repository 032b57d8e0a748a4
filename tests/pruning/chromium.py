"""What a browser shows of pages: Chromium's `innerText`, of all pages in one go and without any network.

A driver page loads each page in a frame of its own, does what a reader's clicks would do, and sends the text back. The
pages' scripts and style sheets are barred by a content security policy, which leaves scripting itself on: `noscript`
stays hidden.
"""

import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_POLICY = "default-src 'none'; style-src-attr 'unsafe-inline'"
# A page that sends its reader elsewhere after some seconds would be gone before it is read.
_REFRESH = re.compile(rb"(<meta[^>]*http-equiv\s*=\s*[\"']?)refresh", re.IGNORECASE)
_SECONDS = 120

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--no-proxy-server"),
    *("--disable-dev-shm-usage", "--window-size=1280,800", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
)

# `open` does what the table in visibility.py calls "one click opens it".
_DRIVER = """<!DOCTYPE html><meta charset="utf-8"><iframe width="1200" height="700"></iframe><script>
const frame = document.querySelector('iframe');
const load = address => new Promise(done => { frame.onload = done; frame.src = address; });
function open(page) {
  for (const details of page.querySelectorAll('details')) details.open = true;
  for (const popover of page.querySelectorAll('[popover]')) popover.popover = null;
  for (const found of page.querySelectorAll('[hidden=until-found i]')) found.hidden = false;
  const panels = new Set();
  for (const element of page.querySelectorAll('*')) {
    for (const name of ['aria-controls', 'data-target', 'data-bs-target'])
      for (const id of (element.getAttribute(name) || '').split(/\\s+/)) panels.add(id.replace(/^#/, ''));
    if (['tabpanel', 'region'].includes(element.getAttribute('role')) || (element.id && panels.has(element.id))) {
      element.hidden = false;
      if (element.style) {
        if (element.style.display === 'none') element.style.setProperty('display', 'block', 'important');
        if (element.style.visibility === 'hidden') element.style.setProperty('visibility', 'visible', 'important');
      }
    }
  }
}
(async () => {
  for (let number = 0; number < COUNT; number++) {
    await load('/page/' + number);
    const page = frame.contentDocument;
    open(page);
    await fetch('/text/' + number, { method: 'POST', body: page.body ? page.body.innerText : '' });
  }
})();
</script>"""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, pages: Sequence[bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages = pages
        self.texts: dict[int, str] = {}
        self.done = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        driver = _DRIVER.replace("COUNT", str(len(self.server.pages))).encode()
        if self.path == "/":
            self._answer(driver, {})
        elif self.path.startswith("/page/"):
            page = self.server.pages[int(self.path.rpartition("/")[2])]
            self._answer(_REFRESH.sub(rb"\1x-refresh", page), {"Content-Security-Policy": _POLICY})
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.texts[int(self.path.rpartition("/")[2])] = text
        self._answer(b"", {})
        if len(self.server.texts) == len(self.server.pages):
            self.server.done.set()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def _serving(pages: Sequence[bytes]) -> Iterator[_Server]:
    with _Server(pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def shown(browser: Path, pages: Sequence[str], profile: Path) -> list[str]:
    """What Chromium shows of each page, once everything that a click opens is open.

    Args:
        browser: the program.
        pages: HTML.
        profile: an empty folder for the browser to write to.
    """
    with _serving([page.encode("utf-8", "replace") for page in pages]) as server:
        process = subprocess.Popen(
            [browser, *_FLAGS, f"--user-data-dir={profile}", f"http://127.0.0.1:{server.server_address[1]}/"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            finished = server.done.wait(_SECONDS)
        finally:
            process.terminate()
            said = process.communicate(timeout=30)[1].decode("utf-8", "replace")
    assert finished, f"Chromium read {len(server.texts)} of {len(pages)} pages, and said:\n{said}"
    return [server.texts[number] for number in range(len(pages))]
