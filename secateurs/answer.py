"""What a service answers with, as its HTTP API tells it; fields that a newer service adds are passed over."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page and what was kept of it.

    Attributes:
        id: place in the list, from 1; `data-source` in the answer's `content` refers to it.
        content: what was kept of the page, as a document of its own, in the format that was asked for.
        tokens: of `content`.
        score: of the page's best block; None where nothing scored it.
        status: `ok`, `snippet_only` (its search snippet stands in for it) or `failed`.
        error: why the page could not be read, or not as its readers see it.
        duplicate_of: the `id` of an earlier page that says the same.
    """

    id: int
    url: str | None
    title: str | None
    content: str
    tokens: int
    score: float | None = None
    status: str = "ok"
    error: str | None = None
    snippet: str | None = None
    published: str | None = None
    author: str | None = None
    language: str | None = None
    from_cache: bool = False
    duplicate_of: int | None = None

    def metadata(self) -> dict[str, Any]:
        """What a retriever's document says of itself beside its content and score; what isn't known isn't there."""
        told = {name: getattr(self, name) for name in _TOLD}
        return {name: value for name, value in ({"source": self.url} | told).items() if value is not None}


_TOLD = ("title", "tokens", "status", "error", "published", "author", "language")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The pages of a question, pruned to its budget.

    Attributes:
        content: all pages as one document; `tokens` counts it.
        results: one for each page, in the order of the search; those that nothing was kept of, too.
        degraded: what fell short, and what stood in for it.
        raw: all that the service said, `steps` and `trace` among it.
    """

    query: str
    content: str
    tokens: int
    tokenizer: str
    results: tuple[Page, ...]
    degraded: tuple[str, ...]
    raw: Mapping[str, Any]

    @classmethod
    def from_json(cls, told: Any) -> Self:
        """The answer in a JSON body. Raises KeyError, TypeError or ValueError where it is none."""
        return cls(
            query=told["query"],
            content=told["content"],
            tokens=told["tokens"],
            tokenizer=told["tokenizer"],
            results=tuple(Page(**{name: row[name] for name in _PAGE & row.keys()}) for row in told["results"]),
            degraded=tuple(told.get("degraded", ())),
            raw=told,
        )

    def kept(self) -> list[Page]:
        """The pages that something was kept of."""
        return [page for page in self.results if page.content]


_PAGE = frozenset(field.name for field in fields(Page))
