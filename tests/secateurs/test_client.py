"""The client against the service, and against servers that are none or fail."""

import asyncio
import logging
import pickle
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.main import create_app
from app.settings import Settings
from secateurs import Answer, Client, Refused, ServiceError, TimedOut, UnexpectedAnswer, Unreachable
from tests.app.serving import served
from tests.compat.conftest import QUESTION
from tests.needs import ROOT

KEY = "sk-very-secret"
SEEN: list[tuple[str | None, dict[str, Any]]] = []
TIMEOUTS: list[str | None] = []


async def echo(request: Request) -> Response:
    """An empty answer; what was asked is kept."""
    body = await request.json()
    SEEN.append((request.headers.get("authorization"), body))
    TIMEOUTS.append(request.headers.get("x-request-timeout"))
    empty = {"content": "", "tokens": 0, "tokenizer": "tekken", "results": [], "degraded": ["search: nothing found"]}
    return JSONResponse({"query": body["query"], **empty})


async def refuse(request: Request) -> Response:
    """A problem, as the service tells it."""
    problem = {"type": "/problems/x", "title": "Busy", "status": 429, "detail": "Too many at once."}
    return JSONResponse(problem, 429, {"Retry-After": "7"}, media_type="application/problem+json")


async def fail(request: Request) -> Response:
    """What a proxy says when there is nothing behind it."""
    return Response("<html>502", 502, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})


async def other(request: Request) -> Response:
    """Some other server."""
    return JSONResponse({"hello": "world"})


async def page(request: Request) -> Response:
    """Some page."""
    return Response("<html>", media_type="text/html")


async def moved(request: Request) -> Response:
    """Another address."""
    return RedirectResponse("https://elsewhere.example/v1/search", 308)


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    """The address of them all; each is below a path of its own."""
    answers = {"echo": echo, "refuse": refuse, "fail": fail, "other": other, "page": page, "moved": moved}
    routes = [Route(f"/{name}/v1/search", answer, methods=["POST"]) for name, answer in answers.items()]
    with served(Starlette(routes=routes)) as (host, port):
        yield f"http://{host}:{port}"


def asked(client: Client, **options: Any) -> tuple[str | None, dict[str, Any]]:
    """What the server sees of a question."""
    SEEN.clear()
    client.search("q", **options)
    return SEEN[0]


def test_search(address: str) -> None:
    """The question's pages, within the budget; on an event loop, too."""
    client = Client(address)
    answer = client.search(QUESTION, max_results=3, max_tokens=512)
    again = asyncio.run(client.asearch(QUESTION, max_results=3, max_tokens=512))

    assert 0 < answer.tokens <= 512
    assert "budget" in answer.content
    assert 3 == len(answer.results)
    assert all(page.url and page.url.startswith("https://secateurs.example/") for page in answer.kept())
    assert answer.results == again.results


def test_prune(address: str) -> None:
    """Pages that are given; on an event loop, too."""
    pages = [{"html": "<p>Old roses are cut in March.</p>", "url": "https://a.example/"}]
    client = Client(address)
    answer = client.prune("When are roses cut?", pages=pages, max_tokens=100)

    assert "in March" in answer.content
    assert answer.results == asyncio.run(client.aprune("When are roses cut?", pages=pages, max_tokens=100)).results


def test_one_client_in_many_threads_and_event_loops(address: str) -> None:
    """It holds nothing that belongs to one of them; and it can be pickled."""
    client = pickle.loads(pickle.dumps(Client(address)))

    def ask(number: int) -> Answer:
        options = {"max_results": 1, "max_tokens": 100}
        return client.search(QUESTION, **options) if number % 2 else asyncio.run(client.asearch(QUESTION, **options))

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(ask, range(8)))
    assert 1 == len({answer.content for answer in answers})


