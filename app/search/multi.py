"""Several providers side by side, as one."""

from collections.abc import Sequence

from app.search.fusion import combine, side_by_side
from app.search.protocol import Found, SearchProvider, SearchQuery


class Multi:
    """Asks its members at once and fuses their answers. A member that fails is named in `degraded`."""

    name = "multi"

    def __init__(self, members: Sequence[SearchProvider]) -> None:
        """`members` stay whose they are: whoever made them closes them."""
        self._members = tuple(members)

    async def search(self, query: SearchQuery, *, deadline: float | None = None) -> Found:
        """See `SearchProvider`. Raises SearchError, which names each member, when all of them fail."""
        outcomes = await side_by_side([member.search(query, deadline=deadline) for member in self._members])
        return combine(outcomes, query.max_results, self.name)

    async def aclose(self) -> None:
        """Nothing of its own is kept open."""
