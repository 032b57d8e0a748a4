"""Pages that were seen before: no parsing, no embedding, and the same answer to the last byte."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.cache.vectors import PROBE
from app.messages import Answer, PruneRequest, ReadPage, ReadRequest
from app.parts import open_parts
from app.pipeline import Pipeline
from app.settings import Settings
from pruning.document import Page
from pruning.observe import Event, Observer, unobserved
from tests.app.models.word_server import WordServer
from tests.app.serving import served
from tests.pruning.strategies import ANY_PAGES, QUESTIONS

PAGES = tuple(
    Page(
        f"<h1>{name}</h1><p>The {name} opens at {hour}.</p>" + f"<p>About the {name}.</p>" * 3,
        f"https://a.example/{name}",
    )
    for name, hour in (("museum", 9), ("library", 10))
)


@pytest.fixture(scope="module")
def words() -> Iterator[tuple[WordServer, str]]:
    """An embedding server, which writes down what it is asked."""
    server = WordServer()
    with server.url() as url:
        yield server, url


def answer(url: str, question: str, pages: Sequence[Page], folder: Path | None, hear: Observer = unobserved) -> Answer:
    """A new process's answer, with a cache in a folder or without one; without its times."""
    chosen = Settings(embedder=url, cache=folder is not None, cache_dir=folder)
    request = PruneRequest(query=question, pages=tuple(pages), max_tokens=200, trace=True, citations=True)

    async def inside() -> Answer:
        async with open_parts(chosen, hear) as parts:
            return await Pipeline(parts, chosen, hear).prune(request)

    told = asyncio.run(inside())
    return replace(told, took_ms=0.0, steps=tuple(replace(step, milliseconds=0.0) for step in told.steps))


def test_a_page_seen_before_costs_no_parsing_and_no_embedding(
    words: tuple[WordServer, str], parsed: list[Page], tmp_path: Path
) -> None:
    """Another question about the same pages, after a restart: the model is asked for the question alone."""
    server, url = words
    heard: list[Event] = []
    answer(url, "When does the museum open?", PAGES, tmp_path)
    assert 2 == len(parsed)
    parsed.clear()
    server.bodies.clear()

    answer(url, "When does the library open?", PAGES, tmp_path, heard.append)

    assert [] == parsed
    assert {"When does the library open?", PROBE} == set(server.texts)
    counts = [(event.stage, event.counts) for event in heard if event.kind == "cache"]
    assert [("read", {"hits": 1, "misses": 0})] * 2 == counts[:2]
    assert ("embed", 0) == (counts[2][0], counts[2][1]["misses"])
    assert counts[2][1]["hits"] > 0


def test_without_a_cache_nothing_is_kept(words: tuple[WordServer, str], parsed: list[Page]) -> None:
    """Every request does all of its work."""
    server, url = words
    server.bodies.clear()
    for _ in range(2):
        answer(url, "When does the museum open?", PAGES, None)
    assert 4 == len(parsed)
    assert PROBE not in server.texts
    assert len(server.texts) == 2 * len(set(server.texts))


@pytest.fixture
def site() -> Iterator[tuple[str, list[str]]]:
    """A page that may be kept, and one that fails from the second time on; and what is asked for."""
    asked: list[str] = []

    async def page(request: Request) -> Response:
        asked.append("/page")
        return HTMLResponse(f"<p>The museum opens at {8 + len(asked)}.", headers={"cache-control": "max-age=60"})

    async def stale(request: Request) -> Response:
        asked.append("/fails")
        headers = {"cache-control": "max-age=0"}
        return HTMLResponse("<p>It closes at five.", 200 if asked.count("/fails") == 1 else 500, headers)

    routes = [Route("/page", page), Route("/fails", stale)]
    with served(Starlette(routes=routes)) as (host, port):
        yield f"http://{host}:{port}", asked


def test_fetched_pages_are_kept_and_say_so(site: tuple[str, list[str]], tmp_path: Path) -> None:
    """A page that may be kept is fetched once, until `fresh` asks for it; a server in trouble has its copy stand in."""
    url, asked = site
    chosen = Settings(
        embedder="none", cache_dir=tmp_path, fetch_allowed_hosts=(url.removeprefix("http://"),), deadline_seconds=60
    )
    heard: list[Event] = []

    async def ask(fresh: bool = False) -> Answer:
        request = PruneRequest(query="museum", urls=(f"{url}/page", f"{url}/fails"), fresh=fresh)
        async with open_parts(chosen) as parts:
            return await Pipeline(parts, chosen, heard.append).prune(request)

    answers = [asyncio.run(ask(fresh)) for fresh in (False, False, True, False)]

    kept = [[result.from_cache for result in answer.results] for answer in answers]
    assert [[False, False], [True, True], [False, False], [True, True]] == kept
    assert ["ok", "failed"] == [result.status for result in answers[2].results]
    assert answers[0].results[0].content == answers[1].results[0].content != answers[2].results[0].content
    assert answers[2].results[0].content == answers[3].results[0].content
    stands_in = "fetch: the servers of pages 2 failed; older copies stand in for them"
    assert [False, True, False, True] == [stands_in in answer.degraded for answer in answers]
    hits = [event.counts["hits"] for event in heard if (event.stage, event.kind) == ("fetch", "cache")]
    assert [0, 0, 1, 1, 0, 0, 1, 1] == hits
    assert 2 == asked.count("/page")


def test_pages_that_are_read_are_kept_too(site: tuple[str, list[str]], tmp_path: Path) -> None:
    """Until `fresh` asks for them; in whichever format they are read."""
    url, asked = site
    chosen = Settings(embedder="none", cache_dir=tmp_path, fetch_allowed_hosts=(url.removeprefix("http://"),))

    async def read(fresh: bool) -> ReadPage:
        async with open_parts(chosen) as parts:
            (page,) = await Pipeline(parts, chosen).read(ReadRequest(urls=(f"{url}/page",), fresh=fresh))
            return page

    pages = [asyncio.run(read(fresh)) for fresh in (False, False, True)]

    assert [False, True, False] == [page.result.from_cache for page in pages]
    assert 2 == asked.count("/page")


@settings(max_examples=8)
@given(pages=st.lists(ANY_PAGES, min_size=1, max_size=3), known=st.lists(ANY_PAGES, max_size=1), question=QUESTIONS)
def test_warm_answers_are_cold_answers(
    words: tuple[WordServer, str],
    tmp_path_factory: pytest.TempPathFactory,
    pages: list[str],
    known: list[str],
    question: str,
) -> None:
    """Whatever is in the cache already, all or some of it or nothing: the same bytes, and the same without a cache."""
    _, url = words
    folder = tmp_path_factory.mktemp("cache")
    asked = [Page(html) for html in pages]
    if known:
        answer(url, question, [Page(known[0]), asked[0]], folder)

    first = answer(url, question, asked, folder)

    assert repr(first) == repr(answer(url, question, asked, folder))
    assert repr(first) == repr(answer(url, question, asked, None))
