"""What happens inside, told to one observer: metrics, traces, progress and status lines all hang on these events."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a stage.

    Attributes:
        stage: "parse", "embed", "fit", "search"…
        kind: "degraded" means that the stage did less than was asked for; `detail` says why. "cache"
            means that `counts` are the hits and misses of what the stage looked up instead of doing it.
        counts: numbers of blocks, tokens, pages, by name.
        milliseconds: how long the stage took, once it has finished.
    """

    stage: str
    kind: Literal["started", "finished", "degraded", "cache"]
    counts: Mapping[str, int] = field(default_factory=dict)
    milliseconds: float | None = None
    detail: str | None = None


Observer = Callable[[Event], None]


def unobserved(event: Event) -> None:
    """The observer that looks away."""


@contextmanager
def stage(observer: Observer, name: str) -> Iterator[None]:
    """Tell the observer when a stage starts and, unless it fails, when it has ended."""
    start = time.perf_counter()
    observer(Event(name, "started"))
    yield
    observer(Event(name, "finished", milliseconds=1000 * (time.perf_counter() - start)))
