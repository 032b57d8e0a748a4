"""The provider that searches nothing: a fixed list of URLs, given by the caller."""

from collections.abc import Sequence

from app.search.domains import allows
from app.search.protocol import Hit, SearchQuery


class FixedUrls:
    """Answers every query with the same URLs, in their order, each once, if within the query's domains.

    Nothing else about the URLs is looked at; whoever fetches them says what is wrong with one.
    """

    name = "urls"

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(dict.fromkeys(urls))

    async def search(self, query: SearchQuery) -> list[Hit]:
        """The first `max_results` URLs within the query's domains."""
        allowed = [url for url in self._urls if allows(query, url)]
        return [Hit(url=url, title=None, snippet=None) for url in allowed[: query.max_results]]

    async def aclose(self) -> None:
        """Nothing is kept open."""
