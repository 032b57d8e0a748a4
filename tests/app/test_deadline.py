"""A request's time ends when its caller's does, in whichever header that is said."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from app.deadline import patience_of
from tests.app.holding import Site, ask_tool, holding, waiting
from tests.app.serving import served
from tests.compat.chat_server import ChatServer

# Of a package that reading pages imports, where this test is the first to do so.
pytestmark = pytest.mark.filterwarnings("ignore:SOCKS support in urllib3")

NAMES = ("X-Request-Timeout", "Request-Timeout-Ms", "X-Envoy-Expected-Rq-Timeout-Ms", "grpc-timeout")
BYTES = ("X-Stainless-Read-Timeout", "X-Stainless-Timeout")
# Of a page, or of the whole answer.
LATE = re.compile("did not arrive in the time that the request has for it|answer was not ready within 0")
QUESTION = "How often is the hedge cut?"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (math.inf, math.inf)),
        ({"X-Request-Timeout": "2.5"}, (2.5, math.inf)),
        ({"Request-Timeout-Ms": " 1500 "}, (1.5, math.inf)),
        ({"X-Envoy-Expected-Rq-Timeout-Ms": "15000"}, (15, math.inf)),
        ({"grpc-timeout": "2M"}, (120, math.inf)),
        ({"grpc-timeout": "300m", "X-Request-Timeout": "20"}, (0.3, math.inf)),
        ({"X-Stainless-Read-Timeout": "600.0"}, (math.inf, 600)),
        ({"X-Stainless-Timeout": "9", "X-Stainless-Read-Timeout": "5"}, (math.inf, 5)),
        ({"X-Request-Timeout": "0", "Request-Timeout-Ms": "-1", "X-Stainless-Timeout": "nan"}, (math.inf, math.inf)),
        ({"X-Request-Timeout": "1e3", "grpc-timeout": "5s", "Request-Timeout-Ms": "soon"}, (math.inf, math.inf)),
    ],
)
def test_headers_in_use(headers: dict[str, str], expected: tuple[float, float]) -> None:
    """Each in its own unit; the shortest counts, and what can't be read says nothing."""
    assert expected == patience_of(Headers(headers))


@given(st.dictionaries(st.sampled_from([*NAMES, *BYTES]), st.text(st.characters(max_codepoint=255)), max_size=6))
def test_any_value_is_a_time_or_none(headers: dict[str, str]) -> None:
    """Never an error, and never a time that is none."""
    assert all(seconds >= 0 for seconds in patience_of(Headers(headers)))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site whose pages never come."""
    with holding() as site:
        yield site


@pytest.fixture(scope="module")
def chat() -> ChatServer:
    """A chat model that never says a word."""
    server = ChatServer()
    server.mode = "hang"
    return server


@pytest.fixture(scope="module")
def client(site: Site, chat: ChatServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a service that would wait for minutes."""
    state: Path = tmp_path_factory.mktemp("deadline")
    with served(chat.app) as (host, port), waiting(site, state, chat_model_url=f"http://{host}:{port}") as client:
        yield client


@pytest.mark.parametrize("header", [{"X-Request-Timeout": "0.4"}, {"X-Stainless-Read-Timeout": "0.4"}])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/prune", {"query": QUESTION}),
        ("/v1/prune", {"query": QUESTION, "deadline_ms": 600_000}),
        ("/open-webui/load", {}),
        ("/tavily/extract", {}),
        ("/v2/scrape", {}),
        ("/r/", {}),
        ("/mcp", {}),
    ],
)
def test_every_wire_format_ends_in_time(
    client: httpx.Client, site: Site, path: str, body: dict[str, Any], header: dict[str, str]
) -> None:
    """The caller waits for less than the page does: the answer says that it is late, and comes before the page."""
    url = f"{site.address}/held"
    given = {"/v2/scrape": {"url": url}, "/r/": {"url": url}}.get(path, {"urls": [url]}) | body
    if path == "/mcp":
        answer = ask_tool(client, "read_page", {"url": url}, **header)
    else:
        answer = client.post(path, json=given, headers=header)
    assert LATE.search(answer.text), answer.text
    assert not site.released.is_set()


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_ends_in_time(client: httpx.Client, stream: bool) -> None:
    """The chat model is waited for no longer; a stream that has begun ends with its error."""
    asked = {"messages": [{"role": "user", "content": QUESTION}], "stream": stream, "secateurs": {"retrieval": False}}
    answer = client.post("/v1/chat/completions", json=asked, headers={"X-Request-Timeout": "1.5"})
    assert '"code": "chat_model_timeout"' in answer.text
    assert stream == answer.text.endswith("data: [DONE]\n\n")
    assert (200 if stream else 504) == answer.status_code


def test_the_shorter_of_header_and_body_counts(client: httpx.Client, site: Site) -> None:
    """Whichever it is; what neither says is the setting's."""
    body = {"query": QUESTION, "urls": [f"{site.address}/held"], "deadline_ms": 400}
    answer = client.post("/v1/prune", json=body, headers={"X-Request-Timeout": "600"})
    assert LATE.search(answer.text), answer.text
    assert not site.released.is_set()
