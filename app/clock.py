"""The time of one request, and who must have ended when."""

import asyncio
import math
from contextvars import ContextVar
from dataclasses import dataclass, field

# The parts of a request's time at which each of these must have ended: what comes after them needs the rest.
PROVIDER_SHARE = 0.38  # a provider keeps to its time by itself, and can say then what it has; SEARCH_SHARE makes sure
SEARCH_SHARE = 0.4
FETCH_SHARE = 0.5
READ_SHARE = 0.65
MODELS_SHARE = 0.8
# Of what the caller of a chat waits: the chat model needs the rest.
RETRIEVAL_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the caller of a request waits, whatever the settings allow: moments on the event loop's clock.

    Attributes:
        whole: until when for the whole answer.
        begun: until when for the first of it; not after `whole`.
    """

    whole: float = math.inf
    begun: float = math.inf


# Set by `app.deadline` for each request.
CALLER: ContextVar[Patience] = ContextVar("caller")


def caller() -> Patience:
    """How long the caller of this request waits; where nobody said, for as long as it takes."""
    return CALLER.get(Patience())


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
