"""One upstream of the service as a process of its own, so that it can be killed.

    python -m tests.faults.upstream KIND HOST PORT [SITE]

KIND is `chat`, `embedder`, `pruner` or `search`, which finds the pages of SITE.
"""

import sys
import zlib
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.app.models.word_server import WordServer
from tests.compat.chat_server import ChatServer

PAGES = 3


def main() -> None:
    kind, host, port, *site = sys.argv[1:]
    uvicorn.run(_KINDS[kind](*site), host=host, port=int(port), log_config=None)


def _chat() -> Starlette:
    """A model that takes its time, so that it is killed in the middle of a word."""
    return ChatServer(pause=0.01).app


def _pruner() -> Starlette:
    """vLLM as the service asks it, with probabilities that are as good as any: always the same for the same prompt."""
    return Starlette(routes=[Route("/v1/models", _models), Route("/v1/completions", _completions, methods=["POST"])])


async def _models(request: Request) -> Response:
    return JSONResponse({"data": [{"id": "pruner", "root": "/elsewhere", "max_model_len": 4096}]})


async def _completions(request: Request) -> Response:
    body = await request.json()
    ids = body["logprob_token_ids"]
    choices = [_choice(number, prompt, ids) for number, prompt in enumerate(body["prompt"])]
    return JSONResponse({"choices": choices})


def _choice(number: int, prompt: list[int], ids: list[int]) -> dict[str, Any]:
    likely = {f"token_id:{token}": -(zlib.crc32(repr((prompt, token)).encode()) % 1000) / 100 for token in ids}
    return {"index": number, "text": "", "logprobs": {"top_logprobs": [likely]}}


def _search(site: str) -> Starlette:
    """SearXNG, which finds all pages of the site whatever it is asked."""
    rows = [{"url": f"{site}/{n}", "title": f"Page {n}", "content": f"The snippet of page {n}"} for n in range(PAGES)]

    async def found(request: Request) -> Response:
        return JSONResponse({"query": request.query_params["q"], "results": rows})

    return Starlette(routes=[Route("/search", found)])


_KINDS: dict[str, Callable[..., Starlette]] = {
    "chat": _chat,
    "embedder": lambda: WordServer().app,
    "pruner": _pruner,
    "search": _search,
}

if __name__ == "__main__":
    main()
