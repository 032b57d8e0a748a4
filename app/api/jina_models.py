"""What Jina Reader's clients ask, in headers and in JSON."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from app.api.one_page import PageAddress, Selector
from app.api.v1_models import Question

Form = Literal["content", "markdown", "html", "text"]


def _several(value: object) -> object:
    """One selector is short for a list of it."""
    if not isinstance(value, str | list | tuple):
        raise ValueError("must be a CSS selector, or a list of them")
    return (value,) if isinstance(value, str) else value


Selectors = Annotated[
    tuple[Selector, ...], Field(strict=False), BeforeValidator(_several, json_schema_input_type=str | list[str])
]


class JinaOptions(BaseModel):
    """How a page is read; options of theirs that mean nothing here are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True)

    respond_with: Form | None = None
    return_format: Form | None = Field(None, description="Older name of `respondWith`.")
    target_selector: Selectors = Field((), max_length=50, description="CSS: only what it names is read.")
    remove_selector: Selectors = Field((), max_length=50, description="CSS: what it names is not read.")
    timeout: float | None = Field(None, gt=0, le=180, description="Seconds.")
    no_cache: bool = Field(False, description="Fetch the page anew.")
    max_tokens: int | None = Field(None, ge=1, le=1_000_000, description="Budget of the content.")
    with_links_summary: bool | Literal["all"] = Field(False, description="List the links after the content.")
    retain_links: str | None = Field(
        None,
        max_length=20,
        description="`all` keeps links, anything else their text alone; without it, a question does.",
    )
    question: Question | None = Field(None, description="Only what answers it is kept; ours.")

    @property
    def form(self) -> Form:
        """What the content is written in."""
        return self.respond_with or self.return_format or "content"

    @property
    def links(self) -> bool:
        """Whether links stay in the content."""
        return self.question is None if self.retain_links is None else self.retain_links == "all"

    @classmethod
    def of_headers(cls, headers: Mapping[str, str]) -> Self:
        """The options that stand in `X-…` headers. Raises RequestValidationError."""
        named = {name[2:].replace("-", "_"): _text(value) for name, value in headers.items() if name.startswith("x-")}
        try:
            return cls.model_validate({name: value for name, value in named.items() if value}, strict=False)
        except ValidationError as error:
            raise RequestValidationError([_of_header(item) for item in error.errors()]) from error


class JinaRead(JinaOptions):
    """A page to read."""

    url: PageAddress

    def options(self, headers: Mapping[str, str]) -> JinaOptions:
        """Those of the headers, and over them those of the body."""
        return JinaOptions.of_headers(headers).model_copy(update=self.model_dump(exclude_unset=True, exclude={"url"}))


class JinaSearch(BaseModel):
    """What to search for."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    q: Question
    count: int | None = Field(None, ge=1, le=20)
    num: int | None = Field(None, ge=1, le=20, description="The same.")


class JinaUsage(BaseModel):
    """What an answer took."""

    tokens: int


class JinaMeta(BaseModel):
    """About an answer."""

    usage: JinaUsage
    degraded: list[str] | None = Field(None, description="What failed, and what stood in for it; of searches; ours.")
    removed: dict[str, int] | None = Field(None, description="What cleaning removed, by kind; of searches; ours.")


class JinaPage(BaseModel):
    """A page."""

    title: str
    description: str
    url: str
    content: str
    publishedTime: str | None = None  # noqa: N815 - Jina's name
    links: dict[str, str] | list[list[str]] | None = None
    warning: str | None = None
    removed: dict[str, int] | None = Field(None, description="What cleaning removed, by kind; ours.")
    usage: JinaUsage
    html: str | None = None
    text: str | None = None


class JinaAnswer(BaseModel):
    """The answer about one page, where JSON is asked for."""

    code: int
    status: int
    data: JinaPage
    meta: JinaMeta


class JinaFound(BaseModel):
    """The answer to a search."""

    code: int
    status: int
    data: list[JinaPage]
    meta: JinaMeta


class JinaError(BaseModel):
    """What went wrong, where JSON is asked for."""

    data: None
    code: int
    status: int
    name: str
    message: str
    readable_message: str = Field(alias="readableMessage")


def _text(value: str) -> str:
    """A header's value; clients write UTF-8, and the framework reads it as latin-1."""
    try:
        return value.strip().encode("latin-1").decode()
    except UnicodeError:
        return value.strip()


def _of_header(item: Any) -> dict[str, Any]:
    name = str(item["loc"][0]).replace("_", "-").title()
    return {**item, "loc": ("header", f"X-{name}")}
