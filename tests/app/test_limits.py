"""The limit on request bodies, over real sockets: a refusal must not wait for the body."""

import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI, Request

from app.api import problems
from app.limits import BodyLimit
from tests.app.serving import served

LIMIT = 100_000


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """A service that says how long the body was, behind the limit."""
    app = FastAPI()
    problems.install(app)
    app.add_middleware(BodyLimit, max_bytes=LIMIT)

    @app.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    with served(app) as where:
        yield where


def url(address: tuple[str, int]) -> str:
    """The address of the one route."""
    return f"http://{address[0]}:{address[1]}/length"


def test_a_body_of_exactly_the_limit_passes(address: tuple[str, int]) -> None:
    """The limit is the largest size allowed."""
    assert LIMIT == httpx.post(url(address), content=b"x" * LIMIT).json()


def test_a_declared_length_over_the_limit_is_refused_unread(address: tuple[str, int]) -> None:
    """The refusal comes though not one byte of the body was sent."""
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(b"POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100001\r\n\r\n")
        answer = connection.makefile("rb").read()  # the server closes: the body is not wanted
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"content-type: application/problem+json" in head.lower()
    assert "/problems/request-too-large" == json.loads(body)["type"]


@pytest.mark.parametrize("length", ["9" * 19, "9" * 5_000])
def test_absurd_lengths_are_refused(address: tuple[str, int], length: str) -> None:
    """A length that is no machine's number is refused, here or by the server, and nothing breaks."""
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(f"POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert answer[9:12] in (b"400", b"413")
    assert 3 == httpx.post(url(address), content=b"abc").json()


def test_a_body_of_unknown_length_is_refused_when_it_is_over(address: tuple[str, int]) -> None:
    """An endless body is answered while it is still coming."""
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(
            b"POST /length HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + 4 * chunk
        )
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_other_requests_pass(address: tuple[str, int]) -> None:
    """After all this the service still answers."""
    assert 5 == httpx.post(url(address), content=iter([b"ab", b"cde"])).json()
