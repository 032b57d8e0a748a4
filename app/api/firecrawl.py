"""Firecrawl's wire format, version 2: `/v2/scrape` and `/v2/search`, at the root, since its clients drop a prefix.

A page that is scraped is read without a question, as Firecrawl does, unless the format `highlights` asks one. Pages
that are found are pruned for the query, since that is what this service is for: `highlights: false`, or
`onlyMainContent: false`, has them read without it.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException

from app.api.firecrawl_models import (
    FirecrawlError,
    FirecrawlFound,
    FirecrawlOptions,
    FirecrawlScrape,
    FirecrawlScraped,
    FirecrawlSearch,
)
from app.api.firecrawl_pages import contents_of, forms_of, kept_contents, metadata, row
from app.api.json_route import JsonRoute
from app.api.one_page import allowed_ms, left_ms, notes_of, read_one
from app.api.v1 import ThePipeline
from app.clock import Clock
from app.errors import Explained
from app.messages import Format, PruneRequest, ReadRequest, Result, SearchRequest
from app.pipeline import Pipeline
from pruning.errors import InvalidInput

_MOST_RESULTS = 50
# Their clients ask three times again at 502, know 408 as a timeout, 429 as a limit, and 400 as what callers did wrong.
_STATUS = {413: 400, 415: 400, 422: 400, 502: 500, 504: 408}
_STATUS_OF = {"search-provider-busy": 429, "page-timeout": 408}
_CODES = {"host-unknown": "SCRAPE_DNS_RESOLUTION_ERROR", "tls-failed": "SCRAPE_SSL_ERROR"}


def shape(told: Explained) -> tuple[int, Any]:
    """Firecrawl's error, at a status whose meaning its clients know."""
    problem = told.problem
    status = _STATUS_OF.get(problem.name, _STATUS.get(problem.status, problem.status))
    content = {"success": False, "error": told.detail}
    return status, content | ({"code": _CODES[problem.name]} if problem.name in _CODES else {})


router = APIRouter(
    prefix="/v2",
    tags=["Firecrawl"],
    route_class=JsonRoute,
    responses={status: {"model": FirecrawlError} for status in (400, 403, 408, 422, 429, 500, 503)},
)


@router.post(
    "/scrape",
    summary="Read a page as Firecrawl's clients ask",
    operation_id="firecrawl_scrape",
    responses={200: {"model": FirecrawlScraped}},
)
async def scrape(body: FirecrawlScrape, pipeline: ThePipeline) -> dict[str, Any]:
    """The main content of a page, in each format that is asked for."""
    request = replace(_read_request(body, body.timeout, body.max_tokens, pipeline), urls=(body.url,))
    clock = Clock((request.deadline_ms or 0) / 1000)
    page = await read_one(request, body.question(), pipeline)
    data = await contents_of(page, body.names(), pipeline)
    data["metadata"] = metadata(body.url, page.page.url, page.result, page.description)
    data["metadata"]["removed"] = dict(page.removed)
    notes = [*body.notes(), *notes_of(page, request)]
    if (question := body.question()) is not None:
        answer = await pipeline.prune(
            PruneRequest(
                query=question,
                pages=(page.part,),
                format="markdown",
                max_tokens=body.max_tokens or pipeline.settings.context_tokens,
                deadline_ms=left_ms(clock),
            )
        )
        data["highlights"] = answer.results[0].content
        notes += answer.degraded
    return {"success": True, "data": data | _warning(notes)}


@router.post(
    "/search",
    summary="Search as Firecrawl's clients ask",
    operation_id="firecrawl_search",
    responses={200: {"model": FirecrawlFound}},
)
async def search(body: FirecrawlSearch, pipeline: ThePipeline) -> dict[str, Any]:
    """Search; with `scrapeOptions`, what was kept of each page for the query, or all of it."""
    if body.sources and all(source.type != "web" for source in body.sources):
        raise InvalidInput("of the sources only `web` is offered")
    options = body.scrape_options
    request = SearchRequest(
        query=body.query,
        max_results=min(body.limit, _MOST_RESULTS),
        max_tokens=body.max_tokens or pipeline.settings.context_tokens,
        time_range=body.tbs,
        include_domains=tuple(body.include_domains or ()),
        exclude_domains=tuple(body.exclude_domains or ()),
        deadline_ms=allowed_ms(body.timeout, pipeline),
        fresh=options is not None and options.max_age == 0,
    )
    if options is None:
        rows, notes, removed = await (_highlighted if body.highlights else _listed)(request, pipeline)
    elif body.highlights is False or options.names_parts():
        rows, notes, removed = await _read(request, options, body.max_tokens, pipeline)
    else:
        rows, notes, removed = await _pruned(request, options, pipeline)
    counts = {"removed": dict(removed)} if removed else {}
    return {"success": True, "data": {"web": rows}} | counts | _warning([*body.notes(), *notes])


