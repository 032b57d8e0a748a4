"""Open WebUI's external web search and external loader.

It hands a result's `snippet` to the model when it is told to bypass its own loading and embedding, so what was kept of
a page stands there. A loader's request never carries the question: it gets main content.
"""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.json_route import JsonRoute
from app.api.v1 import ThePipeline
from app.api.v1_models import HttpAddress, ProblemBody, Question
from app.errors import NoPageRead
from app.messages import ReadRequest, SearchRequest

router = APIRouter(
    prefix="/open-webui",
    tags=["Open WebUI"],
    route_class=JsonRoute,
    responses={status: {"model": ProblemBody} for status in (400, 413, 415, 422, 429, 500, 502, 503, 504)},
)


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class OpenWebUISearch(_Body):
    """A question, and how many pages may answer it."""

    query: Question
    count: int = Field(3, ge=1, le=50)


class OpenWebUILoad(_Body):
    """Pages to read."""

    urls: Annotated[list[HttpAddress], Field(min_length=1, max_length=20)]


class OpenWebUIRow(BaseModel):
    """One result; Open WebUI drops all of them when one has no link."""

    link: str
    title: str | None
    snippet: str


class OpenWebUIDocument(BaseModel):
    """One page that was read."""

    page_content: str
    metadata: dict[str, str] = Field(description="`source` is the address as it was asked for, or the row is dropped.")


@router.post("/search", summary="Search as Open WebUI asks", operation_id="open_webui_search")
async def search(body: OpenWebUISearch, pipeline: ThePipeline) -> list[OpenWebUIRow]:
    """Search, read and prune; each row's snippet is what was kept of its page, as HTML."""
    budget = pipeline.settings.context_tokens
    answer = await pipeline.search(SearchRequest(query=body.query, max_results=body.count, max_tokens=budget))
    kept = [result for result in answer.results if result.url and result.content]
    return [OpenWebUIRow(link=result.url or "", title=result.title, snippet=result.content) for result in kept]


@router.post("/load", summary="Read pages as Open WebUI asks", operation_id="open_webui_load")
async def load(body: OpenWebUILoad, pipeline: ThePipeline) -> list[OpenWebUIDocument]:
    """The main content of pages, as HTML; those that can't be read are left out, unless none can."""
    results = [page.result for page in await pipeline.read(ReadRequest(urls=tuple(body.urls)))]
    read = [(url, result) for url, result in zip(body.urls, results, strict=True) if result.status == "ok"]
    if not read:
        raise NoPageRead("; ".join(f"{url}: {result.error}" for url, result in zip(body.urls, results, strict=True)))
    return [
        OpenWebUIDocument(page_content=result.content, metadata={"source": url, "title": result.title or url})
        for url, result in read
    ]
