"""SearXNG, a metasearch engine of one's own: GET /search with format=json, which its settings must allow."""

import re
from collections.abc import Mapping

import httpx

from app.search.engine import Offers, Request, Wire
from app.search.protocol import SAFE_SEARCH, Found, Hit, SearchError, SearchQuery

# Words that begin so are commands: they choose engines, languages and times, or lead to another site altogether.
_COMMAND = re.compile(r"(?<!\S)[!:<]+")


class _Result(Wire):
    url: str | None = None
    title: str | None = None
    content: str | None = None
    score: float | None = None
    publishedDate: str | None = None  # noqa: N815 - SearXNG's name


class _Answer(Wire):
    results: list[_Result]
    unresponsive_engines: tuple[tuple[str, str], ...] = ()


class SearXNG:
    """One SearXNG server."""

    name = "searxng"
    # Its pages are as long as those of the engines that it asks.
    offers = Offers(domains="operators", language=True, time_range=True, safe_search=True, paged=True)
    advice: Mapping[int, str] = {
        403: "it gives no JSON: add `json` to `search.formats` in its settings.yml and start it again",
        429: "its limiter takes us for a bot: set `server.limiter: false` in its settings.yml, or let our address pass",
    }

    def request(self, query: SearchQuery) -> Request:
        """The query in SearXNG's parameters."""
        params: dict[str, str | int] = {
            "q": _COMMAND.sub("", query.text),
            "format": "json",
            "pageno": query.page,
        }
        if query.language:
            language, region = query.language_and_region()
            params["language"] = f"{language}-{region}" if region else str(language)
        if query.time_range:
            params["time_range"] = query.time_range
        if query.safe_search:
            params["safesearch"] = SAFE_SEARCH.index(query.safe_search)
        return Request(method="GET", params=params)

    def read(self, answer: bytes, query: SearchQuery) -> Found:
        """The results. Raises SearchError where there are none because its own engines don't answer."""
        read = _Answer.model_validate_json(answer)
        silent = ", ".join(f"{engine} ({problem})" for engine, problem in read.unresponsive_engines)
        hits = [_hit(row) for row in read.results if row.url]
        if silent and not hits:
            raise SearchError(self.name, f"no results, and engines that it asks don't answer: {silent}")
        return Found(hits, (f"{self.name}: engines that it asks don't answer: {silent}",) if silent else ())


def _hit(row: _Result) -> Hit:
    return Hit(
        url=row.url or "",
        title=row.title or None,
        snippet=row.content or None,
        score=row.score,
        published=row.publishedDate,
    )


def address(url: str) -> str:
    """The address of the search of a server, from its own address or that of the search.

    >>> address("http://localhost:8080/"), address("https://host/searxng/search")
    ('http://localhost:8080/search', 'https://host/searxng/search')
    """
    parsed = httpx.URL(url)
    path = parsed.path.rstrip("/")
    return str(parsed) if path.endswith("/search") else str(parsed.copy_with(path=f"{path}/search"))
