"""The client of embedding servers, against servers that work, and against servers that break in every way we know."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from app.models.embeddings import EmbeddingOptions, EmbeddingServer
from pruning.errors import InvalidInput, ModelError
from tests.app.models.word_server import DIMENSIONS, WordServer, embed

QUESTION = "how often is a hedge pruned"
ANSWER = "a hedge is pruned twice"
OTHER = "the museum opens at nine"


def ask(url: str, passages: Sequence[str], question: str = QUESTION, **named: object) -> np.ndarray:
    """One call on a client of its own."""

    async def run() -> np.ndarray:
        server = EmbeddingServer(url, **named)
        try:
            return await server.similarities(question, passages)
        finally:
            await server.aclose()

    return asyncio.run(run())


def cosine(one: str, other: str) -> float:
    """The cosine of two texts' vectors, 0 for a text without words."""
    a, b = np.array(embed(one)), np.array(embed(other))
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) or 1))


def test_scores_are_cosines_in_the_order_of_the_passages() -> None:
    """Servers may answer in any order and with vectors of any length: scores are cosines all the same."""
    passages = [OTHER, f"{ANSWER} {ANSWER}", *(f"hedge {number}" for number in range(70))]
    server = WordServer()

    with server.url() as url:
        scores = ask(f"{url}/v1/embeddings", passages)

    assert np.float32 == scores.dtype
    assert [cosine(QUESTION, passage) for passage in passages] == pytest.approx(scores.tolist(), abs=1e-6)


@pytest.fixture(scope="module")
def words() -> Iterator[tuple[WordServer, str]]:
    """One server for many examples."""
    server = WordServer()
    with server.url() as url:
        yield server, url


@given(passages=st.lists(st.text() | st.text(alphabet="ab \n東"), max_size=5), question=st.text())
def test_any_text_can_be_asked(words: tuple[WordServer, str], passages: list[str], question: str) -> None:
    """Whatever the texts say, each gets a score, and a blank one gets 0 unsent."""
    server, url = words
    server.bodies.clear()

    scores = ask(url, passages, question)

    assert len(passages) == len(scores)
    assert all(text.strip() for text in server.texts[1:]) or not question.strip()
    assert [0.0] * sum(not text.strip() for text in passages) == [
        score for score, text in zip(scores.tolist(), passages, strict=True) if not text.strip()
    ]


def test_lone_surrogates_are_not_sent() -> None:
    """They can't be: UTF-8 has no form for them."""
    server = WordServer()

    with server.url() as url:
        ask(url, ["a\ud800b"], "\udfff")

    assert {"\ufffd", "a\ufffdb"} == set(server.texts)


def test_requests_are_batched_and_few_at_a_time() -> None:
    """No request holds more texts, and no more requests run at once, than the options say; each text is sent once."""
    server = WordServer()
    server.at_a_time.gather(3)
    passages = [f"hedge {number}" for number in range(100)]

    with server.url() as url:
        ask(url, passages, options=EmbeddingOptions(batch=7, concurrency=3))

    assert 7 == max(len(body["input"]) for body in server.bodies)
    assert 3 == server.at_a_time.most
    assert sorted([QUESTION, *passages]) == sorted(server.texts)
    assert {"float"} == {body["encoding_format"] for body in server.bodies}


def test_a_long_passage_scores_as_its_best_window() -> None:
    """Nothing longer than a window is sent, and the answer at the end of a long passage is found."""
    server = WordServer()
    long = f"{OTHER} " * 50 + ANSWER

    with server.url() as url:
        scores = ask(url, [long, ANSWER], options=EmbeddingOptions(window_words=10))

    assert 10 >= max(len(text.split()) for text in server.texts)
    assert sorted(f"{QUESTION} {long} {ANSWER}".split()) == sorted(" ".join(server.texts).split())
    assert scores[0] > cosine(QUESTION, long) + 0.2


def test_prefixes_and_key_are_sent() -> None:
    """A model's instructions stand before the texts, the key in its header."""
    server = WordServer()
    options = EmbeddingOptions(query_prefix="query: ", passage_prefix="passage: ")

    with server.url() as url:
        ask(url, [ANSWER], key="sesame", options=options)

    assert {f"query: {QUESTION}", f"passage: {ANSWER}"} == set(server.texts)
    assert {"Bearer sesame"} == set(server.keys)


