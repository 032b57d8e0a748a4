"""What commands read and write: bytes in, UTF-8 out, and nothing added."""

import sys
from pathlib import Path


def read(name: str) -> bytes:
    """The bytes of a file; `-` is stdin."""
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def write(text: str) -> None:
    """`text` to stdout; on a terminal a line break follows, so that the prompt stands on a line of its own."""
    if sys.stdout.isatty() and not text.endswith("\n"):
        text += "\n"
    sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()
