"""The log: one handler for everything that is logged in the process, as text or as JSON, each line with its request.

What was asked, what pages say and keys stay out of it. Our own messages hold none of them; of other packages' messages
only the first line is told, and of errors that nobody foresaw only where they were raised: what they say may quote all.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

from app.account import current

OURS = "secateurs"
# What would begin a line that nobody wrote, or tell a terminal what to do.
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
_ESCAPED = {code: ascii(chr(code))[1:-1] for code in _CONTROLS}


def configure(level: str, form: Literal["text", "json"]) -> None:
    """Log to stderr: what is ours from this level on, what is others' from warnings on, Python's own warnings too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level.upper())
    # Below errors it tells of requests that are wrong, with their contents.
    logging.getLogger("mcp").setLevel(logging.ERROR)
    logging.captureWarnings(True)


class TextFormatter(logging.Formatter):
    """`WARNING secateurs embed degraded: the model is down request=8f14e45f`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record in one line; where it tells of an error, the places that this came from follow."""
        account = current.get()
        message = _message(record).translate(_ESCAPED)
        line = f"{record.levelname} {record.name} {message}" + (f" request={account.id}" if account else "")
        return "\n".join((line, *_error(record)))


class JsonFormatter(logging.Formatter):
    """One JSON object a line, of ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with what it knows of its request; `error` has the places that an error came from."""
        account = current.get()
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if account is not None:
            told["request_id"] = account.id
            if account.trace is not None:
                told["trace_id"] = account.trace.id
        if error := list(_error(record)):
            told["error"] = "\n".join(error)
        return json.dumps(told | getattr(record, "facts", {}), default=str)


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    return message if record.name == OURS else message.partition("\n")[0]


def _error(record: logging.LogRecord) -> Iterator[str]:
    """An error's class and where it was raised, and the same of what led to it, in the order in which they happened."""
    error = record.exc_info[1] if record.exc_info else None
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    for one in reversed(chain):
        yield from _places(one.__traceback__)
        yield f"{type(one).__module__}.{type(one).__qualname__}"


def _places(where: TracebackType | None) -> Iterator[str]:
    return (f'  File "{at.filename}", line {at.lineno}, in {at.name}' for at in traceback.extract_tb(where))
