"""The HTTP client for search engines and models: httpx2, whose pool loses no connection when a request is cancelled.

httpx 0.28 leaves the connection open and taken when a deadline, or a caller who hangs up, cuts a request short while it
connects or while its answer begins; after a hundred of those its pool lets nobody through. `tests/faults/test_leaks.py`
counts them.
"""

import ssl
from typing import Any

import httpx
import httpx2


def open_client(**options: Any) -> httpx2.AsyncClient:
    """A client that keeps its connections, closed by `aclose`; `options` are those of `httpx2.AsyncClient`."""
    return httpx2.AsyncClient(verify=_certificates(), **options)


def open_sync_client(**options: Any) -> httpx2.Client:
    """The same for threads."""
    return httpx2.Client(verify=_certificates(), **options)


def _certificates() -> ssl.SSLContext:
    """certifi's, or those of SSL_CERT_FILE: httpx2 by itself asks the system, and slim images have none there."""
    return httpx.create_ssl_context()
