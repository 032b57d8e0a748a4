"""Admission: who may come in. Each stage has so many places; past them a request is refused at once.

The queues themselves stand where the work is: worker threads, the fetcher's connections, the semaphores of the models'
clients. Here they are bounded. A request takes a place in every stage that it will need before anything is done for it,
and leaves each as soon as it is through. So nobody waits only to be refused, and no work is done for nothing.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import Busy
from app.settings import PREFIX, Settings
from pruning.observe import Event, Observer, unobserved

STAGES = ("search", "fetch", "prune", "embed", "generate", "chat")

# Whoever is told to come back later than this would not come back.
_MOST_SECONDS = 60.0
# How much the latest interval weighs in the recent one.
_WEIGHT = 0.2


class Stage:
    """One stage's places. For one event loop.

    Attributes:
        name: of the stage.
        places: requests that may be in it or on their way to it.
        taken: those that are.
        refused: requests refused so far because it was full.
    """

    def __init__(
        self,
        name: str,
        places: int,
        clock: Callable[[], float] = time.monotonic,
        observer: Observer = unobserved,
    ) -> None:
        self.name = name
        self.places = places
        self.taken = 0
        self.refused = 0
        self._clock = clock
        self._observer = observer
        self._tell()
        self._interval: float | None = None  # recent seconds between two places that became free
        self._last = 0.0  # when the last one did, or the first was taken
        self._promised = 0.0  # when the one that the last refused caller was told of will

    @property
    def full(self) -> bool:
        """Whether one more request is refused."""
        return self.taken >= self.places

    def take(self) -> None:
        """Take a place, even where there is none."""
        if not self.taken:
            self._last = self._clock()
        self.taken += 1
        self._tell()

    def leave(self) -> None:
        """Give a place back."""
        now = self._clock()
        interval, self._last = now - self._last, now
        self._interval = interval if self._interval is None else self._interval + _WEIGHT * (interval - self._interval)
        self.taken -= 1
        self._tell()

    def refusal(self) -> Busy:
        """The error for one more request.

        Each one that is refused is told to come when a place will be free for it, one after the other, at the pace at
        which places became free of late: told the same moment, all would come back at once.
        """
        self.refused += 1
        self._observer(Event(self.name, "refused"))
        now = self._clock()
        # None was left yet: the oldest request has been in for so long at least.
        interval = now - self._last if self._interval is None else self._interval
        self._promised = min(max(now, self._promised) + interval, now + _MOST_SECONDS)
        wait = min(max(1, math.ceil(self._promised - now)), int(_MOST_SECONDS))
        setting = f"{PREFIX}{self.name.upper()}_QUEUE"
        return Busy(f"{self.places} requests are before this one ({setting}); try again in {wait} s", wait)

    def _tell(self) -> None:
        self._observer(Event(self.name, "queue", {"depth": self.taken, "limit": self.places}))


class Places:
    """The places of one request."""

    def __init__(self, taken: Mapping[str, Stage]) -> None:
        self._taken = dict(taken)

    def leave(self, *names: str) -> None:
        """Give back those in these stages, of which it has need no more; others may have been given back before."""
        for name in names:
            if name in self._taken:
                self._taken.pop(name).leave()

    def leave_all(self) -> None:
        """Give back all."""
        self.leave(*list(self._taken))


class Admission:
    """The stages of one worker process.

    Attributes:
        stages: by name.
    """

    def __init__(self, places: Mapping[str, int], observer: Observer = unobserved) -> None:
        self.stages = {name: Stage(name, number, observer=observer) for name, number in places.items()}

    @classmethod
    def of(cls, settings: Settings, observer: Observer = unobserved) -> "Admission":
        """The stages with the places that the settings give them."""
        return cls({name: getattr(settings, f"{name}_queue") for name in STAGES}, observer)

    @contextmanager
    def admit(self, needed: Iterable[str], later: Iterable[str] = ()) -> Iterator[Places]:
        """Let a request in: it has a place in each stage that it needs, until it leaves it, or ends.

        Args:
            needed: stages to take places in.
            later: stages that what it calls will take places in by itself.

        Raises:
            Busy: one of them is full. What belongs to a request that was let in before is let in always.
        """
        stages = {name: self.stages[name] for name in needed}
        request = _request.get()
        if request is None or not request.admitted:
            for stage in (*stages.values(), *map(self.stages.__getitem__, later)):
                if stage.full:
                    raise stage.refusal()
        if request is not None:
            request.admitted = True
        for stage in stages.values():
            stage.take()
        places = Places(stages)
        try:
            yield places
        finally:
            places.leave_all()


class _Request:
    admitted = False


_request: ContextVar[_Request | None] = ContextVar("request", default=None)


class AdmittedOnce:
    """Sees to it that a request of several steps is let in or refused at the first of them, never in the middle."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        token = _request.set(_Request())
        try:
            await self.app(scope, receive, send)
        finally:
            _request.reset(token)
