"""The pipeline when its parts fail: a page costs its slot, a model its step, and a provider is an error."""

import asyncio
import http.server
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.cache import tables
from app.clock import FETCH_SHARE, MODELS_SHARE, READ_SHARE
from app.errors import DeadlineExceeded
from app.messages import Answer, CleanRequest, PruneRequest, SearchRequest
from app.models.in_process import NoEmbedder
from app.parts import Parts, open_parts
from app.pipeline import Pipeline
from app.search import Found, Hit, SearchError, SearchQuery
from app.settings import Settings
from pruning import Event, InvalidInput, Page, PageTooLarge
from pruning.document import Limits
from pruning.nodes import NodeTable
from tests.app.holding import PATIENCE, holding
from tests.app.in_process import Finding, pipeline_with
from tests.app.turning import TurnedLoop

# Time that no test waits for.
PATIENT = {"fetch_seconds": 600.0, "deadline_seconds": 3600.0}
GOOD = "<title>Hours</title><h1>Hours</h1><p>Sunday: 10 to 14.</p>"


class Partial(Finding):
    """A provider of which a part is down."""

    async def search(self, query: SearchQuery, *, deadline: float | None = None) -> Found:
        return Found(list(self.hits), ("without brave: down",))


class Hanging(Finding):
    """A provider that never answers."""

    async def search(self, query: SearchQuery, *, deadline: float | None = None) -> Found:
        await asyncio.Event().wait()
        return Found()


class Down(Finding):
    """A provider that is down."""

    async def search(self, query: SearchQuery, *, deadline: float | None = None) -> Found:
        raise SearchError("down", "no connection")


class Slow(NoEmbedder):
    """An embedder that never answers."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    async def similarities(
        self, question: str, passages: Sequence[str], *, deadline: float | None = None
    ) -> np.ndarray:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError


class Wrong(NoEmbedder):
    """An embedder that answers something else than was asked."""

    async def similarities(
        self, question: str, passages: Sequence[str], *, deadline: float | None = None
    ) -> np.ndarray:
        return np.zeros(len(passages) + 1, np.float32)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A web server with good pages, one that comes late, one that does not come, and errors."""

    finish = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = GOOD.encode()
            if self.path == "/slow":
                finish.wait()
            if self.path == "/late":
                finish.wait(0.3)
            good = self.path[:5] in ("/good", "/late")
            self.send_response(200 if good else 404 if self.path == "/robots.txt" else 500)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        finish.set()
        server.shutdown()
        thread.join()


def run(ask: Callable[[Pipeline], Awaitable[Any]], **parts_and_settings: Any) -> Any:
    """What a pipeline with these parts and settings answers."""

    async def inside() -> Any:
        async with pipeline_with(**parts_and_settings) as pipeline:
            return await ask(pipeline)

    with asyncio.Runner(loop_factory=TurnedLoop) as runner:
        return runner.run(inside())


def turned(
    ask: Callable[[Pipeline], Awaitable[Answer]], moment: Callable[[], bool], seconds: float
) -> Callable[[Pipeline], Awaitable[Answer]]:
    """The same, of which so many seconds are over at once when that moment has come; a thread waits for it."""

    async def asking(pipeline: Pipeline) -> Answer:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, TurnedLoop)
        end = loop.time() + seconds
        answer = asyncio.ensure_future(ask(pipeline))
        assert await asyncio.to_thread(moment)
        loop.turn_to(end)
        return await answer

    return asking


def search(query: str = "when on Sunday?", **options: Any) -> Callable[[Pipeline], Awaitable[Answer]]:
    """A search."""
    return lambda pipeline: pipeline.search(SearchRequest(query=query, **options))


def prune(*pages: Page, urls: tuple[str, ...] = ()) -> Callable[[Pipeline], Awaitable[Answer]]:
    """A prune."""
    return lambda pipeline: pipeline.prune(PruneRequest(query="when on Sunday?", pages=pages, urls=urls))


def test_a_hit_with_its_page_is_not_fetched() -> None:
    """A page that came with its hit is read as it is."""
    hit = Hit("https://nowhere.invalid/", "T", "S", page=Page(GOOD))
    answer = run(search(), provider=Finding(hit))

    (result,) = answer.results
    assert ("ok", None, "https://nowhere.invalid/") == (result.status, result.error, result.url)
    assert "10 to 14" in answer.content


