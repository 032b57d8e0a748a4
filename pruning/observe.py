"""What happens inside, told to one observer: metrics, traces, progress and status lines all hang on these events."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a stage.

    Attributes:
        stage: "parse", "embed", "fit", "search"…
        kind: "degraded" means that the stage did less than was asked for; `detail` says why.
        counts: numbers of blocks, tokens, pages, by name.
        milliseconds: how long the stage took, once it has finished.
    """

    stage: str
    kind: Literal["started", "finished", "degraded"]
    counts: Mapping[str, int] = field(default_factory=dict)
    milliseconds: float | None = None
    detail: str | None = None


Observer = Callable[[Event], None]


def unobserved(event: Event) -> None:
    """The observer that looks away."""
