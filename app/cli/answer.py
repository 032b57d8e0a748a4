"""`secateurs search` and `secateurs prune`: the pipeline of the service, run once."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from app.cli.files import read_page, write
from app.messages import Answer, PruneRequest, SearchRequest
from app.parts import open_parts
from app.pipeline import Pipeline
from app.settings import load_settings
from pruning.document import Page
from pruning.errors import PageError


def search(arguments: argparse.Namespace) -> None:
    """Search, and write the answer."""
    request = SearchRequest(
        query=arguments.question,
        provider=arguments.provider,
        max_results=arguments.max_results,
        page=arguments.page,
        include_domains=tuple(arguments.include_domain),
        exclude_domains=tuple(arguments.exclude_domain),
        language=arguments.language,
        time_range=arguments.time_range,
        safe_search=arguments.safe_search,
        sub_questions=arguments.sub_questions,
        **_options(arguments),
    )
    answer = asyncio.run(_run(request, arguments))
    _tell(answer, arguments, _failures(answer, [result.url for result in answer.results]))


def prune(arguments: argparse.Namespace) -> None:
    """Prune files and addresses, and write the answer. Raises PageError where none of them can be had as a page."""
    files = [name for name in arguments.pages if not _is_url(name)]
    urls = [name for name in arguments.pages if _is_url(name)]
    pages, unreadable = _pages(files)
    if not (pages or urls):
        raise PageError("; ".join(unreadable))
    request = PruneRequest(
        query=arguments.question, pages=tuple(pages.values()), urls=tuple(urls), **_options(arguments)
    )
    answer = asyncio.run(_run(request, arguments))
    failed = _failures(answer, [*pages, *urls])
    if len(failed) == len(answer.results):
        raise PageError("; ".join([*unreadable, *failed]))
    _tell(answer, arguments, [*unreadable, *failed])


def _pages(files: Sequence[str]) -> tuple[dict[str, Page], list[str]]:
    """The files that are pages, and what is wrong with the others."""
    pages: dict[str, Page] = {}
    unreadable = []
    for name in files:
        try:
            pages[name] = read_page(name)
        except PageError as error:
            unreadable.append(f"{name}: {error}")
    return pages, unreadable


def _is_url(name: str) -> bool:
    return name.startswith(("http://", "https://"))


def _failures(answer: Answer, names: Sequence[str | None]) -> list[str]:
    """What is wrong with each page that could not be had, under the name that the user knows it by."""
    named = ((name or "?", result) for name, result in zip(names, answer.results, strict=True))
    return [f"{name}: {result.error.removeprefix(f'{name}: ')}" for name, result in named if result.error]


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("max_tokens", "format", "links", "citations", "deadline_ms", "fresh")
    steps = tuple(arguments.steps.split(",")) if arguments.steps else None
    return {name: getattr(arguments, name) for name in names} | {"steps": steps}


async def _run(request: SearchRequest | PruneRequest, arguments: argparse.Namespace) -> Answer:
    chosen = ((name, getattr(arguments, name, None)) for name in ("tokenizer", "provider"))
    settings = load_settings(**{name: value for name, value in chosen if value})
    async with open_parts(settings) as parts:
        pipeline = Pipeline(parts, settings)
        if isinstance(request, SearchRequest):
            return await pipeline.search(request)
        return await pipeline.prune(request)


def _tell(answer: Answer, arguments: argparse.Namespace, failed: Sequence[str]) -> None:
    for trouble in (*failed, *(f"degraded: {degraded}" for degraded in answer.degraded)):
        sys.stderr.write(f"secateurs: {trouble}\n")
    if arguments.json:
        write(TypeAdapter(Answer).dump_json(answer, indent=2).decode() + "\n")
    else:
        write(answer.content)
