"""A served model's tokenizer: counted by a server that speaks vLLM's format, with Tekken behind it."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.models.tokenize import ServedTokenCounter
from pruning.errors import InvalidInput, TokenizerError
from pruning.tokens import TokenCounter
from tests.app.serving import served


class Server:
    """Serves POST /tokenize and GET /v1/models as vLLM does; `fault` may answer in its place."""

    def __init__(self, fault: Callable[[int], Response | None] = lambda number: None) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self._fault = fault
        routes = [Route("/tokenize", self._tokenize, methods=["POST"]), Route("/v1/models", self._models)]
        self.app = Starlette(routes=routes)

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"data": [{"id": "served/model", "object": "model"}]})

    async def _tokenize(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        self.keys.append(request.headers.get("authorization"))
        count = TokenCounter.load().count(body["prompt"]) + body["add_special_tokens"]
        answer = {"count": count, "max_model_len": 4096, "tokens": [0] * count, "token_strs": None}
        return self._fault(len(self.bodies)) or JSONResponse(answer)


@pytest.fixture(scope="module")
def connected() -> Iterator[tuple[Server, ServedTokenCounter]]:
    """A server, and a counter that is connected to it."""
    server = Server()
    with served(server.app) as (host, port):
        counter = ServedTokenCounter.connect(f"http://{host}:{port}/v1", key="sesame")
        yield server, counter
        counter.close()


@given(texts=st.lists(st.text(), max_size=3))
def test_counts_are_the_servers(connected: tuple[Server, ServedTokenCounter], texts: list[str]) -> None:
    """In the order asked, without special tokens, one by one or many at a time."""
    _, counter = connected
    expected = TokenCounter.load().count_many(texts)

    assert expected == counter.count_many(texts)
    assert expected == [counter.count(text) for text in texts]


def test_the_counter_is_named_after_its_model(connected: tuple[Server, ServedTokenCounter]) -> None:
    """Answers name the model that counted; no bound is known for its tokens."""
    server, counter = connected

    assert "served/model" == counter.name
    assert (None, None) == (counter.longest_token_bytes, counter.words_per_token)
    assert {"Bearer sesame"} == set(server.keys)


def test_a_named_model_is_asked_for() -> None:
    """And nothing else is: the server need not list its models."""
    server = Server()
    with served(server.app) as (host, port):
        counter = ServedTokenCounter.connect(f"http://{host}:{port}/tokenize", model="mine")
        counter.close()

    assert [{"prompt": "warm", "add_special_tokens": False, "model": "mine"}] == server.bodies
    assert "mine" == counter.name


def test_lone_surrogates_are_sent_as_what_they_become(connected: tuple[Server, ServedTokenCounter]) -> None:
    """UTF-8 has no form for them."""
    server, counter = connected
    counter.count("a\ud800b")

    assert "a\ufffdb" == server.bodies[-1]["prompt"]


def test_threads_share_the_counter(connected: tuple[Server, ServedTokenCounter]) -> None:
    """Each thread gets its own counts."""
    _, counter = connected
    got: dict[int, list[int]] = {}

    def ask(number: int) -> None:
        got[number] = counter.count_many(["hedge " * number] * 20)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {number: TokenCounter.load().count_many(["hedge " * number] * 20) for number in range(1, 5)} == got


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (JSONResponse({"tokens": [1]}), "without a count"),
        (JSONResponse({"count": "many"}), "without a count"),
        (PlainTextResponse("<h1>It works!</h1>"), "without a count"),
        (JSONResponse({"error": {"message": "no such\nmodel", "code": 404}}, 404), "404; it says: no such model"),
        (JSONResponse({"error": "busy"}, 503, {"retry-after": "0"}), "503; it says: busy"),
    ],
)
def test_a_broken_server_is_an_error_of_one_line(answer: Response, said: str) -> None:
    """The message names the server and says what was wrong."""
    with served(Server(lambda number: answer).app) as (host, port):
        counter = ServedTokenCounter(f"http://{host}:{port}")
        with pytest.raises(TokenizerError) as caught:
            counter.count_many(["a", "b"])
        counter.close()

    assert f"the tokenizer server at {host}:{port} " in str(caught.value)
    assert said in str(caught.value)
    assert 1 == len(str(caught.value).splitlines())


def test_a_busy_server_is_asked_once_more() -> None:
    """One refusal is not the end."""
    server = Server(lambda number: JSONResponse({}, 503, {"retry-after": "0"}) if number == 1 else None)
    with served(server.app) as (host, port):
        counter = ServedTokenCounter(f"http://{host}:{port}")
        count = counter.count("hedge")
        counter.close()

    assert (TokenCounter.load().count("hedge"), 2) == (count, len(server.bodies))


def test_a_server_that_is_down_or_silent_is_an_error() -> None:
    """Refused at once, or given up when the time is over."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(TokenizerError, match="did not answer in time"):
            ServedTokenCounter.connect(url, model="any", seconds=0.3)

    with pytest.raises(TokenizerError, match="can't be reached"):
        ServedTokenCounter.connect(url)


def test_an_address_that_is_none_is_invalid() -> None:
    """Said at once."""
    with pytest.raises(InvalidInput, match="is no URL"):
        ServedTokenCounter("vllm:8000")
