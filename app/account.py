"""What a request has been through so far, to be had wherever something happens for it."""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from pruning.observe import Event


class Trace(Protocol):
    """The trace of a request, where traces are made: see `app.tracing`."""

    @property
    def id(self) -> str:
        """By which it is found where traces are kept."""
        ...

    def headers(self) -> dict[str, str]:
        """Those by which whoever is asked goes on with it."""
        ...

    def observe(self, event: Event) -> None:
        """Note what happens."""
        ...


@dataclass(slots=True)
class Account:
    """One request's.

    Attributes:
        id: by which its lines are found in the logs, here and at the servers that are asked for it.
        key: the name of its API key, never the key; None where there is none.
        started: on the clock of `time.perf_counter()`.
        stages: milliseconds of each, summed over its turns.
        counts: hits and misses, by `stage_hits` and `stage_misses`.
        degraded: stages that did less than was asked for.
        trace: its trace, where there are traces.
    """

    id: str
    key: str | None = None
    started: float = field(default_factory=time.perf_counter)
    stages: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    degraded: set[str] = field(default_factory=set)
    trace: Trace | None = None

    @property
    def milliseconds(self) -> float:
        """Since the request came."""
        return 1000 * (time.perf_counter() - self.started)

    def server_timing(self) -> str:
        """The stages as a `Server-Timing` value: `fetch;dur=12.1, embed;dur=80.4, total;dur=95.0`."""
        times = self.stages | {"total": self.milliseconds}
        return ", ".join(f"{stage};dur={milliseconds:.1f}" for stage, milliseconds in times.items())


def passed_on() -> dict[str, str]:
    """The headers by which a server that is asked for a request knows which one it is; none outside of a request."""
    account = current.get()
    if account is None:
        return {}
    return {"x-request-id": account.id} | (account.trace.headers() if account.trace else {})


current: ContextVar[Account | None] = ContextVar("account", default=None)
