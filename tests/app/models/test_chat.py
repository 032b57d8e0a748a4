"""A chat model behind HTTP, against a server that speaks OpenAI's format and breaks."""

import asyncio
import json
from typing import Any

import pytest

from app.models.chat import ChatModel, ChatTimeout
from pruning.errors import InvalidInput, ModelError
from tests.app.search.engine_server import EngineServer, Reply, Request
from tests.app.serving import served
from tests.compat.chat_server import ChatServer

pytestmark = pytest.mark.anyio
MESSAGES = ({"role": "user", "content": "Hello?"},)


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio."""
    return "asyncio"


def openai(request: Request) -> Reply:
    """Two models, which say whom they are and what they heard; a key is wanted."""
    if request.headers.get("authorization") != "Bearer sesame":
        return Reply({"error": {"message": "Incorrect API key provided"}}, 401)
    if (request.method, request.path) == ("GET", "/v1/models"):
        return Reply({"data": [{"id": "first"}, {"id": "second"}]})
    if (request.method, request.path) != ("POST", "/v1/chat/completions"):
        return Reply({"error": "nothing here"}, 404)
    said = f"{request.body['model']} heard {request.body['messages'][-1]['content']}"
    return Reply({"choices": [{"index": 0, "message": {"role": "assistant", "content": said}}]})


async def ask(server: EngineServer, deadline: float | None = None, **options: Any) -> str:
    """What the model of this server says."""
    async with server.url() as url:
        model = ChatModel(url, **{"key": "sesame", **options})
        try:
            return await model.ask(MESSAGES, deadline)
        finally:
            await model.aclose()


@pytest.mark.parametrize(("model", "expected"), [(None, "first heard Hello?"), ("second", "second heard Hello?")])
async def test_a_model_answers(model: str | None, expected: str) -> None:
    """The named one, or the first that the server lists."""
    assert expected == await ask(EngineServer(openai), model=model)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply({"error": {"message": "too long"}}, 400), "answered with status 400; it says: too long"),
        (Reply({}, 500), "answered with status 500"),
        (Reply(b"<html>"), "answered with something else than a message"),
        (Reply({"choices": []}), "answered with something else than a message"),
        (Reply([]), "answered with something else than a message"),
        (Reply(fault="reset"), "can't be reached"),
        (Reply(fault="hang"), "did not answer in time"),
    ],
)
async def test_a_failure_is_told_in_one_line(reply: Reply, expected: str) -> None:
    """With the server's host and without the key."""
    deadline = asyncio.get_running_loop().time() + (0.1 if reply.fault == "hang" else 60)
    with pytest.raises(ModelError, match=rf"^the chat model at 127.0.0.1:\d+ {expected}") as caught:
        await ask(EngineServer(lambda _: reply), deadline, model="m")
    assert "sesame" not in str(caught.value)


async def test_a_wrong_key_is_told() -> None:
    """By the server's own words."""
    with pytest.raises(ModelError, match="Incorrect API key"):
        await ask(EngineServer(openai), key="wrong", model="m")


async def test_a_server_that_fails_again_and_again_is_left_alone() -> None:
    """After three failures nobody waits for it."""
    server = EngineServer(lambda _: Reply({}, 500))
    async with server.url() as url:
        model = ChatModel(url, model="m")
        for _ in range(5):
            with pytest.raises(ModelError):
                await model.ask(MESSAGES, None)
        await model.aclose()
    assert 3 == len(server.seen)


async def test_what_is_no_address_is_refused() -> None:
    """At once."""
    with pytest.raises(InvalidInput, match="is no URL"):
        ChatModel("localhost:8000")


def sse(*lines: str) -> Reply:
    """A stream, as the server ends it."""
    return Reply("".join(f"data: {line}\n\n" for line in lines).encode())


def said(text: str | None, finish: str = "null") -> str:
    """A chunk with this piece of text."""
    delta = {} if text is None else {"content": text}
    return (
        f'{{"choices": [{{"index": 0, "delta": {json.dumps(delta, ensure_ascii=False)}, "finish_reason": {finish}}}]}}'
    )


END = said(None, '"stop"')