def test_hits_without_pages_are_fetched(site: str) -> None:
    """Each failing page costs its own slot: its snippet stands in, or nothing."""
    hits = (
        Hit(f"{site}/good", "Good", "a snippet"),
        Hit(f"{site}/bad", "Bad", "It opens <b>on Sunday</b> at 10 & closes at 14."),
        Hit(f"{site}/worse", "Worse", None),
    )
    answer = run(search(), provider=Finding(*hits))

    good, bad, worse = answer.results
    assert ["ok", "snippet_only", "failed"] == [result.status for result in answer.results]
    assert "<p>Sunday: 10 to 14." in good.content
    assert "It opens &lt;b&gt;on Sunday&lt;/b&gt; at 10 & closes at 14." in bad.content
    assert ("Bad", 2) == (bad.title, bad.id)
    assert "500" in str(bad.error)
    assert ("", 0, None, "Worse") == (worse.content, worse.tokens, worse.score, worse.title)
    assert 'data-source="2"' in answer.content
    assert 'data-source="3"' not in answer.content


def test_an_unreadable_page_costs_its_slot() -> None:
    """A page over a limit fails alone."""
    answer = run(prune(Page("<p>Sunday</p>" * 100), Page(GOOD)), page_bytes=1_000)

    assert ["failed", "ok"] == [result.status for result in answer.results]
    assert "1,000" in str(answer.results[0].error)
    assert "10 to 14" in answer.content


def test_addresses_inside_are_refused() -> None:
    """A request can't have the service fetch from its own network."""
    answer = run(prune(urls=("http://10.0.0.1/", "http://169.254.169.254/latest/meta-data")))
    assert ["failed", "failed"] == [result.status for result in answer.results]


def test_urls_are_fetched(site: str) -> None:
    """Pages may be named instead of given."""
    answer = run(prune(urls=(f"{site}/good", f"{site}/bad")))
    assert ["ok", "failed"] == [result.status for result in answer.results]
    assert ["Hours", None] == [result.title for result in answer.results]


def test_a_provider_that_is_down_is_an_error() -> None:
    """It never looks like finding nothing."""
    with pytest.raises(SearchError, match="no connection"):
        run(search(), provider=Down())
    nothing = run(search(), provider=Finding())
    assert ("", ()) == (nothing.content, nothing.results)


def test_what_a_search_lacks_is_told() -> None:
    """In the answer, and to the observer, once."""
    hit = Hit("https://a.example/", "T", None, page=Page(GOOD))
    heard: list[Event] = []

    def ask(pipeline: Pipeline) -> Awaitable[Answer]:
        pipeline.observer = heard.append
        return search()(pipeline)

    answer = run(ask, provider=Partial(hit))
    assert ("search: without brave: down", "ok") == (answer.degraded[0], answer.results[0].status)
    assert ["without brave: down"] == [
        event.detail for event in heard if (event.stage, event.kind) == ("search", "degraded")
    ]


def test_a_missing_index_is_an_error(tmp_path: Path) -> None:
    """So is the local provider without an index."""
    with pytest.raises(SearchError, match="secateurs index"):
        run(search(), state_dir=tmp_path)


def test_no_more_hits_than_asked_for() -> None:
    """A provider that finds more than asked for is cut."""
    hits = [Hit(f"https://a.example/{n}", None, None, page=Page(GOOD)) for n in range(5)]
    assert 2 == len(run(search(max_results=2), provider=Finding(*hits)).results)


@pytest.mark.parametrize(("failing", "why"), [(Slow, "in the time"), (Wrong, "no usable score")])
def test_a_failing_embedder_degrades_visibly(failing: Callable[[], NoEmbedder], why: str) -> None:
    """BM25 ranks then, and the answer says why."""
    ask, embedder = prune(Page(GOOD)), failing()
    if isinstance(embedder, Slow):
        ask = turned(ask, partial(embedder.asked.wait, PATIENCE), MODELS_SHARE * 30)
    answer = run(ask, embedder=embedder, deadline_seconds=30.0)

    (degraded,) = answer.degraded
    assert why in degraded
    assert "bm25" == answer.steps[0].model
    assert "10 to 14" in answer.content


