"""Tavily's wire format: `/tavily/search` and `/tavily/extract`, so that its clients need another base URL and no more.

Fields of theirs that mean nothing here are read and ignored, as their clients send what their versions know.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.api.json_route import JsonRoute
from app.api.one_page import allowed_ms
from app.api.v1 import ThePipeline
from app.api.v1_models import Domain, HttpAddress, Question, TimeRange
from app.clock import Clock
from app.errors import Explained
from app.messages import Format, PruneRequest, ReadRequest, Result, SearchRequest

RawFormat = Literal["markdown", "text"]
_TIME_RANGES = {"d": "day", "w": "week", "m": "month", "y": "year"}
Since = Annotated[
    TimeRange, BeforeValidator(lambda value: _TIME_RANGES.get(value, value) if isinstance(value, str) else value)
]
_MOST_RESULTS = 20


class _Body(BaseModel):
    """A request as this service understands it."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class TavilySearch(_Body):
    """What to search for."""

    query: Question
    max_results: int = Field(5, ge=0, le=_MOST_RESULTS)
    time_range: Since | None = None
    include_domains: list[Domain] | None = None
    exclude_domains: list[Domain] | None = None
    include_raw_content: bool | RawFormat = False
    max_tokens: int | None = Field(None, ge=1, le=1_000_000, description="Budget of all `content` together; ours.")
    format: Format = Field("html", description="Format of `content`; ours.")

    def reading(self) -> ReadRequest | None:
        """How each page is read besides, where its main content is wanted."""
        if not self.include_raw_content:
            return None
        return ReadRequest(formats=("markdown" if self.include_raw_content is True else self.include_raw_content,))


class TavilyExtract(_Body):
    """Which pages to read, and what for."""

    urls: HttpAddress | list[HttpAddress]
    query: Question | None = None
    format: RawFormat = "markdown"
    timeout: float | None = Field(None, gt=0, le=60)
    max_tokens: int | None = Field(None, ge=1, le=1_000_000, description="Budget with a query, of all pages; ours.")


class _Answer(BaseModel):
    """What every answer tells of how it came about."""

    response_time: float = Field(description="Seconds.")
    degraded: list[str] = Field(description="What failed, and what stood in for it; ours.")
    removed: dict[str, int] = Field(description="What cleaning removed, by kind; ours.")


class TavilyFound(BaseModel):
    """A page that was found."""

    title: str
    url: str
    content: str = Field(description="What was kept of the page.")
    score: float
    raw_content: str | None
    published_date: str | None


class TavilyFoundAll(_Answer):
    """What was found."""

    query: str
    answer: None
    follow_up_questions: None
    images: list[str]
    results: list[TavilyFound]


class TavilyRead(BaseModel):
    """A page that was read."""

    url: str
    title: str | None
    raw_content: str


class TavilyFailed(BaseModel):
    """A page that could not be read, and why."""

    url: str
    error: str


class TavilyReadAll(_Answer):
    """The pages."""

    results: list[TavilyRead]
    failed_results: list[TavilyFailed]


class TavilyError(BaseModel):
    """What went wrong."""

    detail: dict[str, str] = Field(examples=[{"error": "the search provider is down"}])


def shape(told: Explained) -> tuple[int, Any]:
    """Their clients find the message nowhere else, and at few statuses; 400 is Tavily's for a bad request."""
    status = told.problem.status
    return 400 if status in (413, 415, 422) else status, {"detail": {"error": told.detail}}


router = APIRouter(
    prefix="/tavily",
    tags=["Tavily"],
    route_class=JsonRoute,
    responses={status: {"model": TavilyError} for status in (400, 422, 429, 500, 502, 503, 504)},
)


@router.post(
    "/search",
    summary="Search as Tavily's clients ask",
    operation_id="tavily_search",
    responses={200: {"model": TavilyFoundAll}},
)
async def search(body: TavilySearch, pipeline: ThePipeline) -> dict[str, Any]:
    """Search, read and prune; the content of each result is what was kept of its page."""
    request = SearchRequest(
        query=body.query,
        max_results=max(1, body.max_results),
        max_tokens=body.max_tokens or pipeline.settings.context_tokens,
        format=body.format,
        time_range=body.time_range,
        include_domains=tuple(body.include_domains or ()),
        exclude_domains=tuple(body.exclude_domains or ()),
    )
    answer, pages = await pipeline.search_and_read(request, body.reading())
    results = [result for result in answer.results[: body.max_results] if result.url]
    raw = {page.result.id: page.result.content for page in pages if page.result.status == "ok"}
    return {
        "query": body.query,
        "answer": None,
        "follow_up_questions": None,
        "images": [],
        "results": [_found(result, raw) for result in results],
        "response_time": round(answer.took_ms / 1000, 3),
        "degraded": list(answer.degraded),
        "removed": dict(answer.removed),
    }


@router.post(
    "/extract",
    summary="Read pages as Tavily's clients ask",
    operation_id="tavily_extract",
    responses={200: {"model": TavilyReadAll}},
)
async def extract(body: TavilyExtract, pipeline: ThePipeline) -> dict[str, Any]:
    """The main content of pages; with a query, what of them answers it."""
    urls = (body.urls,) if isinstance(body.urls, str) else tuple(body.urls)
    deadline = allowed_ms(None if body.timeout is None else 1000 * body.timeout, pipeline)
    clock = Clock(deadline / 1000)
    removed: Counter[str] = Counter()
    degraded: list[str] = []
    if body.query is None:
        pages = await pipeline.read(ReadRequest(urls=urls, formats=(body.format,), deadline_ms=deadline))
        results = [page.result for page in pages]
        for page in pages:
            removed.update(page.removed)
    else:
        budget = body.max_tokens or pipeline.settings.context_tokens
        request = PruneRequest(query=body.query, urls=urls, format=body.format, max_tokens=budget, deadline_ms=deadline)
        answer = await pipeline.prune(request)
        results, degraded = list(answer.results), list(answer.degraded)
        removed.update(answer.removed)
    read = [(url, result) for url, result in zip(urls, results, strict=True) if result.status == "ok"]
    failed = [(url, result) for url, result in zip(urls, results, strict=True) if result.status != "ok"]
    return {
        "results": [{"url": url, "title": result.title, "raw_content": result.content} for url, result in read],
        "failed_results": [
            {"url": url, "error": result.error or "the page could not be read"} for url, result in failed
        ],
        "response_time": round(clock.milliseconds() / 1000, 3),
        "degraded": degraded,
        "removed": dict(removed),
    }


def _found(result: Result, raw: Mapping[int, str]) -> dict[str, Any]:
    return {
        "title": result.title or result.url,
        "url": result.url,
        "content": result.content or result.snippet or "",
        "score": result.score or 0.0,
        "raw_content": raw.get(result.id) or raw.get(result.duplicate_of or 0),
        "published_date": result.published,
    }
