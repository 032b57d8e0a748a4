"""Errors that no route finds, or nobody foresaw, in the shape that the clients of an address read."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.api.shapes import tell
from app.errors import BY_STATUS, Explained
from app.observability import RequestLog
from tests.app.asgi import request
from tests.app.conftest import client_of

Read = Callable[[dict[str, Any]], str]


def problem(body: dict[str, Any]) -> str:
    """The words of an RFC 9457 problem."""
    assert {"type", "title", "status", "detail"} == body.keys()
    return str(body["detail"])


def openai(body: dict[str, Any]) -> str:
    """Those of OpenAI's error object."""
    assert {"message", "type", "param", "code"} == body["error"].keys()
    return str(body["error"]["message"])


def tavily(body: dict[str, Any]) -> str:
    """Those of Tavily's."""
    return str(body["detail"]["error"])


def firecrawl(body: dict[str, Any]) -> str:
    """Those of Firecrawl's."""
    assert body["success"] is False
    return str(body["error"])


def jina(body: dict[str, Any]) -> str:
    """Those of Jina's."""
    assert (None, 100 * body["code"]) == (body["data"], body["status"])
    return str(body["message"])


def json_rpc(body: dict[str, Any]) -> str:
    """Those of MCP's."""
    assert ("2.0", None) == (body["jsonrpc"], body["id"])
    return str(body["error"]["message"])


SHAPES: dict[str, Read] = {
    "/v1/search": problem,
    "/v1/prune": problem,
    "/v1/clean": problem,
    "/open-webui/search": problem,
    "/v1/chat/completions": openai,
    "/tavily/search": tavily,
    "/v2/scrape": firecrawl,
    "/r/": jina,
    "/s/": jina,
}
HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}
each_address = pytest.mark.parametrize(("path", "read"), SHAPES.items(), ids=SHAPES)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A service that takes only small bodies."""
    folder = tmp_path_factory.mktemp("small")
    yield from client_of(state_dir=folder, embedder="none", request_bytes=1_000)


@each_address
def test_a_wrong_method(small: httpx.Client, path: str, read: Read) -> None:
    """The methods that there are stand in the header."""
    answer = small.request("DELETE", path, headers=HEADERS)
    assert (405, f"DELETE {path}: Method Not Allowed.") == (answer.status_code, read(answer.json()))
    assert answer.headers["allow"]


@each_address
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "while it comes"])
def test_a_large_body(small: httpx.Client, path: str, read: Read, declared: bool) -> None:
    """Refused before a route is asked, or while the route reads it; 400 is what some clients know for it."""
    body = b" " * 1_001
    answer = small.post(path, content=body if declared else iter([body]), headers=HEADERS)
    expected = 400 if path in ("/tavily/search", "/v2/scrape") else 413
    assert (expected, "The request body is over the limit of 1000 bytes.") == (
        answer.status_code,
        read(answer.json()),
    )


@each_address
def test_a_body_that_is_no_json(small: httpx.Client, path: str, read: Read) -> None:
    """In the same words everywhere."""
    answer = small.post(path, content=b'{"a": ', headers=HEADERS)
    assert (400, "The body is not JSON: Expecting value at character 6.") == (answer.status_code, read(answer.json()))


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/v1/embeddings", openai),
        ("/v1/search/x", problem),
        ("/v1", openai),
        ("/tavily/crawl", tavily),
        ("/nothing", problem),
        ("/v1x", problem),
        ("/rx", problem),
        ("/mcp/x", json_rpc),
    ],
)
def test_an_unknown_address(small: httpx.Client, path: str, read: Read) -> None:
    """Below the address of a wire format, its clients ask."""
    answer = small.get(path, headers=HEADERS)
    assert (404, f"GET {path}: Not Found.") == (answer.status_code, read(answer.json()))


def test_mcp_refuses_a_large_message_as_its_clients_read_it(small: httpx.Client) -> None:
    """Before the protocol's own package sees it."""
    answer = small.post("/mcp", content=b" " * 1_001, headers=HEADERS)
    assert (413, "The request body is over the limit of 1000 bytes.") == (answer.status_code, json_rpc(answer.json()))


@each_address
def test_what_nobody_foresaw(path: str, read: Read) -> None:
    """Has no more to say, but the client can read it."""
    app = FastAPI()
    app.add_middleware(RequestLog, tell=tell)

    @app.post(path)
    async def fail() -> None:
        raise ZeroDivisionError

    answer = request(app, "POST", path, headers=HEADERS)
    assert (500, "The service failed in a way that was not foreseen.") == (answer.status_code, read(answer.json()))


@each_address
def test_a_detail_may_quote_what_utf8_cannot(path: str, read: Read) -> None:
    """A lone surrogate makes no failure of an error."""
    assert tell({"path": path, "headers": []}, Explained(BY_STATUS[404], "no \ud800")).body
