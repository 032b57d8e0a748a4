"""How many requests a server of the tests answers at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class AtATime:
    """Counts them.

    Attributes:
        most: requests that were under way at once.
    """

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._together = 1
        self._are_together = asyncio.Event()

    def gather(self, together: int) -> None:
        """From now on the first answers wait until so many requests are under way."""
        self._together = together
        self._are_together.clear()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """While one is answered; it leaves the next, should there be one too many, the time to come."""
        self._now += 1
        self.most = max(self.most, self._now)
        if self._now >= self._together:
            self._are_together.set()
        try:
            await self._are_together.wait()
            await asyncio.sleep(0.01)
            yield
        finally:
            self._now -= 1
