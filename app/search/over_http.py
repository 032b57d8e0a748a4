"""Search engines behind HTTP: what all of them share. How one is asked stands in its `Engine`."""

import asyncio
import math
from dataclasses import dataclass

import anyio
import httpx2
from pydantic import SecretStr, ValidationError

from app.breaker import Breaker
from app.http_answers import message, retry_after
from app.http_client import open_client
from app.seam import in_thread
from app.search.engine import Engine, Request, fit, select
from app.search.pace import Pace
from app.search.protocol import Found, ProviderBusy, ProviderDown, SearchError, SearchQuery
from app.settings import PREFIX
from pruning.errors import SAID, InvalidInput, reason

# Without a deadline of the caller's.
SECONDS = 10.0
CONNECT_SECONDS = 5.0
# An engine that didn't answer in so many is taken for one that hangs.
PATIENT_SECONDS = 3.0
# Ten hits are some 20 KB; with the pages' texts, megabytes.
MOST_BYTES = 16_000_000
# A server closes an idle connection just as we write to it: such a request may be sent once more.
_DROPPED = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)
# Busy, without saying for how long.
_REST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Access:
    """How an engine is reached: its address, its key, and how many requests a second it is sent at most."""

    url: str
    key: SecretStr | None = None
    rate: float | None = None


class HttpProvider:
    """An engine as a search provider, over connections that it keeps; for one event loop."""

    def __init__(self, engine: Engine, access: Access, rest_seconds: float = 10.0) -> None:
        """An engine that is left alone for so many seconds after it has failed again and again."""
        self.name = engine.name
        self._engine = engine
        self._url = access.url
        self._key = access.key.get_secret_value() if access.key else ""
        if not (self._key.isascii() and all(" " < character < "\x7f" for character in self._key)):
            raise InvalidInput(f"{_setting(self.name, 'key')} holds characters that no key has")
        self._pace = Pace(access.rate)
        self._breaker = Breaker(
            lambda told: SearchError(self.name, told.removeprefix(f"{self.name}: ")), seconds=rest_seconds
        )
        # Brotli and zstd would unpack without bounds; gzip makes of a piece at most a thousand times as much.
        headers = {"accept": "application/json", "accept-encoding": "gzip"}
        self._client = open_client(headers=headers, timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS))

    async def search(self, query: SearchQuery, *, deadline: float | None = None) -> Found:
        """See `SearchProvider`. Raises SearchError, ProviderBusy, NotOffered."""
        fitted = fit(self.name, self._engine.offers, query)
        with self._breaker.attempt():
            found = await self._found(fitted.query, deadline)
        return Found(select(self._engine.offers, query, found.hits), fitted.degraded + found.degraded)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _found(self, query: SearchQuery, deadline: float | None) -> Found:
        now = asyncio.get_running_loop().time()
        until = now + SECONDS if deadline is None else deadline
        try:
            # A scope of anyio's: httpx2 cleans up behind its shields, which asyncio's timeouts would break through.
            with anyio.fail_after(until - anyio.current_time()):
                answer = await self._answer(self._engine.request(query), until)
                return await in_thread(self._read, answer, query)
        except TimeoutError:
            # Who is in a hurry learns nothing about the engine.
            kind = ProviderDown if until - now >= PATIENT_SECONDS else SearchError
            raise kind(self.name, "no answer in the time that a search may take") from None

    def _read(self, answer: bytes, query: SearchQuery) -> Found:
        """In a thread: an answer may be megabytes."""
        try:
            return self._engine.read(answer, query)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            what = (
                "no JSON" if first["type"] == "json_invalid" else f"other JSON than expected, at {place or 'its top'}"
            )
            raise SearchError(self.name, f"the answer is {what}; check {_setting(self.name, 'url')}") from None

    async def _answer(self, request: Request, until: float) -> bytes:
        """The body of a good answer; a provider that is busy is asked once more if that fits the time."""
        because = ""
        for _ in range(2):
            await turn(self.name, self._pace, until, because)
            status, headers, body = await self._send(request)
            if not _is_busy(status, headers):
                break
            told = retry_after(headers.get("retry-after"))
            self._pace.rest(asyncio.get_running_loop().time() + (_REST_SECONDS if told is None else told))
            because = f"{self._advice(status)} (status {status})"
        if not 200 <= status < 300:
            raise self._refusal(status, headers, body)
        return body

    async def _send(self, request: Request) -> tuple[int, httpx2.Headers, bytes]:
        try:
            return await self._exchange(request)
        except _DROPPED:
            pass
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        try:
            return await self._exchange(request)
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    async def _exchange(self, request: Request) -> tuple[int, httpx2.Headers, bytes]:
        body = bytearray()
        async with self._client.stream(
            request.method, self._url, params=request.params, json=request.json, headers=dict(request.headers)
        ) as response:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise SearchError(self.name, f"the answer has more than {MOST_BYTES:,} bytes")
        return response.status_code, response.headers, bytes(body)

    def _unreachable(self, error: httpx2.HTTPError) -> SearchError:
        if isinstance(error, httpx2.TimeoutException):
            return ProviderDown(self.name, f"no connection within {CONNECT_SECONDS:g} s")
        return ProviderDown(self.name, self._masked(f"it can't be reached: {reason(error)}"))

    def _refusal(self, status: int, headers: httpx2.Headers, body: bytes) -> SearchError:
        said = self._masked(message(body))
        problem = f"{self._advice(status)} (status {status})" + (f"{SAID}{said}" if said else "")
        if _is_busy(status, headers):
            return ProviderBusy(self.name, problem, retry_after(headers.get("retry-after")))
        return (ProviderDown if status >= 500 else SearchError)(
            self.name, problem, retry_after(headers.get("retry-after"))
        )

    def _advice(self, status: int) -> str:
        """What is wrong, and what to do about it."""
        key, url = _setting(self.name, "key"), _setting(self.name, "url")
        known = {
            401: f"it refuses the key: check {key}",
            402: "the account has no credit left",
            403: f"it refuses the request: check {key} and what the account's plan includes",
            404: f"there is nothing at this address: check {url}",
            429: "it is asked more often than it allows, or its quota is used up",
        } | dict(self._engine.advice)
        if status in known:
            return known[status]
        if 300 <= status < 400:
            return f"it points to another address, which is not followed: check {url}"
        return "it fails" if status >= 500 else "it refuses the request"

    def _masked(self, text: str) -> str:
        """Without the key, which an error may quote."""
        return text.replace(self._key, "…") if self._key else text


async def turn(provider: str, pace: Pace, until: float, because: str = "") -> None:
    """Wait for one's turn. Raises ProviderBusy where it comes too late."""
    wait = await pace.turn(until)
    if wait:
        limit = f"more requests than {_setting(provider, 'rate')} lets through, or it asked for a rest"
        raise ProviderBusy(provider, f"{because or limit}; try again in {math.ceil(wait)} s", wait)


def _is_busy(status: int, headers: httpx2.Headers) -> bool:
    return status == 429 or (status == 503 and "retry-after" in headers)


def _setting(provider: str, name: str) -> str:
    """The variable that sets this of a provider."""
    return f"{PREFIX}{provider.upper()}_{name.upper()}"
