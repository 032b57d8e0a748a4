"""The provider searxng against a real SearXNG that asks an engine of ours. `make test-searxng` runs these tests."""

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.search import Found, SearchError, SearchQuery, load_providers
from app.settings import Settings
from tests.app.serving import served

SEEN: list[dict[str, str]] = []


async def find(request: Request) -> JSONResponse:
    """Five pages, others on each page of results."""
    SEEN.append(dict(request.query_params))
    first = 5 * (int(request.query_params["page"]) - 1)
    rows = [
        {"url": f"https://a.org/{n}", "title": f"Page {n}", "content": f"About {n}."} for n in range(first, first + 5)
    ]
    return JSONResponse({"results": rows})


def engine(name: str, address: str, **options: Any) -> dict[str, Any]:
    """An engine in SearXNG's settings."""
    search = f"{address}/find?q={{query}}&page={{pageno}}{{time_range}}{{safe_search}}&lang={{lang}}"
    queries = {"results_query": "results", "url_query": "url", "title_query": "title", "content_query": "content"}
    able = {"paging": True, "time_range_support": True, "safesearch": True, "enable_http": True}
    ranges = {"time_range_url": "&range={time_range_val}"}
    called = {"name": name, "engine": "json_engine", "shortcut": name[:2], "categories": "general"}
    return {**called, "search_url": search, **queries, **able, **ranges, **options}


@contextmanager
def searxng(folder: Path, engines: list[dict[str, Any]], formats: tuple[str, ...] = ("html", "json")) -> Iterator[str]:
    """The address of a SearXNG with these engines alone."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "use_default_settings": {"engines": {"keep_only": []}},
        "server": {"secret_key": "test", "bind_address": "127.0.0.1", "port": port, "limiter": False},
        "search": {"formats": list(formats)},
        "engines": engines,
    }
    path = folder / "settings.yml"
    path.write_text(json.dumps(settings))  # JSON is YAML
    command = [os.environ["SEARXNG_PYTHON"], "-m", "searx.webapp"]
    environment = {**os.environ, "SEARXNG_SETTINGS_PATH": str(path), "PYTHONPATH": ""}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/healthz", process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            if httpx.get(url).is_success:
                return
        except httpx.HTTPError:
            pass
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    pytest.fail(log.read_text())


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    """The address of the engine that SearXNG asks."""
    with served(Starlette(routes=[Route("/find", find)])) as (host, port):
        yield f"http://{host}:{port}"


@pytest.fixture(scope="module")
def server(pages: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A SearXNG with an engine that answers and one that is down."""
    engines = [engine("pages", pages), engine("gone", "http://127.0.0.1:1", time_range_support=False)]
    with searxng(tmp_path_factory.mktemp("searxng"), engines) as url:
        yield url


def ask(url: str, text: str = "what is it", **options: Any) -> Found:
    """What our provider finds there."""

    async def search() -> Found:
        provider = load_providers(Settings(provider="searxng", searxng_url=url))["searxng"]
        try:
            return await provider.search(SearchQuery(text, **options))
        finally:
            await provider.aclose()

    return asyncio.run(search())


def test_results_come_with_what_failed(server: str) -> None:
    """The engine that is down is named beside the other's results."""
    found = ask(server, max_results=3)
    assert [f"https://a.org/{n}" for n in range(3)] == [hit.url for hit in found.hits]
    assert ("Page 0", "About 0.") == (found.hits[0].title, found.hits[0].snippet)
    (note,) = found.degraded
    assert note.startswith("searxng: engines that it asks don't answer: gone (")


def test_options_reach_the_engine(server: str) -> None:
    """Language, time, safe search, the page of the results, and the domains as operators."""
    SEEN.clear()
    query = {"language": "pt-BR", "time_range": "week", "safe_search": "strict", "include_domains": ("a.org",)}
    found = ask(server, page=2, **query)
    assert "https://a.org/5" == found.hits[0].url
    (seen,) = SEEN
    assert ("what is it site:a.org", "2", "strict", "pt") == (seen["q"], seen["page"], seen["filter"], seen["lang"][:2])
    assert seen["range"]


@pytest.mark.parametrize("text", ["!!g what", "!gone what", ":fr what", "<1 what", "what !!"])
def test_a_question_is_no_command(server: str, text: str) -> None:
    """Taken as one, it would be sent to another site, or to the engine that is down alone."""
    assert 5 == len(ask(server, text).hits)


def test_only_engines_that_are_down_are_no_answer(tmp_path: Path) -> None:
    """It is not as if there were nothing."""
    expected = r"^searxng: no results, and engines that it asks don't answer: gone \("
    with (
        searxng(tmp_path, [engine("gone", "http://127.0.0.1:1")]) as url,
        pytest.raises(SearchError, match=expected),
    ):
        ask(url)


def test_one_without_json_says_what_to_set(tmp_path: Path, pages: str) -> None:
    """As SearXNG is installed."""
    with (
        searxng(tmp_path, [engine("pages", pages)], ("html",)) as url,
        pytest.raises(SearchError, match=r"^searxng: it gives no JSON: add `json` to `search.formats`"),
    ):
        ask(url)
    with pytest.raises(SearchError, match=r"^searxng: it can't be reached: "):
        ask(url)
