"""`secateurs search` and `secateurs prune`: the pipeline of the service, run once."""

import argparse
import asyncio
import sys
from typing import Any

from pydantic import TypeAdapter

from app.cli.files import read, write
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
        **_options(arguments),
    )
    _tell(asyncio.run(_run(request, arguments)), arguments)


def prune(arguments: argparse.Namespace) -> None:
    """Prune the files, and write the answer. Raises PageError for a file that can't be read as a page."""
    pages = tuple(Page(html=read(name)) for name in arguments.files)
    request = PruneRequest(query=arguments.question, pages=pages, **_options(arguments))
    answer = asyncio.run(_run(request, arguments))
    for name, result in zip(arguments.files, answer.results, strict=True):
        if result.error:
            raise PageError(f"{name}: {result.error}")
    _tell(answer, arguments)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("max_tokens", "format", "links", "citations")
    steps = tuple(arguments.steps.split(",")) if arguments.steps else None
    return {name: getattr(arguments, name) for name in names} | {"steps": steps}


async def _run(request: SearchRequest | PruneRequest, arguments: argparse.Namespace) -> Answer:
    chosen = {"tokenizer": arguments.tokenizer} if arguments.tokenizer else {}
    settings = load_settings(**chosen)
    async with open_parts(settings) as parts:
        pipeline = Pipeline(parts, settings)
        if isinstance(request, SearchRequest):
            return await pipeline.search(request)
        return await pipeline.prune(request)


def _tell(answer: Answer, arguments: argparse.Namespace) -> None:
    for degraded in answer.degraded:
        sys.stderr.write(f"secateurs: degraded: {degraded}\n")
    if arguments.json:
        write(TypeAdapter(Answer).dump_json(answer, indent=2).decode() + "\n")
    else:
        write(answer.content)
