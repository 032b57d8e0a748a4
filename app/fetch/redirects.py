"""Following redirects, hop by hop, each through the whole stack of transports."""

import httpx

from app.fetch.body import drain
from app.fetch.errors import RedirectLoop, TooManyRedirects


async def follow(client: httpx.AsyncClient, request: httpx.Request, most: int) -> httpx.Response:
    """The answer that is no redirect, its body still to be read and closed.

    The body of a redirect is not read (httpx would, however long), unless it is short and known to be.

    Raises RedirectLoop, TooManyRedirects, what the client's transport raises, httpx.HTTPError, httpx.InvalidURL.
    """
    first = str(request.url)
    seen: set[tuple[str, str | None]] = set()
    for _ in range(most + 1):
        # With another cookie the same URL may answer otherwise.
        here = (str(request.url.copy_with(fragment=None)), request.headers.get("cookie"))
        if here in seen:
            raise RedirectLoop(first, f"a redirect leads back to {'itself' if len(seen) == 1 else 'an earlier one'}")
        seen.add(here)
        response = await client.send(request, stream=True)
        if response.next_request is None:
            return response
        request = response.next_request
        try:
            await drain(response)
        finally:
            await response.aclose()
    raise TooManyRedirects(first, f"more than {most} redirects; SECATEURS_FETCH_REDIRECTS sets how many are followed")