def test_a_model_that_does_not_exist_degrades_visibly() -> None:
    """The service answers without its model, and is not ready."""

    async def ask(pipeline: Pipeline) -> tuple[Answer, str]:
        pipeline.parts.start_loading()
        await pipeline.parts.loaded()
        answer = await pipeline.prune(PruneRequest(query="Sunday", pages=(Page(GOOD),)))
        return answer, pipeline.parts.not_ready_because

    async def inside() -> tuple[Answer, str]:
        settings = Settings(embedder="/nowhere/model")
        async with open_parts(settings) as parts:
            return await ask(Pipeline(parts, settings))

    answer, reason = asyncio.run(inside())
    assert "the embedding model can't be loaded; the log says why" == reason
    assert "/nowhere/model" in answer.degraded[0]
    assert "10 to 14" in answer.content


def test_an_embedding_server_that_is_down_degrades_visibly() -> None:
    """The same for a model behind HTTP."""

    async def inside() -> Answer:
        settings = Settings(embedder="http://127.0.0.1:9/v1/embeddings")
        async with open_parts(settings) as parts:
            return await Pipeline(parts, settings).prune(PruneRequest(query="Sunday", pages=(Page(GOOD),)))

    answer = asyncio.run(inside())
    assert "127.0.0.1:9" in answer.degraded[0]
    assert "10 to 14" in answer.content


def test_a_provider_that_hangs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not hang the request, and the error says who it was."""
    monkeypatch.setattr("app.pipeline.SEARCH_SHARE", 0.001)
    with pytest.raises(SearchError, match=r"found: no answer within the 0\.06 s"):
        run(search(), provider=Hanging(), deadline_seconds=60.0)


def test_the_deadline_ends_a_request() -> None:
    """Where nothing can stand in for what is late, the request has failed."""
    with pytest.raises(DeadlineExceeded, match=r"1e-06 s"):
        run(prune(Page(GOOD)), deadline_seconds=1e-6)


def test_a_request_may_ask_for_less_time() -> None:
    """`deadline_ms` counts: what has not come within its share of it is not waited for."""
    with holding() as site:
        hit = Hit(f"{site.address}/", None, "It opens on Sunday at 10.")
        is_asked = partial(site.asked.acquire, timeout=PATIENCE)
        late = run(turned(search(deadline_ms=30_000), is_asked, FETCH_SHARE * 30), provider=Finding(hit))

    (result,) = late.results
    assert ("snippet_only", True) == (result.status, "did not arrive in the time" in str(result.error))
    assert "Sunday at 10" in late.content


def test_a_request_may_not_ask_for_more_time() -> None:
    """Not for more than the service allows, which is told."""
    with pytest.raises(InvalidInput, match=r"deadline_ms is 60001; this service allows at most 60000"):
        run(search(deadline_ms=60_001), provider=Finding())


def test_the_answer_goes_when_enough_pages_have_arrived(site: str) -> None:
    """Whoever is still on its way then is cut short, and says why; what it had to say stands in its snippet."""
    hits = [Hit(f"{site}/slow", "Slow", "Slowly, on Sunday")] + [Hit(f"{site}/good?{n}", None, None) for n in range(9)]
    answer = run(search(), provider=Finding(*hits), fetch_enough=0.9, fetch_grace_seconds=0.0, **PATIENT)

    slow, *others = answer.results
    assert ("snippet_only", {"ok"}) == (slow.status, {result.status for result in others})
    assert str(slow.error).endswith("enough other pages had arrived, so this one was not waited for")
    assert "<p>Slowly, on Sunday" in answer.content


def test_pages_that_failed_are_not_enough(site: str) -> None:
    """Errors come fast; the good page behind them is waited for."""
    hits = [Hit(f"{site}/{name}", None, None) for name in ("bad1", "bad2", "late")]
    answer = run(search(), provider=Finding(*hits), fetch_enough=0.1, fetch_grace_seconds=0.0)
    assert ["failed", "failed", "ok"] == [result.status for result in answer.results]


def test_who_names_pages_wants_each_of_them(site: str) -> None:
    """Addresses that a caller gives are waited for, however many others have arrived."""
    urls = (f"{site}/good", f"{site}/late")
    answer = run(prune(urls=urls), fetch_enough=0.1, fetch_grace_seconds=0.0)
    assert ["ok", "ok"] == [result.status for result in answer.results]


def test_a_page_that_is_read_slowly_costs_its_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading ends with its share of the time, which the thread is told, and what was read by then is used."""
    read, good_is_read, over = tables.read_page, threading.Event(), threading.Event()
    allowed: list[float] = []

    def read_page(page: Page, limits: Limits, *, links: bool) -> NodeTable:
        if page.html != GOOD:
            allowed.append(limits.seconds)
            over.wait(PATIENCE)
        return read(page, limits, links=links)

    def hear(event: Event) -> None:
        if (event.stage, event.kind) == ("parse", "finished"):
            good_is_read.set()

    def ask(pipeline: Pipeline) -> Awaitable[Answer]:
        pipeline.observer = hear
        return turned(search(deadline_ms=30_000), partial(good_is_read.wait, PATIENCE), READ_SHARE * 30)(pipeline)

    monkeypatch.setattr(tables, "read_page", read_page)
    hits = [Hit(f"https://{n}.example/", None, "closed", page=Page(html)) for n, html in enumerate(("<p>Slow", GOOD))]
    try:
        answer = run(ask, provider=Finding(*hits), cache=False, page_seconds=600.0)
    finally:
        over.set()

    assert ["snippet_only", "ok"] == [result.status for result in answer.results]
    assert "in the time that the request has" in str(answer.results[0].error)
    assert 0 < allowed[0] <= READ_SHARE * 30


