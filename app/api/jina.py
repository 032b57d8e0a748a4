"""Jina Reader's wire format: a page by its address behind `/r/`, and Jina's search at `/s/`.

By `Accept` an answer is a block of plain text, JSON, or one server-sent event. Pages are read without a question, down
to their main content; the header `X-Question`, which is ours, has them pruned.
"""

import json
import re
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope

from app.api.jina_models import JinaAnswer, JinaError, JinaFound, JinaOptions, JinaRead, JinaSearch
from app.api.json_route import JsonRoute
from app.api.one_page import PageAddress, allowed_ms, left_ms, notes_of, read_one
from app.api.v1 import ThePipeline
from app.clock import Clock
from app.convert.links import links_of
from app.errors import Explained
from app.messages import Answer, Format, PruneRequest, ReadPage, ReadRequest, Result, SearchRequest
from app.pipeline import Pipeline
from app.seam import in_thread

_address: TypeAdapter[str] = TypeAdapter(PageAddress)
# A page that is shown as text must not be taken for a page of this service.
_AS_TEXT = {"X-Content-Type-Options": "nosniff"}
# Proxies in front of a service join slashes.
_JOINED = re.compile(r"^(https?:)/(?=[^/])", re.IGNORECASE)
_RESULTS = 5


def tell(scope: Scope, told: Explained) -> Response:
    """An error as a line of text, or as JSON where that is asked for."""
    status, headers = told.problem.status, {**told.headers, **_AS_TEXT}
    name = "".join(part.capitalize() for part in told.problem.name.split("-"))
    readable = f"{name}: {told.detail}"
    if "application/json" not in Headers(scope=scope).get("accept", ""):
        return PlainTextResponse(f"{readable}\n".encode("utf-8", "replace"), status, headers)
    said = {"name": name, "message": told.detail, "readableMessage": readable}
    body = json.dumps({"data": None, "code": status, "status": 100 * status, **said})
    return Response(body, status, headers, "application/json")


TEXT = {"text/plain": {"schema": {"type": "string"}}}

router = APIRouter(
    tags=["Jina Reader"],
    route_class=JsonRoute,
    responses={
        status: {"model": JinaError, "content": TEXT} for status in (400, 403, 413, 415, 422, 429, 500, 502, 503, 504)
    },
)
_PAGE = {"contentMediaType": "application/json", "contentSchema": {"$ref": "#/components/schemas/JinaPage"}}
_EVENT = {"type": "object", "properties": {"data": {"type": "string"} | _PAGE}, "required": ["data"]}
_READ: dict[int | str, dict[str, Any]] = {
    200: {"model": JinaAnswer, "content": TEXT | {"text/event-stream": {"itemSchema": _EVENT}}}
}


async def _target(
    request: Request, url: Annotated[str, Path(description="The page's address, encoded or not.")]
) -> str:
    """The address behind `/r/`, encoded or not, with its query. Raises RequestValidationError."""
    raw = request.scope.get("raw_path", b"").partition(b"/r/")[2].decode("utf-8", "replace")
    if not raw and not request.scope["query_string"]:
        raise HTTPException(405, headers={"Allow": "POST"})
    raw = raw or url
    named = raw if raw.lower().startswith(("http:/", "https:/")) else unquote(raw)
    query = request.scope["query_string"].decode("utf-8", "replace")
    try:
        return _address.validate_python(_JOINED.sub(r"\1//", named) + (f"?{query}" if query else ""))
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("path", "url")} for item in error.errors()]) from error


# In the order in which they are tried: the second one would take the first one's address, without an address of a page.
@router.post(
    "/r/", summary="Read a page as Jina Reader's clients ask, by JSON", operation_id="jina_read_json", responses=_READ
)
async def read_json(body: JinaRead, request: Request, pipeline: ThePipeline) -> Response:
    """The page's main content; options stand in the body or in `X-…` headers."""
    return await _answer(body.url, body.options(request.headers), request, pipeline)


@router.get(
    "/r/{url:path}", summary="Read a page as Jina Reader's clients ask", operation_id="jina_read", responses=_READ
)
async def read(url: Annotated[str, Depends(_target)], request: Request, pipeline: ThePipeline) -> Response:
    """The page's main content; options stand in `X-…` headers."""
    return await _answer(url, JinaOptions.of_headers(request.headers), request, pipeline)


@router.post(
    "/s/", summary="Search as Jina's clients ask", operation_id="jina_search", responses={200: {"model": JinaFound}}
)
async def search(body: JinaSearch, pipeline: ThePipeline) -> dict[str, Any]:
    """Search, read and prune; the content of each result is what was kept of its page, as Markdown."""
    budget, count = pipeline.settings.context_tokens, body.count or body.num or _RESULTS
    request = SearchRequest(query=body.q, max_results=count, max_tokens=budget, format="markdown")
    answer = await pipeline.search(request)
    rows = [_row(result) for result in answer.results if result.url and result.content]
    meta = {
        "usage": {"tokens": answer.tokens},
        "degraded": list(answer.degraded),
        "removed": dict(answer.removed),
    }
    return {"code": 200, "status": 20000, "data": rows, "meta": meta}


