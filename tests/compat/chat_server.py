"""A chat model's server in OpenAI's format: it says what it is told to, keeps what it was asked, and can fail."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

SAID = ["Old roses are cut ", "in March [", "1", "], the hedge each week [1].", " Not `a[1]`."]
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
REFUSALS: dict[str, tuple[int, dict[str, Any], dict[str, str]]] = {
    "unauthorized": (401, {"message": "Incorrect API key provided", "code": "invalid_api_key"}, {}),
    "too-long": (400, {"message": "maximum context length is 9", "code": "context_length_exceeded"}, {}),
    "busy": (429, {"message": "Rate limit reached"}, {"Retry-After": "7"}),
    "broken": (500, {"message": "out of memory"}, {}),
}


class ChatServer:
    """One model, `tiny`.

    Attributes:
        mode: how it answers: `well`, one of REFUSALS, or a fault that `_stream` or `_answer` names.
        query: what it says when it is asked for a search query.
        asked: the bodies of the requests so far.
        left: set when a client has gone before its answer was there.
        pause: seconds before each piece of a streamed answer.
    """

    def __init__(self, *, pause: float = 0.0) -> None:
        self.pause = pause
        self.mode = "well"
        self.query = "when are old roses cut"
        self.asked: list[dict[str, Any]] = []
        self.left = threading.Event()
        routes = [
            Route("/v1/models", self._models),
            Route("/v1/chat/completions", self._complete, methods=["POST"]),
        ]
        self.app = Starlette(routes=routes)

    def prompt(self) -> str:
        """All that the model was told last."""
        return json.dumps(self.asked[-1]["messages"])

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "tiny"}]})

    async def _complete(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        if "You help a search engine" in str(body["messages"][0].get("content")):
            message = {"role": "assistant", "content": self.query}
            return JSONResponse({"choices": [{"index": 0, "message": message}]}, 200 if self.query else 500)
        if self.mode in REFUSALS:
            status, error, headers = REFUSALS[self.mode]
            return JSONResponse({"error": {"type": "some_error", "param": None} | error}, status, headers)
        if body.get("stream"):
            return StreamingResponse(self._stream(body, request), media_type="text/event-stream")
        return await self._answer(body, request)

    async def _answer(self, body: dict[str, Any], request: Request) -> Response:
        if self.mode == "hang":
            await self._wait(request)
        if self.mode == "malformed":
            return Response("<html>")
        message: dict[str, Any] = {"role": "assistant", "content": "".join(SAID)}
        if self.mode == "reasoning":
            message["reasoning_content"] = "Hm."
        if self.mode == "tools":
            message |= {"content": None, "tool_calls": [TOOL_CALL]}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {} if self.mode == "no-usage" else {"usage": USAGE}
        return JSONResponse({"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], **usage})

    async def _stream(self, body: dict[str, Any], request: Request) -> AsyncIterator[str]:
        yield ": a comment\n\n"
        yield _chunk({"role": "assistant", "content": ""})
        if self.mode == "reasoning":
            yield _chunk({"reasoning_content": "Hm.", "reasoning": "Hm."})
        for number, piece in enumerate(SAID):
            await asyncio.sleep(self.pause)
            yield _chunk({"content": piece})
            if number == 1 and self.mode == "malformed":
                yield "data: {\n\n"
            if number == 1 and self.mode == "fails":
                yield 'data: {"error": {"message": "the GPU is gone"}}\n\n'
            if number == 1 and self.mode == "drop":
                return
            if number == 1 and self.mode == "hang":
                await self._wait(request)
        yield _chunk({}, "stop")
        if (body.get("stream_options") or {}).get("include_usage") and self.mode != "no-usage":
            yield f"data: {json.dumps({'choices': [], 'usage': USAGE})}\n\n"
        yield "data: [DONE]\n\n"

    async def _wait(self, request: Request) -> None:
        """Say nothing until the client has gone."""
        try:
            while not await request.is_disconnected():
                await asyncio.sleep(0.01)
        finally:
            self.left.set()


TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "water", "arguments": "{}"}}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "tiny", "choices": [choice]}
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
