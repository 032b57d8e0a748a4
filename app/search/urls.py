"""The provider that searches nothing: a fixed list of URLs, given by the settings."""

from collections.abc import Sequence

from app.search.domains import allows
from app.search.protocol import Found, Hit, SearchQuery


class FixedUrls:
    """Answers every query with the same URLs, in their order, each once, if within the query's domains.

    Nothing else about the URLs is looked at; whoever fetches them says what is wrong with one.
    """

    name = "urls"

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(dict.fromkeys(urls))

    async def search(self, query: SearchQuery, *, deadline: float | None = None) -> Found:
        """The `max_results` URLs of that page within the query's domains."""
        allowed = [url for url in self._urls if allows(query, url)]
        first = (query.page - 1) * query.max_results
        return Found([Hit(url=url, title=None, snippet=None) for url in allowed[first : first + query.max_results]])

    async def aclose(self) -> None:
        """Nothing is kept open."""
