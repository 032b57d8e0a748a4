"""The transport that asks once more where that may help and there is time for it."""

import anyio
import httpx

from app.fetch.body import drain
from app.fetch.limits import FetchLimits
from app.http_answers import retry_after

# A failing server may be over it in a moment.
FAILING = frozenset({500, 502, 503, 504})
LIMITED = frozenset({429, 503})


def asked_to_wait(response: httpx.Response) -> float | None:
    """The seconds that a server asks us to stay away for, if it does."""
    return retry_after(response.headers.get("retry-after")) if response.status_code in LIMITED else None


class RetryingTransport(httpx.AsyncBaseTransport):
    """Asks once more after 429 or 503 with Retry-After, when that long, and after another 5xx, when a moment, remains
    of the time that the caller has (its cancel scopes' deadline)."""

    def __init__(self, inner: httpx.AsyncBaseTransport, limits: FetchLimits) -> None:
        self._inner = inner
        self._limits = limits

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, the second one where the first was worth a retry. Raises what `inner` raises."""
        response = await self._inner.handle_async_request(request)
        wait = asked_to_wait(response)
        if wait is None and response.status_code in FAILING:
            wait = self._limits.retry_seconds
        if wait is None or anyio.current_time() + wait >= anyio.current_effective_deadline():
            return response
        response.request = request
        try:
            await drain(response)
        finally:
            await response.aclose()
        await anyio.sleep(wait)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close what is beneath."""
        await self._inner.aclose()
