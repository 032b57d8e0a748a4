"""A search provider whose questions an observer hears of."""

from app.search.protocol import Found, SearchProvider, SearchQuery
from pruning.observe import Observer, asking


class ObservedProvider:
    """Another provider, as it is."""

    def __init__(self, provider: SearchProvider, observer: Observer) -> None:
        self.name = provider.name
        self._provider = provider
        self._observer = observer

    async def search(self, query: SearchQuery, *, deadline: float | None = None) -> Found:
        """See `SearchProvider`."""
        with asking(self._observer, self.name):
            return await self._provider.search(query, deadline=deadline)

    async def aclose(self) -> None:
        """See `SearchProvider`."""
        await self._provider.aclose()
