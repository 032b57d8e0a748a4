"""The HTTP client for search engines and models: httpx2, whose pool loses no connection when a request is cancelled.

httpx 0.28 leaves the connection open and taken when a deadline, or a caller who hangs up, cuts a request short while it
connects or while its answer begins; after a hundred of those its pool lets nobody through. `tests/faults/test_leaks.py`
counts them.
"""

import ssl
from typing import Any

import httpx
import httpx2

from app.account import passed_on


def open_client(*, traced: bool = False, **options: Any) -> httpx2.AsyncClient:
    """A client that keeps its connections, closed by `aclose`.

    Args:
        traced: tell the server which request of ours it is asked for. For servers of the operator's own.
        options: those of `httpx2.AsyncClient`.
    """
    hooks: dict[str, list[Any]] = {"request": [_mark_awaited] if traced else []}
    return httpx2.AsyncClient(verify=_certificates(), event_hooks=hooks, **options)


def open_sync_client(*, traced: bool = False, **options: Any) -> httpx2.Client:
    """The same for threads."""
    hooks: dict[str, list[Any]] = {"request": [_mark] if traced else []}
    return httpx2.Client(verify=_certificates(), event_hooks=hooks, **options)


def _mark(request: httpx2.Request) -> None:
    request.headers.update(passed_on())


async def _mark_awaited(request: httpx2.Request) -> None:
    _mark(request)


def _certificates() -> ssl.SSLContext:
    """certifi's, or those of SSL_CERT_FILE: httpx2 by itself asks the system, and slim images have none there."""
    return httpx.create_ssl_context()