async def streamed(model: ChatModel, seconds: float = 60) -> str:
    """The text of a streamed answer."""
    deadline = asyncio.get_running_loop().time() + seconds
    chunks = [chunk async for chunk in model.stream({"messages": MESSAGES, "stop": "\ud800"}, deadline)]
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (sse(said("a"), said("b\u2028\x85c"), END, "[DONE]"), "ab\u2028\x85c"),
        (sse(said("a"), END, '{"choices": null, "usage": {"total_tokens": 1}}', "[DONE]"), "a"),
        (sse(said("a"), END), "a"),
        (Reply(b": hi\r\n\r\ndata:" + said("a").encode() + b"\r\n\r\ndata: " + END.encode()), "a"),
    ],
)
async def test_a_stream_is_read(reply: Reply, expected: str) -> None:
    """As servers write it: with or without an end of its own, with any line ends, and any characters in it."""
    async with EngineServer(lambda _: reply).url() as url:
        model = ChatModel(url, model="m")
        assert expected == await streamed(model)
        await model.aclose()


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (sse(said("a")), "broke off in the middle"),
        (sse(said("a"), "[DONE"), "sent something else than JSON objects"),
        (sse("[]"), "sent something else than JSON objects"),
        (sse('{"choices": [1]}'), "sent something else than a chunk"),
        (sse('{"error": "no memory"}'), "failed in the middle of its answer; it says: no memory"),
        (Reply({"choices": [{"message": {"content": "whole"}}]}), "broke off in the middle"),
        (Reply(sse(said("a"), END).body, fault="truncate"), "broke off"),
        (Reply(fault="hang"), "did not answer in time"),
        (Reply(fault="reset"), "can't be reached"),
        (Reply({}, 404), r"answered with status 404; check SECATEURS_CHAT_MODEL_URL"),
    ],
)
async def test_a_stream_that_fails_is_an_error(reply: Reply, expected: str) -> None:
    """Never an answer that looks whole."""
    async with EngineServer(lambda _: reply).url() as url:
        model = ChatModel(url, model="m")
        with pytest.raises(ModelError, match=rf"^the chat model at 127.0.0.1:\d+ {expected}"):
            await streamed(model, 0.3 if reply.fault == "hang" else 60)
        await model.aclose()


async def test_a_connection_dropped_while_idle_is_no_failure() -> None:
    """The request is sent once more; a connection that still stands is used again."""
    server = EngineServer(lambda _: sse(said("a"), END, "[DONE]"))
    async with server.url() as url:
        model = ChatModel(url, model="m")
        assert ["a", "a"] == [await streamed(model) for _ in range(2)]
        assert 1 == server.connections
        server.drop()
        assert "a" == await streamed(model)
        await model.aclose()
    assert 3 == len(server.seen)


async def test_streams_that_fail_again_and_again_are_left_alone() -> None:
    """Whole answers and streams share one breaker; being busy or refusing is not failing."""
    replies = [Reply({}, status) for status in (429, 400, 401, 500, 500, 500)]
    server = EngineServer(lambda _: replies.pop(0))
    async with server.url() as url:
        model = ChatModel(url, model="m")
        deadline = asyncio.get_running_loop().time() + 60
        kinds = []
        for number in range(8):
            with pytest.raises(ModelError) as caught:
                await (streamed(model) if number % 2 else model.complete({"messages": MESSAGES}, deadline))
            kinds.append(type(caught.value).__name__)
        await model.aclose()
    assert ["ChatBusy", "ChatRefused", "ChatMisconfigured", *["ModelUnavailable"] * 3, *["ModelError"] * 2] == kinds
    assert 6 == len(server.seen)


async def test_a_stream_that_stops_is_given_up() -> None:
    """At its deadline; the server sees the connection end."""
    server = ChatServer()
    server.mode = "hang"
    with served(server.app) as (host, port):
        model = ChatModel(f"http://{host}:{port}", model="m")
        with pytest.raises(ChatTimeout, match=r"in time$"):
            await streamed(model, 1.0)
        assert await asyncio.to_thread(server.left.wait, 30)
        await model.aclose()
