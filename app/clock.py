"""The time of one request, and who must have ended when."""

import asyncio
from dataclasses import dataclass, field

# The parts of a request's time at which each of these must have ended: what comes after them needs the rest.
PROVIDER_SHARE = 0.38  # a provider keeps to its time by itself, and can say then what it has; SEARCH_SHARE makes sure
SEARCH_SHARE = 0.4
FETCH_SHARE = 0.5
READ_SHARE = 0.65
MODELS_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of one request, on the event loop's clock."""

    seconds: float
    start: float = field(default_factory=lambda: Clock.now())

    @staticmethod
    def now() -> float:
        """The moment, in seconds."""
        return asyncio.get_running_loop().time()

    @property
    def end(self) -> float:
        """The moment at which the time is over."""
        return self.start + self.seconds

    def share(self, part: float) -> float:
        """The moment at which that part of the time is over."""
        return self.start + part * self.seconds

    def milliseconds(self) -> float:
        """How long the request has taken so far."""
        return round(1000 * (self.now() - self.start), 3)
