"""What every search provider is asked and answers, and how it fails."""

import re
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from app.breaker import Unavailable
from pruning.document import Page
from pruning.errors import InvalidInput, SecateursError

# Days that each range reaches back.
DAYS = {"day": 1, "week": 7, "month": 31, "year": 366}
TIME_RANGES = tuple(DAYS)
SAFE_SEARCH = ("off", "moderate", "strict")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A question to a provider. What a provider has no option for, it says in `Found.degraded`.

    Attributes:
        text: the question, in natural language.
        max_results: hits at most.
        include_domains: only pages of these hosts and of those below them; empty: all.
        exclude_domains: no pages of these hosts nor of those below them.
        language: a language code such as "en" or "pt-BR".
        time_range: one of TIME_RANGES: published within the last day, week, month or year.
        safe_search: one of SAFE_SEARCH; None leaves it to the engine.
        page: of the results, from 1; as long as `max_results`, or as the engine's own pages are.

    Raises:
        InvalidInput: an option has a value that there is not.
    """

    text: str
    max_results: int = 10
    include_domains: tuple[str, ...] = ()
    exclude_domains: tuple[str, ...] = ()
    language: str | None = None
    time_range: str | None = None
    safe_search: str | None = None
    page: int = 1

    def __post_init__(self) -> None:
        for name, known in (("time_range", TIME_RANGES), ("safe_search", SAFE_SEARCH)):
            value = getattr(self, name)
            if value is not None and value not in known:
                raise InvalidInput(f"{name} must be one of {', '.join(known)}, not {value!r}")
        if self.language is not None and not _LANGUAGE.fullmatch(self.language):
            raise InvalidInput(f"language must be a code such as en or pt-BR, not {self.language!r}")
        if not self.text.strip():
            raise InvalidInput("the question is empty")
        if self.page < 1 or self.max_results < 1:
            raise InvalidInput("page and max_results must be at least 1")

    def language_and_region(self) -> tuple[str | None, str | None]:
        """("pt", "BR") of "pt-BR" and of "pt_br"; None for what is not said.

        >>> SearchQuery("q", language="zh-Hant-TW").language_and_region()
        ('zh', 'TW')
        """
        if self.language is None:
            return None, None
        language, *rest = re.split("[-_]", self.language)
        return language.lower(), next((part.upper() for part in rest if len(part) == 2), None)


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


@dataclass(frozen=True, slots=True)
class Found:
    """An answer. No hits: there are none.

    Attributes:
        hits: the best first.
        degraded: what of the query could not be honoured, and what failed beside what did not; each a sentence
            that names the provider.
    """

    hits: list[Hit] = field(default_factory=list)
    degraded: tuple[str, ...] = ()


@runtime_checkable
class SearchProvider(Protocol):
    """A search engine, or what stands for one."""

    name: str

    async def search(self, query: SearchQuery, *, deadline: float | None = None) -> Found:
        """The best pages, before that moment on the event loop's clock. Raises SearchError."""
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


class ProviderBusy(SearchError):
    """A provider that is asked more often than it, or the settings, allow: later it answers."""


class ProviderDown(SearchError, Unavailable):
    """A provider that can't be reached, hangs, or fails: the next request would fare no better."""


class NotOffered(SearchError):
    """A page of results that the provider does not give."""
