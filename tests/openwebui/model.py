"""The chat model behind it all: it answers as `ChatServer` does, and does Open WebUI's own tasks as asked."""

import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from tests.compat.chat_server import ChatServer
from tests.compat.conftest import QUESTION

# How Open WebUI's prompts begin, and what they want.
TASKS = {
    "Generate a concise title": {"title": "Counting tokens"},
    "broad tags categorizing": {"tags": ["Tokens"]},
    "useful messages this user might": {"follow_ups": ["And with which tokenizer?"]},
    "generating search queries": {"queries": [QUESTION]},
}


class Model(ChatServer):
    """One model, `tiny`.

    Attributes:
        tools: the tools that it calls before it answers, each with its arguments; one a turn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tools: Sequence[tuple[str, dict[str, Any]]] = ()

    def reset(self) -> None:
        """As it was at first; what is under way goes on."""
        self.mode, self.tools = "well", ()
        self.asked.clear()
        self.left.clear()

    def conversations(self) -> list[dict[str, Any]]:
        """What it was asked but for tasks."""
        return [body for body in self.asked if _task_of(body) is None]

    async def _complete(self, request: Request) -> Response:
        body = await request.json()
        task = _task_of(body)
        called = sum(message["role"] == "tool" for message in body["messages"])
        if task is None and called < len(self.tools):
            self.asked.append(body)
            return self._call(*self.tools[called])
        if task is None:
            return await super()._complete(request)
        self.asked.append(body)
        return JSONResponse({"choices": [{"index": 0, "message": {"role": "assistant", "content": json.dumps(task)}}]})

    def _call(self, name: str, arguments: dict[str, Any]) -> Response:
        call = {"index": 0, "id": name, "type": "function"}
        delta = {"tool_calls": [call | {"function": {"name": name, "arguments": json.dumps(arguments)}}]}
        chunks = [
            {"choices": [{"index": 0, "delta": delta}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        ]
        lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        return StreamingResponse(iter([*lines, "data: [DONE]\n\n"]), media_type="text/event-stream")


def _task_of(body: dict[str, Any]) -> dict[str, Any] | None:
    text = str(body["messages"][-1]["content"])
    return next((answer for opening, answer in TASKS.items() if opening in text), None)
