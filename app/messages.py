"""What goes into the pipeline and what comes out of it, the same for every wire format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from app.search import SearchQuery
from pruning.document import Page
from pruning.errors import InvalidInput, SecateursError
from pruning.result import BlockTrace, Step

Format = Literal["html", "markdown", "text"]
Status = Literal["ok", "snippet_only", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What every request says about the answer it wants; `None` leaves the choice to the settings.

    Raises InvalidInput: citations are wanted in a format that has no place for ids.
    """

    query: str
    max_tokens: int = 4096
    tokenizer: str | None = None
    steps: tuple[str, ...] | None = None
    format: Format = "html"
    links: bool = False
    citations: bool = False
    trace: bool = False
    deadline_ms: int | None = None
    fresh: bool = False

    def __post_init__(self) -> None:
        if self.citations and self.format != "html":
            raise InvalidInput(f"citations are ids in HTML; the format {self.format} has no place for them")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest(Wanted):
    """A question to search for."""

    provider: str | None = None
    max_results: int = 10
    include_domains: tuple[str, ...] = ()
    exclude_domains: tuple[str, ...] = ()
    language: str | None = None
    time_range: str | None = None
    safe_search: str | None = None
    page: int = 1
    sub_questions: int | None = None

    def for_provider(self) -> SearchQuery:
        """The part of it that the search provider is told."""
        return SearchQuery(
            text=self.query,
            max_results=self.max_results,
            include_domains=self.include_domains,
            exclude_domains=self.exclude_domains,
            language=self.language,
            time_range=self.time_range,
            safe_search=self.safe_search,
            page=self.page,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRequest(Wanted):
    """A question and the pages to answer it from: those given, then those to be fetched from `urls`."""

    pages: tuple[Page, ...] = ()
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanRequest:
    """A page to clean without a question."""

    page: Page
    format: Format = "html"
    tokenizer: str | None = None
    links: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One page and what was kept of it."""

    id: Annotated[int, Field(description="Place in the list, from 1; `data-source` in `content` refers to it.")]
    url: Annotated[str | None, Field(description="Address of the page.")]
    title: Annotated[str | None, Field(description="The page's own title, or the search engine's.")]
    snippet: Annotated[str | None, Field(description="What the search engine showed of the page.")]
    content: Annotated[str, Field(description="What was kept of this page, as a document of its own.")]
    tokens: Annotated[int, Field(description="Tokens of `content`.")]
    score: Annotated[float | None, Field(description="Score of the page's best block.")]
    published: Annotated[str | None, Field(description="Date of publication, where the page says it.")]
    author: Annotated[str | None, Field(description="Author, where the page says it.")]
    language: Annotated[str | None, Field(description="Language, where the page says it.")]
    status: Annotated[
        Status,
        Field(
            description="`ok`: the page was read. `snippet_only`: it could not be, and its search snippet stands in. "
            "`failed`: it could not be, and there is no snippet."
        ),
    ]
    error: Annotated[str | None, Field(description="Why the page could not be read, or not as its readers see it.")]
    from_cache: Annotated[
        bool, Field(description="The page was not fetched for this request, but kept from an earlier one; see `fresh`.")
    ] = False
    duplicate_of: Annotated[
        int | None,
        Field(description="The `id` of an earlier page that says the same; nothing of this one is in `content` then."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The pages of a request, pruned for its question within its budget."""

    query: Annotated[str, Field(description="The question, as asked.")]
    content: Annotated[str, Field(description="The pruned pages as one document, in `format`.")]
    format: Annotated[Format, Field(description="Format of `content`.")]
    tokens: Annotated[int, Field(description="Tokens of `content`; never above `max_tokens`.")]
    tokenizer: Annotated[str, Field(description="The tokenizer that `tokens` was counted with.")]
    results: Annotated[tuple[Result, ...], Field(description="One for each page, in the order of the search.")]
    steps: Annotated[tuple[Step, ...], Field(description="The pruning steps, first to last.")]
    removed: Annotated[Mapping[str, int], Field(description="What cleaning removed, by kind.")]
    trace: Annotated[
        tuple[BlockTrace, ...] | None, Field(description="Every block and its fate, when `trace` was asked for.")
    ] = None
    degraded: Annotated[
        tuple[str, ...],
        Field(description="Stages that failed and what stood in for them, or why `content` is empty."),
    ] = ()
    took_ms: Annotated[float, Field(description="Milliseconds from request to answer.")] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedPage:
    """A page with all that a reader sees, and nothing else."""

    content: Annotated[str, Field(description="The cleaned page.")]
    tokens: Annotated[int, Field(description="Tokens of `content`.")]
    tokenizer: Annotated[str, Field(description="The tokenizer that `tokens` was counted with.")]
    removed: Annotated[Mapping[str, int], Field(description="What was removed, by kind.")] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """Pages to read without a question.

    Attributes:
        urls: where they are.
        pages: those that are at hand already; they come first.
        formats: what each is to be written in.
        max_tokens: tokens of each in each format, at most; None for all of it.
        only_main: without navigation, advertisements and the like.
        select: CSS selectors; where there are some, only what they name is read.
        drop: CSS selectors of what is not read.
        fresh: fetch each page anew.
    """

    urls: tuple[str, ...] = ()
    pages: tuple[Page, ...] = ()
    formats: tuple[Format, ...] = ("html",)
    max_tokens: int | None = None
    only_main: bool = True
    select: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    tokenizer: str | None = None
    links: bool = False
    deadline_ms: int | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPage:
    """One page that was read.

    Attributes:
        result: the page, with its content in the first format that was asked for; nothing has scored it.
        contents: format -> content.
        page: the page as it arrived, or what stands in for it.
        part: of the page, what the selectors name; the page itself without any.
        description: what the page says that it is about.
        failure: why the page can't be had or read.
        removed: what cleaning removed, by kind.
    """

    result: Result
    contents: Mapping[Format, str]
    page: Page
    part: Page
    description: str | None = None
    failure: SecateursError | None = None
    removed: Mapping[str, int] = field(default_factory=dict)
