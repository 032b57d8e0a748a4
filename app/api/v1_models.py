"""The bodies of our own routes, strict: a field we don't know, or of another type, is an error that says where."""

import json
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import core_schema

from app.messages import CleanRequest, Format, PruneRequest, SearchRequest
from app.settings import is_http_url
from app.wording import Form
from pruning.document import Page
from pruning.prune import STEPS

_stripped = StringConstraints(strip_whitespace=True)
# Of JSON Schema's patterns no part is longer than it must be: they are matched against whole pages' addresses.
_plain = Form(r"^[^\x00]*$", "must hold no NUL character")
_filled = Form(r"^[^\x00]*[^\s\x00][^\x00]*$", "must be text that is not blank, without NUL characters")


def _is_offered(steps: tuple[str, ...]) -> tuple[str, ...]:
    if steps not in STEPS:
        raise ValueError(f"must be {' or '.join(json.dumps(offered) for offered in STEPS)}")
    return steps


Steps = Annotated[tuple[Literal["embed", "generate"], ...], Field(strict=False), AfterValidator(_is_offered)]
Question = Annotated[str, _stripped, Field(max_length=4_000), _filled]
Name = Annotated[str, _stripped, Field(max_length=200), _filled]
Domain = Annotated[
    str,
    Field(max_length=253),
    Form(r"^[^\s/:@?#\x00]+$", "must be a host's name, such as `example.org`, without a scheme, port or path"),
]
Language = Annotated[
    str,
    Field(max_length=35),
    Form(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", "must be a language's code, such as `en` or `pt-BR`"),
]
TimeRange = Literal["day", "week", "month", "year"]
Address = Annotated[str, Field(max_length=8_000), _plain]
HttpAddress = Annotated[Address, AfterValidator(is_http_url)]


# A page stays what it is on the wire, UTF-8: as a Python string it takes up to four times the memory, and the time.
_markup = core_schema.json_or_python_schema(core_schema.bytes_schema(), core_schema.str_schema(strict=True))
Markup = Annotated[bytes | str, GetPydanticSchema(lambda _type, _next: _markup), WithJsonSchema({"type": "string"})]


class Strict(BaseModel):
    """The base of all request bodies."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AnswerOptions(Strict):
    """What `/v1/search` and `/v1/prune` share."""

    query: Question = Field(description="The question that the pages are pruned for.")
    max_tokens: int = Field(
        4096, ge=1, le=1_000_000, description="Budget of `content`, in tokens of `tokenizer`, tags included."
    )
    tokenizer: Name | None = Field(
        None, description="One of the tokenizers that the service offers; by default the service's own."
    )
    steps: Steps | None = Field(
        None, description='Pruning steps: `["embed"]` or `["embed", "generate"]`; by default the service\'s own.'
    )
    format: Format = Field("html", description="Format of `content`; the budget holds in each.")
    links: bool = Field(False, description="Keep links, resolved to absolute addresses.")
    citations: bool = Field(
        False, description="Mark passages with stable ids, in `data-block`; only with the `format` `html`."
    )
    trace: bool = Field(False, description="Tell the fate of every block.")
    fresh: bool = Field(False, description="Fetch pages anew, also those that are in the cache.")
    deadline_ms: int | None = Field(
        None,
        ge=100,
        description="Milliseconds within which the answer is to be there, with what has arrived by then; at most, and "
        "by default, what the service allows.",
    )


class SearchBody(AnswerOptions):
    """A question to search for, and how to answer it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "How is the token budget counted?", "max_tokens": 1024}]}
    )

    max_results: int = Field(10, ge=1, le=50, description="Pages to read, at most.")
    provider: Name | None = Field(None, description="One of the search providers that are configured.")
    include_domains: list[Domain] = Field([], max_length=100, description="Find pages of these domains only.")
    exclude_domains: list[Domain] = Field([], max_length=100, description="Find no pages of these domains.")
    language: Language | None = Field(None, description="Find pages in this language, such as `en` or `pt-BR`.")
    time_range: TimeRange | None = Field(
        None, description="Find pages that were published within the last day, week, month or year."
    )
    safe_search: Literal["off", "moderate", "strict"] | None = Field(
        None, description="How much of what is not for everybody is left out; by default as the search engine does."
    )
    page: int = Field(
        1, ge=1, le=100, description="Page of the results; as long as `max_results`, or as the engine's own pages are."
    )
    sub_questions: int | None = Field(
        None,
        ge=0,
        le=8,
        description="Sub-questions that a chat model splits the question into, at most, to search for them too; by "
        "default as many as the service does.",
    )

    def request(self) -> SearchRequest:
        """The same for the pipeline."""
        fields = self.model_dump(exclude={"include_domains", "exclude_domains"})
        return SearchRequest(
            **fields,
            include_domains=tuple(self.include_domains),
            exclude_domains=tuple(self.exclude_domains),
        )


