"""A small embedding server that works, and what its tests need to break it."""

import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.app.models.at_a_time import AtATime
from tests.app.serving import served

DIMENSIONS = 64


def embed(text: str) -> list[float]:
    """How often each word stands in a text, hashed to a number: similar texts have similar vectors, of any length."""
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text):
        vector[zlib.crc32(word.encode()) % DIMENSIONS] += 1
    return vector


class WordServer:
    """Serves `embed` at /v1/embeddings, last text first, and records what it is asked.

    `fault` may answer in its place: it is given the request's number, from 1, and its body.
    """

    def __init__(self, fault: Callable[[int, dict[str, Any]], Response | None] | None = None) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.at_a_time = AtATime()
        self.models: Response = JSONResponse({"data": [{"id": "words-64"}, {"id": "other"}]})
        self._fault = fault
        routes = [Route("/v1/embeddings", self._embeddings, methods=["POST"]), Route("/v1/models", self._list)]
        self.app = Starlette(routes=routes)

    async def _list(self, request: Request) -> Response:
        return self.models

    async def _embeddings(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        self.keys.append(request.headers.get("authorization"))
        answer = self._fault(len(self.bodies), body) if self._fault else None
        if answer is not None:
            return answer
        async with self.at_a_time.one():
            rows = [{"index": number, "embedding": embed(text)} for number, text in enumerate(body["input"])]
        return JSONResponse({"data": rows[::-1], "model": "words-64", "usage": {}})

    @property
    def texts(self) -> list[str]:
        """All texts that were asked for."""
        return [text for body in self.bodies for text in body["input"]]

    @contextmanager
    def url(self) -> Iterator[str]:
        """Serve, under this address."""
        with served(self.app) as (host, port):
            yield f"http://{host}:{port}"
