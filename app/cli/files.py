"""What commands read and write: bytes in, UTF-8 out, and nothing added."""

import sys
from dataclasses import replace
from pathlib import Path

from app.convert.page import to_page
from app.convert.sniff import Declared, declared_by_name
from pruning.document import Page


def read_page(name: str, url: str | None = None) -> Page:
    """A file as a page: HTML as it is, PDF, Markdown, JSON and their like as simple HTML. What stdin gives is HTML
    unless its bytes show otherwise. Raises OSError, PageError.
    """
    body = read(name)
    if not body:
        return Page(html=body, url=url)
    declared = Declared("text/html") if name == "-" else declared_by_name(name)
    return replace(to_page(body, declared), url=url)


def read(name: str) -> bytes:
    """The bytes of a file; `-` is stdin."""
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def write(text: str) -> None:
    """`text` to stdout; on a terminal a line break follows, so that the prompt stands on a line of its own."""
    if sys.stdout.isatty() and not text.endswith("\n"):
        text += "\n"
    sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()
