"""Open WebUI's events within a stream of chat completions: what is being done, and the sources.

Each stands in a chunk without choices, as the one with the usage does: clients that know no events pass over it.
"""

from collections.abc import Iterator
from typing import Any

from app.chat import Retrieved, Searching
from app.messages import Result


def told_as_events(step: Searching | Retrieved) -> Iterator[dict[str, Any]]:
    """The events that tell of a step; an answer without a search has none."""
    if isinstance(step, Searching):
        yield status_event(f"Searching for “{step.query}”", done=False)
    elif step.query is not None:
        yield status_event(_summary(step), done=True)
        yield from map(source_event, step.sources)


def status_event(description: str, *, done: bool) -> dict[str, Any]:
    """A line above the answer."""
    return {"type": "status", "data": {"description": description, "done": done}}


def source_event(source: Result) -> dict[str, Any]:
    """A source; Open WebUI counts them as they come, by their addresses, and calls the first one [1]."""
    address = source.url or f"page {source.id}"
    return {
        "type": "source",
        "data": {
            "source": {"id": address, "name": source.title or address, "url": source.url},
            "document": [source.content],
            # Without a name: pages of the same title would be taken for one, and all later numbers be off.
            # `html` has it shown as a page, in a sandboxed frame, and not as text full of tags.
            "metadata": [{"source": address, "html": True}],
        },
    }


def _summary(found: Retrieved) -> str:
    number = len(found.sources)
    told = "No page was found" if not number else f"Read {number} page{'s' if number > 1 else ''}"
    return "; ".join((told, *found.degraded))
