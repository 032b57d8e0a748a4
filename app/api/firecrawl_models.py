"""What Firecrawl's clients ask, of version 2 of its API."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from app.api.one_page import PageAddress, Selector
from app.api.v1_models import Domain, Question

_OFFERED = ("markdown", "html", "rawHtml", "links", "highlights")
_TIME_RANGES = {"qdr:d": "day", "qdr:w": "week", "qdr:m": "month", "qdr:y": "year"}


def _offered(name: str) -> str:
    if name not in _OFFERED:
        raise ValueError(f"must be one of {', '.join(_OFFERED)}")
    return name


def _time_range(tbs: str) -> str:
    if tbs not in _TIME_RANGES:
        raise ValueError(f"must be one of {', '.join(_TIME_RANGES)}")
    return _TIME_RANGES[tbs]


class _Model(BaseModel):
    """A part of a request as this service understands it."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True)


class FirecrawlFormat(_Model):
    """A format; `highlights` has a question."""

    type: Annotated[str, AfterValidator(_offered)]
    query: Question | None = None

    @model_validator(mode="after")
    def _has_its_question(self) -> Self:
        if self.type == "highlights" and self.query is None:
            raise ValueError("the format `highlights` needs a `query`")
        return self


class FirecrawlSource(_Model):
    """Where to search, and what of."""

    type: str = Field(max_length=40)


def _object(value: object) -> object:
    """`"markdown"` is short for `{"type": "markdown"}`."""
    if isinstance(value, str):
        return {"type": value}
    if not isinstance(value, Mapping | BaseModel):
        raise ValueError("must be a name, or a JSON object with a `type`")
    return value


Formats = Annotated[
    tuple[Annotated[FirecrawlFormat, BeforeValidator(_object, json_schema_input_type=str | dict[str, Any])], ...],
    Field(max_length=20, strict=False),
]
Sources = Annotated[
    tuple[Annotated[FirecrawlSource, BeforeValidator(_object, json_schema_input_type=str | dict[str, Any])], ...],
    Field(max_length=20, strict=False),
]
Selectors = Annotated[tuple[Selector, ...], Field(max_length=50, strict=False)]


class FirecrawlOptions(_Model):
    """How pages are read."""

    formats: Formats | None = None
    only_main_content: bool | None = None
    include_tags: Selectors | None = Field(None, description="CSS: only what these name is read.")
    exclude_tags: Selectors | None = Field(None, description="CSS: what these name is not read.")
    timeout: int | None = Field(None, gt=0, description="Milliseconds.")
    max_age: int | None = Field(None, ge=0, description="0 fetches the page anew.")
    actions: list[Any] | None = Field(None, description="Not taken; the answer's `warning` says so.")
    headers: dict[str, Any] | None = Field(None, description="Not sent; the answer's `warning` says so.")

    def names(self) -> tuple[str, ...]:
        """The formats; Markdown where none is named."""
        return tuple(wanted.type for wanted in self.formats or ()) or ("markdown",)

    def question(self) -> str | None:
        """That of the format `highlights`."""
        return next((wanted.query for wanted in self.formats or () if wanted.type == "highlights"), None)

    def names_parts(self) -> bool:
        """Whether it says which parts of pages are wanted, so that a question must not."""
        return (
            self.only_main_content is False or bool(self.include_tags or self.exclude_tags) or "rawHtml" in self.names()
        )

    def notes(self) -> tuple[str, ...]:
        """What of it is not done, though it would change the page."""
        given = (("actions", self.actions), ("headers", self.headers))
        return tuple(f"`{name}` are not offered, and were left out" for name, value in given if value)


class FirecrawlScrape(FirecrawlOptions):
    """A page to read."""

    url: PageAddress
    max_tokens: int | None = Field(None, ge=1, le=1_000_000, description="Budget of each format; ours.")


class FirecrawlSearch(_Model):
    """What to search for."""

    query: Question
    limit: int = Field(5, ge=1, le=100)
    sources: Sources | None = None
    categories: Sources | None = None
    include_domains: list[Domain] | None = None
    exclude_domains: list[Domain] | None = None
    tbs: Annotated[str, AfterValidator(_time_range)] | None = Field(None, description="`qdr:d`, `w`, `m` or `y`.")
    timeout: int | None = Field(None, gt=0, description="Milliseconds.")
    highlights: bool | None = Field(None, description="Whether the question decides what is told of each page.")
    scrape_options: FirecrawlOptions | None = None
    max_tokens: int | None = Field(None, ge=1, le=1_000_000, description="Budget of all pages together; ours.")

    def notes(self) -> tuple[str, ...]:
        """What of it is not done, though it would change what is found."""
        others = [source.type for source in self.sources or () if source.type != "web"]
        told = [f"of the sources only `web` is offered, and {', '.join(others)} left out"] if others else []
        if self.categories:
            told.append("`categories` are not offered, and were left out")
        return (*told, *(self.scrape_options.notes() if self.scrape_options else ()))


class FirecrawlPage(BaseModel):
    """A page, in the formats that were asked for."""

    markdown: str | None = None
    html: str | None = None
    rawHtml: str | None = None  # noqa: N815 - Firecrawl's name
    links: list[str] | None = None
    highlights: str | None = None
    metadata: dict[str, Any] | None = None


class FirecrawlRow(FirecrawlPage):
    """A page that was found."""

    url: str
    title: str | None
    description: str
    position: int


class FirecrawlRows(BaseModel):
    """What was found."""

    web: list[FirecrawlRow]


class FirecrawlScraped(BaseModel):
    """The answer to a scrape."""

    success: bool
    data: FirecrawlPage
    warning: str | None = None


class FirecrawlFound(BaseModel):
    """The answer to a search."""

    success: bool
    data: FirecrawlRows
    removed: dict[str, int] | None = Field(None, description="What cleaning removed, by kind; ours.")
    warning: str | None = None


class FirecrawlError(BaseModel):
    """What went wrong."""

    success: bool = Field(examples=[False])
    error: str
    code: str | None = Field(None, description="Where their clients have an exception of its own for it.")
