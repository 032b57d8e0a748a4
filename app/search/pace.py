"""How often a provider is asked: a token bucket of our own, and the rest that the provider asks for itself."""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """A token bucket, told as the moments at which requests may start; for one event loop.

    Moments are seconds on one clock.

    Attributes:
        rate: requests a second in the long run; None: as many as there are.
        burst: requests that may start at once after a pause.
    """

    rate: float | None = None
    burst: float = field(init=False)
    _due: float = field(init=False, default=0.0)
    _rested: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.burst = max(self.rate or 1.0, 1.0)

    async def turn(self, until: float) -> float:
        """Wait for one's turn if it comes by that moment of the event loop's clock, and take it.

        Returns:
            0, or, where it comes too late, the seconds until then: nothing was taken.
        """
        now = asyncio.get_running_loop().time()
        until = max(now, until)  # who comes too late is told so by the clock, not here
        start = self.reserve(now, until)
        if start > until:
            return start - now
        await asyncio.sleep(start - now)
        return 0.0

    def reserve(self, now: float, until: float) -> float:
        """The moment at which a request that comes now may start; its token is taken if that is by `until`."""
        start = max(now, self._rested)
        if self.rate is None:
            return start
        interval = 1 / self.rate
        start = max(start, self._due - (self.burst - 1) * interval)
        if start <= until:
            self._due = max(self._due, start) + interval
        return start

    def rest(self, until: float) -> None:
        """Ask for nothing until that moment."""
        self._rested = max(self._rested, until)