def _row(result: Result) -> dict[str, Any]:
    return {
        "title": result.title or "",
        "url": result.url,
        "description": result.snippet or "",
        "content": result.content,
        "usage": {"tokens": result.tokens},
    }


async def _answer(url: str, options: JinaOptions, request: Request, pipeline: Pipeline) -> Response:
    data = await _read(url, options, pipeline)
    accept = request.headers.get("accept", "")
    if "text/event-stream" in accept:
        event = f"event: data\nid: 1\ndata: {json.dumps(data)}\n\n"
        return Response(event, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
    if "application/json" in accept:
        return JSONResponse({"code": 200, "status": 20000, "data": data, "meta": {"usage": data["usage"]}})
    text = data["content"] if options.form in ("html", "text") else _block(data)
    return PlainTextResponse(text, headers=_AS_TEXT | _beside(data))


def _beside(data: dict[str, Any]) -> dict[str, str]:
    """What a page by itself has no place for, as headers: JSON, since it is ASCII and of one line."""
    return {f"X-{name.title()}": json.dumps(data[name]) for name in ("warning", "removed") if name in data}


async def _read(url: str, options: JinaOptions, pipeline: Pipeline) -> dict[str, Any]:
    """The page as Jina tells of one."""
    asked = _request(url, options, pipeline)
    clock = Clock((asked.deadline_ms or 0) / 1000)
    page = await read_one(asked, options.question, pipeline)
    content, tokens, notes = page.result.content, page.result.tokens, notes_of(page, asked)
    if options.question is not None:
        answer = await _pruned(page, options, left_ms(clock), pipeline)
        (kept,) = answer.results
        content, tokens, notes = kept.content, kept.tokens, (*notes, *answer.degraded)
    told = {
        "title": page.result.title or "",
        "description": page.description or "",
        "url": page.page.url or url,
        "content": content,
        "publishedTime": page.result.published,
        "links": await _links(page, options),
        "warning": "\n".join(notes) or None,
        "usage": {"tokens": tokens},
        "removed": dict(page.removed) or None,
    }
    if options.form in ("html", "text"):  # where their clients look for these
        told[options.form] = content
    return {name: value for name, value in told.items() if value is not None}


def _request(url: str, options: JinaOptions, pipeline: Pipeline) -> ReadRequest:
    """What is to be read; a question needs all of the page, and has the budget for itself."""
    form = _form(options)
    return ReadRequest(
        urls=(url,),
        formats=(form, "html") if options.with_links_summary else (form,),
        max_tokens=None if options.question else options.max_tokens,
        only_main=options.question is None,
        select=options.target_selector,
        drop=options.remove_selector,
        links=options.links or bool(options.with_links_summary),
        deadline_ms=allowed_ms(None if options.timeout is None else 1000 * options.timeout, pipeline),
        fresh=options.no_cache,
    )


async def _pruned(page: ReadPage, options: JinaOptions, milliseconds: int, pipeline: Pipeline) -> Answer:
    """What of the page answers the question."""
    return await pipeline.prune(
        PruneRequest(
            query=options.question or "",
            pages=(page.part,),
            format=_form(options),
            links=options.links,
            max_tokens=options.max_tokens or pipeline.settings.context_tokens,
            deadline_ms=milliseconds,
        )
    )


def _form(options: JinaOptions) -> Format:
    return "markdown" if options.form == "content" else options.form


async def _links(page: ReadPage, options: JinaOptions) -> dict[str, str] | list[list[str]] | None:
    """By their texts, or with `all` each as text and address; None where they were not asked for."""
    if not options.with_links_summary:
        return None
    links = await in_thread(links_of, page.contents["html"])
    if options.with_links_summary == "all":
        return [[text, address] for address, text in links.items()]
    return {text or address: address for address, text in links.items()}


def _block(data: dict[str, Any]) -> str:
    """The page as the plain text that Reader is known for."""
    about = [f"Title: {data['title']}", f"URL Source: {data['url']}"]
    if "publishedTime" in data:
        about.append(f"Published Time: {data['publishedTime']}")
    about += [f"Warning: {line}" for line in data.get("warning", "").splitlines()]
    parts = [*about, f"Markdown Content:\n{data['content'].strip()}"]
    if "links" in data:
        pairs = data["links"].items() if isinstance(data["links"], dict) else data["links"]
        parts.append("\n".join(("Links/Buttons:", *(f"- [{text}]({address})" for text, address in pairs))))
    return "\n\n".join(parts) + "\n"