class PageBody(Strict):
    """One page."""

    html: Markup = Field(description="The page's HTML.")
    url: Address | None = Field(None, description="Where it is from; links are resolved against it.")
    title: Address | None = Field(None, description="Its title, where the page itself has none.")

    def page(self) -> Page:
        """The same for the core."""
        return Page(html=self.html, url=self.url, title=self.title, encoding="utf-8")


class PruneBody(AnswerOptions):
    """A question and the pages to answer it from."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "query": "When does the shop open on Sunday?",
                    "max_tokens": 64,
                    "pages": [
                        {
                            "url": "https://shop.example/hours",
                            "html": "<h1>Hours</h1><p>Monday to Saturday: 8 to 18.</p><p>Sunday: 10 to 14.</p>",
                        },
                        {
                            "url": "https://shop.example/parking",
                            "html": "<h1>Parking</h1><p>Behind the house, free of charge for the first hour.</p>",
                        },
                    ],
                }
            ]
        }
    )

    pages: list[PageBody] | None = Field(
        None, min_length=1, max_length=100, description="The pages. Either these or `urls`."
    )
    urls: list[HttpAddress] | None = Field(
        None, min_length=1, max_length=100, description="Addresses to fetch the pages from."
    )

    @model_validator(mode="after")
    def _pages_or_urls(self) -> Self:
        if (self.pages is None) == (self.urls is None):
            raise ValueError("must have either `pages` or `urls`")
        return self

    def request(self) -> PruneRequest:
        """The same for the pipeline."""
        return PruneRequest(
            **self.model_dump(exclude={"pages", "urls"}),
            pages=tuple(body.page() for body in self.pages or ()),
            urls=tuple(self.urls or ()),
        )


class CleanBody(PageBody):
    """A page to clean."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"html": "<nav hidden>Menu</nav><script>track()</script><p>What a reader sees.</p>"}]
        }
    )

    tokenizer: Name | None = Field(
        None, description="One of the tokenizers that the service offers; by default the service's own."
    )
    links: bool = Field(False, description="Keep links, resolved to absolute addresses.")

    def request(self) -> CleanRequest:
        """The same for the pipeline."""
        return CleanRequest(page=self.page(), tokenizer=self.tokenizer, links=self.links)


class Health(BaseModel):
    """That the process is alive."""

    status: str = "ok"


class Ready(BaseModel):
    """That requests will be served: the models and the tokenizer are loaded."""

    status: str = "ready"
    embedder: str = Field(description="The embedding model; `none` when blocks are ranked by BM25 alone.")
    tokenizer: str = Field(description="The default tokenizer.")
    providers: list[str] = Field(description="The search providers that are configured.")


class FoundProblem(BaseModel):
    """One wrong value of a request."""

    pointer: str = Field(description="Where: a JSON pointer into the request body.", examples=["#/max_tokens"])
    detail: str = Field(description="What is wrong with it.")


class ProblemBody(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="Stable name of the kind of problem; opening it explains it.")
    title: str = Field(description="The same each time this kind of problem happens.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened this time.")
    errors: list[FoundProblem] | None = Field(None, description="Every wrong value of the request.")
    provider: str | None = Field(None, description="The search provider that failed.")


class ProblemHelp(BaseModel):
    """What a kind of problem means."""

    type: str
    title: str
    status: int
    help: str = Field(description="What to do about it.")
