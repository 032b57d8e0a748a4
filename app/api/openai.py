"""OpenAI's wire format: `/v1/models` and `/v1/chat/completions`, for any chatbot that takes another base URL.

The chat model's own answer is passed on as it is, with citations added; `secateurs` in it says what it was made from.
"""

import json
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.api.json_route import JsonRoute
from app.api.open_webui_events import status_event, told_as_events
from app.api.openai_models import ChatBody, Completion, ModelCard, ModelList, OpenAIError
from app.api.problems import explained
from app.chat import OUR_MODEL, Chat, ChatRequest, Retrieved
from app.errors import Explained, ModelNotOffered
from pruning.errors import SecateursError

# OpenAI's word for an error, by status.
_TYPES = {401: "authentication_error", 404: "invalid_request_error", 429: "rate_limit_error"}
# Open WebUI sends such headers where it is told to: whoever does reads its events.
_OPEN_WEBUI = "x-openwebui-"
_STARTED = int(time.time())


def shape(told: Explained) -> tuple[int, Any]:
    """OpenAI's error object; its clients know 400 for what is wrong in a request."""
    status = 400 if told.problem.status in (415, 422) else told.problem.status
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    where = told.members.get("errors")
    param = where[0]["pointer"].removeprefix("#/").replace("/", ".") if where else None
    error = {"message": told.detail, "type": kind, "param": param, "code": told.problem.name.replace("-", "_")}
    said = {name: value for name, value in told.members.get("said", {}).items() if name != "message" and value}
    return status, {"error": error | said}


router = APIRouter(prefix="/v1", tags=["OpenAI"], route_class=JsonRoute)


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": OpenAIError} for status in statuses}


_CHUNK = {"type": "string", "description": "A chunk as JSON, or an error object; the last one is `[DONE]`."}
_EVENT = {"type": "object", "properties": {"data": _CHUNK}, "required": ["data"]}
_COMPLETION: dict[int | str, dict[str, Any]] = {
    200: {"model": Completion, "content": {"text/event-stream": {"itemSchema": _EVENT}}},
    **_errors(400, 404, 413, 422, 429, 500, 501, 502, 503, 504),
}


async def chat_of(request: Request) -> Chat:
    """The chat of the service."""
    chat: Chat = request.app.state.chat
    return chat


TheChat = Annotated[Chat, Depends(chat_of)]


@dataclass(frozen=True, slots=True)
class _Head:
    """What each chunk of an answer begins with: the same in those of the chat model and in ours."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def on(self, answer: dict[str, Any], kind: str) -> dict[str, Any]:
        """The answer or chunk with its head; the model is called what the client calls it."""
        return {**answer, "id": self.id, "object": kind, "created": self.created, "model": self.model}


@router.get(
    "/models",
    summary="The models",
    operation_id="openai_models",
    responses={200: {"model": ModelList}, **_errors(500)},
)
async def models(chat: TheChat) -> dict[str, Any]:
    """What a chat completion may name as its model; none where no chat model is configured."""
    return {"object": "list", "data": [_model(name) for name in chat.models()]}


@router.get(
    "/models/{name:path}",
    summary="One model",
    operation_id="openai_model",
    responses={200: {"model": ModelCard}, **_errors(404, 422, 500)},
)
async def model(name: str, chat: TheChat) -> dict[str, Any]:
    """A model by its name."""
    if name not in chat.models():
        raise ModelNotOffered(f"there is no model {name!r} here; these are: {', '.join(chat.models())}")
    return _model(name)


@router.post(
    "/chat/completions",
    summary="Continue a conversation",
    operation_id="openai_chat_completions",
    responses=_COMPLETION,
)
async def chat_completions(body: ChatBody, request: Request, chat: TheChat) -> Response:
    """Search for what the user asks, and have the chat model answer from the pages, with citations."""
    asked = body.request(chat.settings)
    head = _Head(body.model)
    if body.stream:
        return await _streamed(body, request, chat, asked)
    found, completion = await chat.complete(asked)
    answer = head.on(completion, "chat.completion") | {"secateurs": _about(found)}
    # ASCII: a model may say what UTF-8 can't encode.
    return Response(json.dumps(answer), media_type="application/json")


async def _streamed(body: ChatBody, request: Request, chat: Chat, asked: ChatRequest) -> Response:
    """A stream. Without events it begins with the chat model's first words: until then, errors have statuses."""
    chat.check(asked)
    events = body.secateurs.events
    if events is None:
        events = chat.settings.chat_events or any(name.startswith(_OPEN_WEBUI) for name in request.headers)
    lines = _lines(chat, asked, _Head(body.model), events)
    begun: list[dict[str, Any]] = []
    try:
        begun.append(await anext(lines))
    except StopAsyncIteration:  # an answer without a word
        pass
    except BaseException:
        await lines.aclose()
        raise
    return _EventStream(begun, lines, partial(_told, request))


async def _lines(chat: Chat, asked: ChatRequest, head: _Head, events: bool) -> AsyncGenerator[dict[str, Any], None]:
    """The chunks of a stream; the first one of the chat model says what was found."""
    about: dict[str, Any] = {}
    chunk = partial(head.on, kind="chat.completion.chunk")
    async with aclosing(chat.stream(asked)) as steps:
        async for step in steps:
            if isinstance(step, Retrieved):
                about = {"secateurs": _about(step)}
            if not isinstance(step, dict):
                for event in told_as_events(step) if events else ():
                    yield chunk({"choices": [], "event": event})
                continue
            yield chunk(step) | about
            about = {}


class _EventStream(StreamingResponse):
    """Server-sent events; whatever ends the answer ends what it is made from."""

    media_type = "text/event-stream"

    def __init__(self, begun: list[dict[str, Any]], lines: AsyncGenerator[dict[str, Any], None], told: Any) -> None:
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # no proxy waits for the end
        super().__init__(self._events(begun, lines, told), headers=headers)
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._lines.aclose()

    @staticmethod
    async def _events(begun: list[dict[str, Any]], lines: AsyncGenerator[dict[str, Any], None], told: Any) -> Any:
        try:
            for line in begun:
                yield _event(line)
            async for line in lines:
                yield _event(line)
        except SecateursError as error:  # the status is sent: the error follows as OpenAI's streams have it
            if any("event" in line for line in begun):
                yield _event({"choices": [], "event": status_event(str(error), done=True)})
            yield _event(told(error))
        yield b"data: [DONE]\n\n"


def _told(request: Request, error: SecateursError) -> dict[str, Any]:
    error_object: dict[str, Any] = shape(explained(request, error))[1]
    return error_object


def _event(line: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(line)}\n\n".encode()


def _model(name: str) -> dict[str, Any]:
    told = "Secateurs" if name == OUR_MODEL else f"{name} (Secateurs)"
    return {"id": name, "object": "model", "created": _STARTED, "owned_by": "secateurs", "name": told}


def _about(found: Retrieved) -> dict[str, Any]:
    """What an answer was made from."""
    others = [{"url": result.url, "status": result.status, "error": result.error} for result in found.others]
    return {
        "query": found.query,
        "tokens": found.tokens,
        "sources": [
            {"id": number, "url": source.url, "title": source.title, "status": source.status, "error": source.error}
            for number, source in enumerate(found.sources, start=1)
        ],
        "not_used": others,
        "removed": dict(found.removed),
        "degraded": list(found.degraded),
    }
