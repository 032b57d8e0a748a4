"""What was found for a conversation, numbered as the chat model and its reader see it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.messages import Answer, Result

# The core writes this before each page, and nothing like it within one.
_SECTION = re.compile(r'(?<=<section data-source=")\d+(?=")')


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """The pages for one answer.

    Attributes:
        query: what was searched for; None: nothing was.
        html: what was kept of the pages.
        tokens: of `html`.
        sources: the pages in `html`; the first one is [1].
        others: pages that were found and aren't in it.
        removed: what cleaning removed, by kind.
        degraded: what fell short.
    """

    query: str | None = None
    html: str = ""
    tokens: int = 0
    sources: tuple[Result, ...] = ()
    others: tuple[Result, ...] = ()
    removed: Mapping[str, int] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()


def retrieved(answer: Answer, degraded: tuple[str, ...] = ()) -> Retrieved:
    """An answer of the pipeline, its pages numbered without gaps: chatbots count sources as they come."""
    by_id = {result.id: result for result in answer.results}
    kept = tuple(by_id[int(number)] for number in dict.fromkeys(_SECTION.findall(answer.content)))
    nothing = () if answer.results else ("search: nothing was found",)
    numbers = {str(result.id): str(number) for number, result in enumerate(kept, start=1)}
    return Retrieved(
        query=answer.query,
        html=_SECTION.sub(lambda found: numbers[found[0]], answer.content),
        tokens=answer.tokens,
        sources=tuple(replace(result, id=number) for number, result in enumerate(kept, start=1)),
        others=tuple(result for result in answer.results if result not in kept),
        removed=answer.removed,
        degraded=(*degraded, *nothing, *answer.degraded),
    )