@router.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
async def other(request: Request) -> None:
    """Whatever else Firecrawl has."""
    if request.path_params["path"] in ("scrape", "search"):
        raise HTTPException(405, headers={"Allow": "POST"})
    raise HTTPException(501, f"{request.method} {request.url.path} is not offered; /v2/scrape and /v2/search are.")


# Rows, what fell short, and what cleaning removed, by kind.
_Rows = tuple[list[dict[str, Any]], list[str], Mapping[str, int]]


async def _listed(request: SearchRequest, pipeline: Pipeline) -> _Rows:
    """What was found, with its snippets; no page is read."""
    found = await pipeline.find(request)
    return [row(number, hit) for number, hit in enumerate(found.hits, 1)], list(found.degraded), {}


async def _highlighted(request: SearchRequest, pipeline: Pipeline) -> _Rows:
    """What was found, each described by what of it answers the query."""
    answer = await pipeline.search(replace(request, format="text"))
    rows = [row(result.id, result) | {"description": result.content or result.snippet} for result in answer.results]
    return rows, [*answer.degraded, *_failures(answer.results)], answer.removed


async def _pruned(request: SearchRequest, options: FirecrawlOptions, pipeline: Pipeline) -> _Rows:
    """What was found, with what of it answers the query."""
    names = options.names()
    form: Format = "markdown" if set(names) == {"markdown"} else "html"
    answer = await pipeline.search(replace(request, format=form, links="links" in names))

    async def told(result: Result) -> dict[str, Any]:
        alone = row(result.id, result)
        if result.status != "ok" or not result.content:
            return alone
        about = metadata(result.url or "", result.url, result, result.snippet)
        return alone | await kept_contents(result, names, form, pipeline) | {"metadata": about}

    rows = await asyncio.gather(*map(told, answer.results))
    return rows, [*answer.degraded, *_failures(answer.results)], answer.removed


async def _read(request: SearchRequest, options: FirecrawlOptions, budget: int | None, pipeline: Pipeline) -> _Rows:
    """What was found, with its pages as they are read without a question."""
    clock = Clock((request.deadline_ms or 0) / 1000)
    found = await pipeline.find(request, later=("fetch", "prune"))
    carried = [(number, hit) for number, hit in enumerate(found.hits, 1) if hit.page is not None]
    others = [(number, hit) for number, hit in enumerate(found.hits, 1) if hit.page is None]
    asked = replace(
        _read_request(options, left_ms(clock), budget, pipeline),
        pages=tuple(hit.page for _, hit in carried if hit.page is not None),
        urls=tuple(hit.url for _, hit in others),
    )
    pages = await pipeline.read(asked)
    rows = {}
    removed: Counter[str] = Counter()
    for (number, hit), page in zip([*carried, *others], pages, strict=True):
        removed.update(page.removed)
        rows[number] = row(number, hit)
        if page.result.status == "ok":
            about = metadata(hit.url, page.page.url, page.result, page.description or hit.snippet)
            rows[number] |= await contents_of(page, options.names(), pipeline) | {"metadata": about}
    notes = [*found.degraded, *_failures([page.result for page in pages])]
    return [rows[number] for number in sorted(rows)], notes, removed


def _read_request(
    options: FirecrawlOptions, milliseconds: int | None, budget: int | None, pipeline: Pipeline
) -> ReadRequest:
    return ReadRequest(
        formats=forms_of(options.names()),
        max_tokens=budget,
        only_main=options.only_main_content is not False,
        select=options.include_tags or (),
        drop=options.exclude_tags or (),
        links=True,
        deadline_ms=allowed_ms(milliseconds, pipeline),
        fresh=options.max_age == 0,
    )


def _failures(results: Iterable[Result]) -> list[str]:
    return [f"{result.url}: {result.error}" for result in results if result.error]


def _warning(notes: list[str]) -> dict[str, str]:
    return {"warning": "; ".join(notes)} if notes else {}
