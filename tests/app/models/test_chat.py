"""A chat model behind HTTP, against a server that speaks OpenAI's format and breaks."""

import asyncio
from typing import Any

import pytest

from app.models.chat import ChatModel
from pruning.errors import InvalidInput, ModelError
from tests.app.search.engine_server import EngineServer, Reply, Request

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
        (Reply({"error": {"message": "too long"}}, 400), "answered with status 400: too long"),
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
