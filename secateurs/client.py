"""Asks a service over HTTP, with or without an event loop.

Each question opens a connection of its own: that costs nothing beside a search, which takes a second, and so one client
serves any number of threads and event loops, can be pickled, and needs no closing.
"""

import logging
import math
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpx2

from secateurs.answer import Answer
from secateurs.errors import Refused, TimedOut, UnexpectedAnswer, Unreachable

URL_VARIABLE = "SECATEURS_URL"
KEY_VARIABLE = "SECATEURS_API_KEY"
DEFAULT_URL = "http://127.0.0.1:8000"

# Seconds to connect, those that an answer may come after the service's own deadline, and those without a deadline.
_CONNECT, _GRACE, _PATIENCE = 10.0, 5.0, 600.0

_logger = logging.getLogger(__name__)


class Client:
    """One service, and how to ask it.

    Args:
        url: the service's address; by default that in SECATEURS_URL, else `http://127.0.0.1:8000`.
        api_key: one of its keys; by default the one in SECATEURS_API_KEY, else none.
        timeout: seconds within which it is to answer, with what it has by then; by default, and at the most, as it is
            configured.

    Raises ValueError where one of these can't be.
    """

    def __init__(self, url: str | None = None, api_key: str | None = None, timeout: float | None = None) -> None:
        self.url = _address(url or os.environ.get(URL_VARIABLE) or DEFAULT_URL)
        self.timeout = timeout
        self._key = _key(api_key or os.environ.get(KEY_VARIABLE) or "")
        if timeout is not None and not 0.1 <= timeout < math.inf:
            raise ValueError(f"timeout is {timeout}; it must be at least 0.1 seconds, and finite")

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def search(self, query: str, **options: Any) -> Answer:
        """Search for the question and prune what is found; `options` are the other fields of `POST /v1/search`.

        Raises ServiceError.
        """
        return self._ask("/v1/search", query, options)

    async def asearch(self, query: str, **options: Any) -> Answer:
        """The same on an event loop."""
        return await self._ask_async("/v1/search", query, options)

    def prune(self, query: str, **options: Any) -> Answer:
        """Prune the pages at `urls=["https://…"]`, or those given as `pages=[{"html": …, "url": …}]`.

        The other `options` are those of `POST /v1/prune`. Raises ServiceError.
        """
        return self._ask("/v1/prune", query, options)

    async def aprune(self, query: str, **options: Any) -> Answer:
        """The same on an event loop."""
        return await self._ask_async("/v1/prune", query, options)

    def _ask(self, path: str, query: str, options: Mapping[str, Any]) -> Answer:
        with self._explained(), httpx2.Client(**self._connection()) as http:
            response = http.post(self.url + path, json={"query": query, **options})
        return self._read(response)

    async def _ask_async(self, path: str, query: str, options: Mapping[str, Any]) -> Answer:
        with self._explained():
            async with httpx2.AsyncClient(**self._connection()) as http:
                response = await http.post(self.url + path, json={"query": query, **options})
        return self._read(response)

    def _connection(self) -> dict[str, Any]:
        """The options of an HTTP client."""
        patience = _PATIENCE if self.timeout is None else self.timeout + _GRACE
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        if self.timeout is not None:  # the service takes its own time where that is less; `deadline_ms` it would refuse
            headers["X-Request-Timeout"] = f"{self.timeout:.3f}"
        return {"headers": headers, "timeout": httpx2.Timeout(patience, connect=_CONNECT), "verify": _trust()}

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Foreign errors as ours."""
        try:
            yield
        except httpx2.TimeoutException as error:
            raise TimedOut(f"the service at {self.url} does not answer in time ({_reason(error)})") from error
        except httpx2.HTTPError as error:
            raise Unreachable(f"the service at {self.url} can't be reached: {_reason(error)}") from error

    def _read(self, response: httpx2.Response) -> Answer:
        """The answer. Raises Refused, UnexpectedAnswer."""
        if not response.is_success:
            message = f"the service at {self.url} answers {response.status_code}: {_detail(response)}"
            raise Refused(message, response.status_code, _seconds(response.headers.get("retry-after")))
        try:
            answer = Answer.from_json(response.json())
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnexpectedAnswer(f"what answers at {self.url} is no Secateurs service") from error
        for note in answer.degraded:
            _logger.warning("%s: %s", self.url, note)
        return answer


@cache
def _trust() -> ssl.SSLContext:
    """The system's certificates, or those of SSL_CERT_FILE; reading them takes longer than all else here."""
    return httpx2.create_ssl_context()


def _address(url: str) -> str:
    """Without what is often pasted along with it. Raises ValueError where it is none of HTTP."""
    trimmed = url.strip().rstrip("/").removesuffix("/v1")
    if not trimmed.startswith(("http://", "https://")):
        raise ValueError(f"the service's address is {url!r}; it must begin with http:// or https://")
    try:
        httpx2.URL(trimmed)
    except httpx2.InvalidURL as error:
        raise ValueError(f"the service's address is {url!r}: {_reason(error)}") from error
    return trimmed


def _key(text: str) -> str:
    """Without the line break that a file of it ends in. Raises ValueError, which doesn't tell the key."""
    key = text.strip()
    if not key.isascii() or not key.isprintable():
        raise ValueError("the API key has characters that can't stand in a header")
    return key


def _detail(response: httpx2.Response) -> str:
    """What the service, or whatever stands before it, says of an error."""
    try:
        told = response.json()
        return str(told.get("detail") or told["title"])
    except (AttributeError, KeyError, TypeError, ValueError):
        to = response.headers.get("location")
        return f"it is at {to}" if to else response.reason_phrase or "no reason given"


def _seconds(retry_after: str | None) -> float | None:
    """Of a Retry-After header; None where it gives a date."""
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
