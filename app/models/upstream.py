"""What the clients of model servers share: addresses, when to ask once more, and failures told in one line."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from app.breaker import Breaker, Unavailable
from app.http_answers import message, retry_after
from pruning.errors import SAID, InvalidInput, ModelError, reason

# A server closes an idle connection just as we write to it: such a request may be sent once more.
_DROPPED = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)

# A call that had less time than this, and ran out of it, says nothing about the server.
_FAIR_SECONDS = 1.0

# Busy, not broken; and seconds to wait where the server doesn't say how long. Past the most, the caller is better off
# with what it can do without the model.
_BUSY = frozenset({429, 503})
_BUSY_SECONDS = 0.5
_BUSY_SECONDS_AT_MOST = 5.0


class ModelUnavailable(ModelError, Unavailable):
    """A model server that is down, busy or too slow, or answers nonsense."""


class Attempts:
    """Calls of one server: none takes longer than it may, and one that fails again and again is left alone."""

    def __init__(self, server: object, *, seconds: float, failures: int, rest_seconds: float) -> None:
        """Of a server, whose name is told in errors.

        Args:
            server: what is asked.
            seconds: for one call, whatever its deadline.
            failures: in a row, after which the server is left alone.
            rest_seconds: for so long.
        """
        self._server = server
        self._seconds = seconds
        self._breaker = Breaker(ModelError, failures=failures, seconds=rest_seconds)

    @asynccontextmanager
    async def within(self, deadline: float | None) -> AsyncIterator[None]:
        """Within it the server is asked, up to that time of `time.monotonic()`. Raises ModelError when it is over."""
        seconds = self._seconds
        if deadline is not None:
            seconds = min(seconds, deadline - time.monotonic())
        if seconds <= 0:
            raise ModelError(f"no time is left to ask {self._server}")
        late = f"{self._server} did not answer within {seconds:.3g} s"
        try:
            with self._breaker.attempt():
                try:
                    async with asyncio.timeout(seconds):
                        yield
                except TimeoutError:
                    if seconds < _FAIR_SECONDS:
                        raise
                    raise ModelUnavailable(late) from None
        except TimeoutError:
            raise ModelError(late) from None


def address(url: str, route: str) -> httpx2.URL:
    """The address of a server's route, from its own address or that of the server, with or without /v1.

    >>> str(address("http://host:8000", "/v1/embeddings")), str(address("http://host/v1/", "/tokenize"))
    ('http://host:8000/v1/embeddings', 'http://host/tokenize')
    >>> str(address("http://host/embed?version=1", "/v1/embeddings"))
    'http://host/embed?version=1'

    Raises:
        InvalidInput: it is not an address of HTTP.
    """
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise InvalidInput(f"{url!r} is no URL: {reason(error)}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise InvalidInput(f"{url!r} is no URL: it must begin with http:// or https:// and a host")
    path = parsed.path.rstrip("/")
    if not path or path.endswith("/v1"):
        return parsed.copy_with(path=path.removesuffix("/v1") + route)
    return parsed


def beside(url: httpx2.URL, route: str) -> httpx2.URL:
    """Another route of the same server.

    >>> str(beside(httpx2.URL("http://host/v1/embeddings?version=1"), "/models"))
    'http://host/v1/models?version=1'
    """
    return url.copy_with(path=url.path.rstrip("/").rpartition("/")[0] + route)


def headers(key: str | None) -> dict[str, str]:
    """The headers by which a key is shown."""
    return {"authorization": f"Bearer {key}"} if key else {}


async def send(
    client: httpx2.AsyncClient, method: str, url: httpx2.URL, **body: Any
) -> httpx2.Response | httpx2.HTTPError:
    """Send a request, once more where that may help, and say what became of it."""
    outcome = await _outcome(client, method, url, **body)
    wait = pause(outcome)
    if wait is None:
        return outcome
    await asyncio.sleep(wait)
    return await _outcome(client, method, url, **body)


async def _outcome(
    client: httpx2.AsyncClient, method: str, url: httpx2.URL, **body: Any
) -> httpx2.Response | httpx2.HTTPError:
    try:
        return await client.request(method, url, **body)
    except httpx2.HTTPError as error:
        return error


def pause(outcome: httpx2.Response | httpx2.HTTPError) -> float | None:
    """Seconds to wait before asking once more; None where that would not help."""
    if isinstance(outcome, _DROPPED):
        return 0.0
    if isinstance(outcome, httpx2.Response) and outcome.status_code in _BUSY:
        told = retry_after(outcome.headers.get("retry-after"))
        return _BUSY_SECONDS if told is None else min(told, _BUSY_SECONDS_AT_MOST)
    return None


def answered(server: object, outcome: httpx2.Response | httpx2.HTTPError) -> httpx2.Response:
    """The answer, if it is a good one. Raises ModelUnavailable, or ModelError for what only this request met."""
    if isinstance(outcome, httpx2.HTTPError):
        raise ModelUnavailable(f"{server} {explain(outcome)}") from outcome
    if not outcome.is_success:
        passes = outcome.is_server_error or outcome.status_code == httpx2.codes.TOO_MANY_REQUESTS
        raise (ModelUnavailable if passes else ModelError)(f"{server} {explain(outcome)}")
    return outcome


def first_model(answer: httpx2.Response) -> str | None:
    """The first model of a list of models; None where the server has no such list."""
    return next(iter(model_names(answer)), None)


def model_names(answer: httpx2.Response) -> list[str]:
    """The models of a list of models; none where the server has no such list."""
    try:
        return [str(entry["id"]) for entry in answer.json()["data"]] if answer.is_success else []
    except (ValueError, LookupError, TypeError):
        return []


def explain(outcome: httpx2.Response | httpx2.HTTPError, advice: str = "") -> str:
    """A failure in one line: what the server says, in whichever of the usual forms, or what became of the request."""
    if isinstance(outcome, httpx2.TimeoutException):
        return "did not answer in time"
    if isinstance(outcome, httpx2.HTTPError):
        return f"can't be reached: {reason(outcome)}"
    said = message(outcome.content)
    return f"answered with status {outcome.status_code}{advice}" + (f"{SAID}{said}" if said else "")