def test_what_several_pages_say_stands_in_the_answer_once() -> None:
    """The better-ranked page stays; the other one's result names it."""
    text = " ".join(f"On Sunday it is open from {hour} to {hour + 4}." for hour in range(40))
    mirrors = [Hit(f"https://{host}.example/", None, None, page=Page(f"<p>{text}")) for host in ("a", "b")]
    answer = run(search(), provider=Finding(*mirrors))

    assert [(None, True), (1, False)] == [(result.duplicate_of, bool(result.content)) for result in answer.results]
    assert [1, "ok"] == [answer.content.count("from 17 to 21"), answer.results[1].status]


def test_an_answer_without_any_page_says_why(site: str) -> None:
    """All pages failing is told, with what stands in for them."""
    hits = Hit(f"{site}/bad", None, None), Hit(f"{site}/worse", None, "a snippet")
    some, none = run(search(), provider=Finding(*hits)), run(prune(urls=(f"{site}/bad",)))

    first = "fetch: none of the 2 pages could be had, see their errors; 1 search snippets stand in"
    assert first == some.degraded[0]
    assert "fetch: none of the 1 pages could be had, see their errors; nothing stands in for them" == none.degraded[0]


def test_a_budget_too_small_for_anything_is_told() -> None:
    """An empty answer never comes without a word."""
    answer = run(lambda pipeline: pipeline.prune(PruneRequest(query="Sunday", pages=(Page(GOOD),), max_tokens=1)))
    assert ("", "fit: no part of the pages fits into max_tokens=1; the answer is empty") == (
        answer.content,
        answer.degraded[0],
    )


def test_a_cancelled_request_is_not_a_deadline() -> None:
    """Who cancels is told so, not that time is over."""

    async def ask(pipeline: Pipeline) -> None:
        task = asyncio.create_task(pipeline.search(SearchRequest(query="q")))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(ask, provider=Hanging())


def test_clean_raises_what_is_wrong_with_the_page() -> None:
    """A page by itself has no slot that could fail."""
    with pytest.raises(PageTooLarge):
        run(lambda pipeline: pipeline.clean(CleanRequest(page=Page("x" * 2_000))), page_bytes=1_000)


def test_the_observer_hears_of_every_stage(site: str) -> None:
    """Each started and finished, also those that are part of another; whoever else is asked answers."""
    heard: list[Event] = []

    async def inside() -> None:
        settings = Settings(embedder="none", fetch_allowed_hosts=("127.0.0.1",), cache=False)
        async with open_parts(settings) as parts:
            parts.providers = {"local": Finding(Hit(f"{site}/good", None, None))}
            await Pipeline(parts, settings, heard.append).search(SearchRequest(query="Sunday"))

    asyncio.run(inside())
    for kind in ("started", "finished"):
        told = [event.stage for event in heard if event.kind == kind]
        assert ["embed", "fetch", "fit", "parse", "read", "search"] == sorted(told)
    assert [("web", "asked"), ("web", "answered")] == [
        (event.stage, event.kind) for event in heard if event.stage == "web"
    ]
    assert ["embed"] == [event.stage for event in heard if event.kind == "degraded"]


def test_parts_are_made_as_the_settings_name_them() -> None:
    """An unknown provider is refused at the start."""

    async def inside() -> None:
        Parts(Settings(provider="nobody"))

    with pytest.raises(ValueError, match="nobody"):
        asyncio.run(inside())