def test_the_environment_names_the_service(servers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address and its key; what the program says counts more."""
    monkeypatch.setenv("SECATEURS_URL", f"{servers}/echo/")
    monkeypatch.setenv("SECATEURS_API_KEY", f"{KEY}\n")

    assert (f"Bearer {KEY}", {"query": "q"}) == asked(Client())
    assert ("Bearer other", {"query": "q"}) == asked(Client(api_key="other"))
    assert KEY not in repr(Client())


def test_without_a_key_none_is_sent(servers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address as it is pasted from an OpenAI client's settings is one, too."""
    monkeypatch.delenv("SECATEURS_API_KEY", raising=False)
    assert (None, {"query": "q"}) == asked(Client(f"{servers}/echo/v1/"))


def test_a_timeout_is_the_services_deadline(servers: str) -> None:
    """So that it answers with what it has by then; a call can name a shorter one."""
    client = Client(f"{servers}/echo", timeout=2.5)
    assert {"query": "q"} == asked(client)[1]
    assert 700 == asked(client, deadline_ms=700)[1]["deadline_ms"]
    asked(Client(f"{servers}/echo"))
    assert ["2.500", "2.500", None] == TIMEOUTS[-3:]


def test_what_fell_short_is_logged(servers: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody must look for it."""
    with caplog.at_level(logging.WARNING, "secateurs"):
        assert ("search: nothing found",) == Client(f"{servers}/echo").search("q").degraded
    assert [f"{servers}/echo: search: nothing found"] == caplog.messages


@pytest.mark.parametrize(
    ("path", "error", "said"),
    [
        ("refuse", Refused, "answers 429: Too many at once."),
        ("fail", Refused, "answers 502: Bad Gateway"),
        ("moved", Refused, "answers 308: it is at https://elsewhere.example/v1/search"),
        ("none", Refused, "answers 404: Not Found"),
        ("other", UnexpectedAnswer, "is no Secateurs service"),
        ("page", UnexpectedAnswer, "is no Secateurs service"),
    ],
)
def test_errors(servers: str, path: str, error: type[ServiceError], said: str) -> None:
    """Each names the address and says what is wrong; on an event loop, too."""
    client = Client(f"{servers}/{path}", api_key=KEY)
    for ask in (lambda: client.search("q"), lambda: asyncio.run(client.asearch("q"))):
        with pytest.raises(error) as raised:
            ask()
        assert str(raised.value).endswith(said)
        assert f"{servers}/{path}" in str(raised.value)
        assert KEY not in str(raised.value)


def test_when_to_ask_again(servers: str) -> None:
    """Where the service gives seconds; the error can be pickled, as those of other processes must be."""
    with pytest.raises(Refused) as busy:
        Client(f"{servers}/refuse").search("q")
    with pytest.raises(Refused) as down:
        Client(f"{servers}/fail").search("q")
    copy = pickle.loads(pickle.dumps(busy.value))
    assert (429, 7, str(busy.value)) == (copy.status, copy.retry_after, str(copy))
    assert (502, None) == (down.value.status, down.value.retry_after)


def test_a_wrong_option_is_named(address: str) -> None:
    """By the service, which knows them."""
    with pytest.raises(Refused, match="answers 422: #/max_tokenz: ") as raised:
        Client(address).search(QUESTION, max_tokenz=5)
    assert 422 == raised.value.status


def test_a_service_that_asks_for_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same variable gives the service one, and the client the one that it sends."""
    monkeypatch.setenv("SECATEURS_API_KEY", f"{KEY}-of-20-characters")
    monkeypatch.setenv("SECATEURS_KEYS_REQUIRED", "true")
    settings = Settings(state_dir=tmp_path, embedder="none", cache=False)
    pages = [{"html": "<p>Old roses are cut in March."}]
    with served(create_app(settings)) as (host, port):
        url = f"http://{host}:{port}"
        assert "in March" in Client(url).prune("When?", pages=pages).content
        more_than_it_takes = Client(url, timeout=10 * settings.deadline_seconds)
        assert "in March" in more_than_it_takes.prune("When?", pages=pages).content
        with pytest.raises(Refused, match="answers 401: ") as raised:
            Client(url, api_key="another").prune("When?", pages=pages)
    assert 401 == raised.value.status


def test_nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server, and one that accepts and says nothing."""
    with pytest.raises(Unreachable, match=r"^the service at http://127.0.0.1:1 can't be reached: "):
        Client("http://127.0.0.1:1").search("q")
    monkeypatch.setattr("secateurs.client._GRACE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        silent = Client(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.1)
        with pytest.raises(TimedOut, match="does not answer in time"):
            silent.search("q")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"url": "localhost:8000"}, "it must begin with http:// or https://"),
        ({"url": " "}, "it must begin with http:// or https://"),
        ({"url": "http://localhost:port"}, "Invalid port: 'port'"),
        ({"api_key": "ключ"}, "characters that can't stand in a header"),
        ({"api_key": "a\nb"}, "characters that can't stand in a header"),
        ({"timeout": 0}, "at least 0.1 seconds"),
        ({"timeout": float("nan")}, "at least 0.1 seconds"),
        ({"timeout": float("inf")}, "at least 0.1 seconds, and finite"),
    ],
)
def test_what_can_not_be_is_told_at_once(wrong: dict[str, Any], said: str) -> None:
    """And not at the first question."""
    with pytest.raises(ValueError, match=said):
        Client(**wrong)


def test_the_client_stands_alone() -> None:
    """It loads nothing of the service, whose packages a program that only asks can do without."""
    script = "import sys, secateurs; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    heads = {name.split(".")[0] for name in loaded.stdout.split()}
    assert set() == heads & {"app", "fastapi", "langchain_core", "llama_index", "haystack", "lxml", "numpy", "pruning"}


@pytest.mark.parametrize(
    ("module", "package"),
    [("langchain", "langchain_core"), ("llamaindex", "llama_index"), ("haystack", "haystack")],
)
def test_a_missing_extra_says_what_to_install(module: str, package: str) -> None:
    """As it is imported."""
    script = f"import sys; sys.modules['{package}'] = None; import secateurs.{module}"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert f'pip install "secateurs[{module}]"' in ended.stderr.splitlines()[-1]
