"""What happens inside, told to one observer: metrics, traces, progress and status lines all hang on these events."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["started", "finished", "failed", "degraded", "cache", "asked", "answered", "queue", "refused"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a stage, or with a server that it asked.

    Attributes:
        stage: "parse", "embed", "fit", "search"…; of "asked" and "answered", what was asked: "embedder", "web"…
        kind: a stage is "started", then "finished" or "failed". "degraded" means that it did less than was asked for.
            "cache" means that `counts` are the `hits` and `misses` of what the stage looked up instead of doing it.
            A server is "asked", then "answered", well or with an `error`. "queue" means that `counts` are how many
            requests are let in to the stage (`depth`) and may be (`limit`), "refused" that it took no more.
        counts: numbers of blocks, tokens, pages, by name.
        milliseconds: how long it took, once it has ended.
        detail: why it is degraded, for whoever asked; it may quote what was asked, so logs have only
            `own_words` of it.
        error: what it failed with.
    """

    stage: str
    kind: Kind
    counts: Mapping[str, int] = field(default_factory=dict)
    milliseconds: float | None = None
    detail: str | None = None
    error: BaseException | None = None


Observer = Callable[[Event], None]


def unobserved(event: Event) -> None:
    """The observer that looks away."""


@contextmanager
def stage(observer: Observer, name: str) -> Iterator[None]:
    """Tell the observer when a stage starts, and when and how it has ended."""
    start = time.perf_counter()
    observer(Event(name, "started"))
    try:
        yield
    except BaseException as error:
        observer(Event(name, "failed", milliseconds=_since(start), error=error))
        raise
    observer(Event(name, "finished", milliseconds=_since(start)))


@contextmanager
def asking(observer: Observer, name: str) -> Iterator[None]:
    """Tell the observer that somebody else is asked, and when and how they have answered."""
    start = time.perf_counter()
    observer(Event(name, "asked"))
    try:
        yield
    except BaseException as error:
        observer(Event(name, "answered", milliseconds=_since(start), error=error))
        raise
    observer(Event(name, "answered", milliseconds=_since(start)))


def _since(start: float) -> float:
    return 1000 * (time.perf_counter() - start)