@pytest.mark.parametrize(
    ("given_name", "models", "sent"),
    [
        ("mine", JSONResponse({"data": [{"id": "first"}]}), "mine"),
        (None, JSONResponse({"data": [{"id": "first"}, {"id": "second"}]}), "first"),
        (None, JSONResponse({"data": []}), None),
        (None, PlainTextResponse("no such route", 404), None),
    ],
)
def test_the_model_is_the_one_given_or_the_first_listed(
    given_name: str | None, models: Response, sent: str | None
) -> None:
    """Without either, no model is named, and the server's host stands for it in answers."""
    server = WordServer()
    server.models = models

    async def load(url: str) -> str:
        client = EmbeddingServer(url, model=given_name)
        await client.load()
        await client.aclose()
        return client.name

    with server.url() as url:
        name = asyncio.run(load(url))

    assert {sent} == {body.get("model") for body in server.bodies}
    assert name == (sent or "127.0.0.1")


def test_no_passages_no_scores() -> None:
    """An empty list gives an empty array."""
    with WordServer().url() as url:
        assert (0,) == ask(url, []).shape


NAN = b'{"data": [{"index": 0, "embedding": [NaN, 1.0]}]}'
FAULTS = {
    "wrong shape": (JSONResponse([]), "something else"),
    "no data": (JSONResponse({"data": None}), "something else"),
    "too few": (JSONResponse({"data": []}), "no 1 vectors"),
    "too many": (JSONResponse({"data": [{"index": n, "embedding": [1.0]} for n in range(2)]}), "no 1 vectors"),
    "wrong index": (JSONResponse({"data": [{"index": 5, "embedding": [1.0]}]}), "no 1 vectors"),
    "null": (JSONResponse({"data": [{"index": 0, "embedding": None}]}), "no 1 vectors"),
    "null number": (JSONResponse({"data": [{"index": 0, "embedding": [None]}]}), "finite"),
    "base64": (JSONResponse({"data": [{"index": 0, "embedding": "AACAPw=="}]}), "something else"),
    "nested": (JSONResponse({"data": [{"index": 0, "embedding": [[1.0]]}]}), "no 1 vectors"),
    "not a number": (Response(NAN, media_type="application/json"), "finite"),
    "not JSON": (HTMLResponse("<h1>It works!</h1>"), "something else"),
    "redirected": (Response(status_code=307, headers={"location": "http://localhost/"}), "status 307"),
    "no key": (JSONResponse({"error": {"message": "Incorrect\nAPI key"}}, 401), "401; it says: Incorrect API key"),
    "no route": (JSONResponse({"detail": "Not Found"}, 404), "404; it says: Not Found"),
    "too long": (
        JSONResponse({"error": "`inputs` > 512", "error_type": "Validation"}, 422),
        "422; it says: `inputs` > 512",
    ),
    "backend": (JSONResponse({"error": "model died", "error_type": "Backend"}, 424), "424; it says: model died"),
    "broken": (PlainTextResponse("Internal Server Error", 500), "status 500"),
    "still busy": (JSONResponse({"error": "Model is overloaded"}, 429, {"retry-after": "0"}), "429; it says: Model"),
    "down for long": (HTMLResponse("<h1>503</h1>", 503, {"retry-after": "0"}), "status 503"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_server_is_an_error_of_one_line(fault: str) -> None:
    """Whatever it answers in place of vectors, the message names the server and says what was wrong."""
    answer, said = FAULTS[fault]

    with WordServer(lambda number, body: answer).url() as url, pytest.raises(ModelError) as caught:
        ask(url, [ANSWER], model="words")

    message = str(caught.value)
    assert said in message
    assert message.startswith(f"the embedding server at {url.removeprefix('http://')} ")
    assert 1 == len(message.splitlines())


def test_vectors_of_two_sizes_are_an_error() -> None:
    """A passage's vector that doesn't fit the question's comes from another model."""

    def fault(number: int, body: dict[str, list[str]]) -> Response | None:
        return None if body["input"] == [QUESTION] else JSONResponse({"data": [{"index": 0, "embedding": [1.0]}]})

    with WordServer(fault).url() as url, pytest.raises(ModelError, match=f"vectors of 1 and of {DIMENSIONS}"):
        ask(url, [ANSWER])


def test_a_failed_batch_is_a_failed_call() -> None:
    """No score is made up for what one request of many could not get."""

    def fault(number: int, body: dict[str, list[str]]) -> Response | None:
        return JSONResponse({"message": "out of memory"}, 500) if "hedge 50" in body["input"] else None

    with WordServer(fault).url() as url, pytest.raises(ModelError, match="500; it says: out of memory"):
        ask(url, [f"hedge {number}" for number in range(100)])


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_once_more(status: int) -> None:
    """When it said how long to wait, or not."""

    def fault(number: int, body: object) -> Response | None:
        return JSONResponse({"error": "busy"}, status, {"retry-after": "0"}) if number == 1 else None

    server = WordServer(fault)
    with server.url() as url:
        scores = ask(url, [ANSWER], options=EmbeddingOptions(concurrency=1))

    assert 3 == len(server.bodies)
    assert cosine(QUESTION, ANSWER) == pytest.approx(scores[0])


def test_a_server_that_is_down_is_an_error() -> None:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

    with pytest.raises(ModelError, match="can't be reached"):
        ask(url, [ANSWER])


def test_a_server_that_never_answers_is_an_error() -> None:
    """It accepts the connection, and that is all; the call ends when its time is over."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(ModelError, match="did not answer"),
    ):
        ask(f"http://127.0.0.1:{silent.getsockname()[1]}", [ANSWER], options=EmbeddingOptions(seconds=0.3))


@pytest.mark.parametrize(
    ("rest_seconds", "expected"),
    [
        (3600.0, ["", 1, "", 2, "it is asked again in an hour", 2]),
        (0.0, ["", 1, "", 2, "scores", 3]),
    ],
)
def test_a_server_that_keeps_failing_is_left_alone(rest_seconds: float, expected: list[str | int]) -> None:
    """Its callers fail at once and are told why; after a rest, one of them asks again."""
    server = WordServer(lambda number, _: PlainTextResponse("out of memory", 500) if number <= 2 else None)

    async def run(url: str) -> list[str | int]:
        told: list[str | int] = []
        model = EmbeddingServer(url, options=EmbeddingOptions(failures=2, rest_seconds=rest_seconds))
        for _ in range(3):
            try:
                await model.similarities(QUESTION, [])
                told += ["scores", len(server.bodies)]
            except ModelError as error:
                told += [re.sub(r"3\d\d\d s$", "an hour", str(error).partition("; ")[2]), len(server.bodies)]
        await model.aclose()
        return told

    with server.url() as url:
        assert expected == asyncio.run(run(url))


def test_past_its_deadline_a_call_is_an_error() -> None:
    """Nobody waits for a server any longer than the request can."""
    server = WordServer()

    async def run(url: str) -> None:
        model = EmbeddingServer(url)
        try:
            await model.similarities(QUESTION, [ANSWER], deadline=0.0)
        finally:
            await model.aclose()

    with server.url() as url, pytest.raises(ModelError, match="no time is left to ask the embedding server at"):
        asyncio.run(run(url))


def test_a_dropped_idle_connection_is_not_an_error() -> None:
    """A server that closes a kept connection just when the next request comes is asked again on a new one."""
    body = b'{"data": [{"index": 0, "embedding": [1.0, 0.0]}]}'
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    requests = []

    def read_request(stream: BinaryIO) -> bytes:
        length = 0
        while (line := stream.readline()).strip():
            if named := re.match(rb"(?i)content-length: (\d+)", line):
                length = int(named[1])
        return stream.read(length)

    def serve(listening: socket.socket) -> None:
        for _ in range(2):
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as stream:
                requests.append(read_request(stream))
                connection.sendall(answer)
                requests.append(read_request(stream))  # after which it is closed without an answer

    async def twice(url: str) -> None:
        server = EmbeddingServer(url, model="any", options=EmbeddingOptions(concurrency=1))
        await server.similarities(QUESTION, [])
        await server.similarities(QUESTION, [])
        await server.aclose()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        asyncio.run(twice(f"http://127.0.0.1:{listening.getsockname()[1]}"))
        thread.join()

    first, dropped, again, nothing = requests
    assert b"" == nothing
    assert first == dropped == again


@pytest.mark.parametrize("url", ["", "embedder:8000", "ftp://host/v1/embeddings", "http://", "http://a\nb"])
def test_an_address_that_is_none_is_invalid(url: str) -> None:
    """Said when the service starts, not at its first request."""
    with pytest.raises(InvalidInput, match="is no URL"):
        EmbeddingServer(url)
