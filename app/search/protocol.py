"""What every search provider is asked and answers, and how it fails."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pruning.document import Page
from pruning.errors import SecateursError

TIME_RANGES = ("day", "week", "month", "year")


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A question to a provider. What a provider has no option for, it ignores.

    Attributes:
        text: the question, in natural language.
        max_results: hits at most.
        include_domains: only pages of these hosts and of those below them; empty: all.
        exclude_domains: no pages of these hosts nor of those below them.
        language: a language code such as "en" or "pt-BR".
        time_range: one of TIME_RANGES: published within the last day, week, month or year.
    """

    text: str
    max_results: int = 10
    include_domains: tuple[str, ...] = ()
    exclude_domains: tuple[str, ...] = ()
    language: str | None = None
    time_range: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that was found.

    Attributes:
        snippet: plain text, the part that answers best.
        score: higher is better; comparable within one answer of one provider only.
        published: the date as the page or the engine says it.
        page: the page itself where the provider has it: then nothing is fetched.
    """

    url: str
    title: str | None
    snippet: str | None
    score: float | None = None
    published: str | None = None
    page: Page | None = None


@runtime_checkable
class SearchProvider(Protocol):
    """A search engine, or what stands for one."""

    name: str

    async def search(self, query: SearchQuery) -> list[Hit]:
        """The best pages first; an empty list says that there are none. Raises SearchError, InvalidInput."""
        ...

    async def aclose(self) -> None:
        """Close what is kept open."""
        ...


class SearchError(SecateursError):
    """A provider that is down, misconfigured or out of quota; never the same as finding nothing.

    `provider` is its name, `retry_after` the seconds after which it may answer again, where it said so.
    """

    def __init__(self, provider: str, problem: str, retry_after: float | None = None) -> None:
        super().__init__(provider, problem, retry_after)
        self.provider = provider
        self.problem = " ".join(problem.split())
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.provider}: {self.problem}"
