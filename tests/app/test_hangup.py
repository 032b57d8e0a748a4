"""Whoever hangs up is not worked for any longer, and whoever stays notices nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message

from app.hangup import HangUp
from tests.app.asgi import request


async def echo(asked: Request) -> Response:
    return PlainTextResponse(await asked.body())


async def stream(asked: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        for part in "abc":
            await asyncio.sleep(0)
            yield part

    return StreamingResponse(parts())


async def broken(asked: Request) -> Response:
    raise ZeroDivisionError


APP = HangUp(Starlette(routes=[Route(f"/{f.__name__}", f, methods=["POST"]) for f in (echo, stream, broken)]))


def test_answers_pass() -> None:
    """Bodies, streams and errors are as without it."""
    assert b"x" * 100_000 == request(APP, "POST", "/echo", content=b"x" * 100_000).content
    assert "abc" == request(APP, "POST", "/stream").text
    with pytest.raises(ZeroDivisionError):
        request(APP, "POST", "/broken")


def test_who_hangs_up_ends_the_work() -> None:
    """What was under way is cancelled, with all that it began; nothing is left running."""
    cancelled: list[bool] = []

    async def hang(asked: Request) -> Response:
        await asked.body()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        raise AssertionError

    async def inside() -> None:
        messages: list[Message] = [{"type": "http.request"}, {"type": "http.disconnect"}]
        sent: list[Message] = []

        async def receive() -> Message:
            await asyncio.sleep(0.01)
            return messages.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
        await HangUp(Starlette(routes=[Route("/", hang)]))(scope, receive, send)
        await asyncio.sleep(0)
        assert ([], {asyncio.current_task()}) == (sent, asyncio.all_tasks())

    asyncio.run(inside())
    assert [True] == cancelled


def test_other_kinds_of_connections_pass() -> None:
    """A start is no request."""

    async def inside() -> None:
        seen: list[str] = []

        async def app(scope: dict[str, str], receive: object, send: object) -> None:
            seen.append(scope["type"])

        async def nothing(*_: object) -> Message:
            return {}

        await HangUp(app)({"type": "lifespan"}, nothing, nothing)  # type: ignore[arg-type]
        assert ["lifespan"] == seen

    asyncio.run(inside())
