"""What an HTTP server says when it refuses: in which words, and when to ask again."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

# Longer than anybody waits, and short enough for any timer.
_MOST_SECONDS = 366 * 24 * 3600.0


def retry_after(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which has a number of them or a date; None if it is neither.

    >>> retry_after("2"), retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), retry_after("soon")
    (2.0, 0.0, None)
    """
    told = (header or "").strip()
    if told.isascii() and told.isdigit():
        return min(float(told[:12]), _MOST_SECONDS)
    try:
        date = parsedate_to_datetime(told)
    except ValueError:
        return None
    seconds = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), _MOST_SECONDS)


def message(body: bytes) -> str:
    """What an error's JSON body says, in whichever of the usual forms, in one line; empty if it is no JSON."""
    try:
        return _message(json.loads(body))
    except (ValueError, RecursionError):
        return ""


def _message(body: Any) -> str:
    """The message of `{"error": {"message": …}}`, `{"error": …}`, `{"message": …}`, `{"detail": …}`."""
    if isinstance(body, dict):
        for name in ("error", "message", "detail"):
            if body.get(name):
                return _message(body[name])
    return " ".join(str(body).split())[:200] if body else ""
