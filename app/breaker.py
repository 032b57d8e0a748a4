"""A circuit breaker: a server that fails again and again is left alone for a while, and its callers fail at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pruning.errors import SecateursError


class Unavailable(SecateursError):
    """A server that is down, busy or too slow, or answers nonsense: the next request would fare no better."""


class Breaker:
    """Counts failures in a row. Open, it refuses; after a while it lets one attempt through, which decides.

    A failure is an `Unavailable`. A server that refuses a request for what it says, with another error of ours, works.
    Attempts that are cancelled tell nothing. For one event loop.
    """

    def __init__(
        self,
        refusal: Callable[[str], SecateursError],
        *,
        failures: int = 3,
        seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A closed one.

        Args:
            refusal: makes the error that is raised while it is open.
            failures: in a row, after which it opens.
            seconds: for which it stays open.
            clock: what tells the time, in seconds.
        """
        self._refusal = refusal
        self._most = failures
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self._last: Unavailable | None = None
        self._trying = False

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Within it the server is asked. Raises the refusal, with the last failure, while it is left alone."""
        trial = self._failures >= self._most
        if trial:
            self._refuse_until_rested()
            self._trying = True
        try:
            yield
        except Unavailable as error:
            self._failures += 1
            self._last = error
            self._until = self._clock() + self._seconds
            raise
        except SecateursError:
            self._failures = 0
            raise
        else:
            self._failures = 0
        finally:
            if trial:
                self._trying = False

    def _refuse_until_rested(self) -> None:
        left = self._until - self._clock()
        if left > 0:
            raise self._refusal(f"{self._last}; it is asked again in {max(left, 1):.0f} s") from self._last
        if self._trying:
            raise self._refusal(f"{self._last}; it is being asked again") from self._last
