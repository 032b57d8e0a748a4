"""DuckDuckGo by the real library ddgs, over a server of ours in DuckDuckGo's place: a form is posted, HTML comes."""

import asyncio
import html
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.search import Found, Hit, ProviderBusy, SearchError, SearchProvider, SearchQuery
from app.search.duckduckgo import DuckDuckGo
from tests.app.search.engine_server import EngineServer, Reply
from tests.needs import ROOT

pytestmark = pytest.mark.anyio
NOTHING = "<div class='no-results'>No  results.</div>"


def result(number: int, url: str | None = None) -> str:
    """One result as DuckDuckGo's page has it."""
    href = html.escape(url or f"https://a.org/{number}")
    return (
        f"<div class='links_main result__body'><h2><a href='{href}'>Page {number}</a></h2>"
        f"<a class='result__snippet' href='{href}'>About <b>{number}</b>.</a></div>"
    )


@asynccontextmanager
async def opened(reply: Reply) -> AsyncIterator[tuple[SearchProvider, EngineServer]]:
    """The provider over a server that answers so in DuckDuckGo's place."""
    server = EngineServer(lambda _: reply)
    async with server.url() as url:
        provider = DuckDuckGo(url=f"{url}/html/")
        yield provider, server
        await provider.aclose()


def page(*parts: str) -> Reply:
    """A page of HTML."""
    return Reply(f"<html><body>{''.join(parts)}</body></html>".encode())


async def test_a_page_of_results_is_read() -> None:
    """Without advertisements, as many as asked for, within the domains."""
    advertisement = result(9, "https://duckduckgo.com/y.js?ad_domain=x")
    results = page(advertisement, result(1), result(2, "https://b.org/"), result(3), result(4))
    query = SearchQuery("apples & pears", max_results=2, exclude_domains=("b.org",), time_range="month", page=2)
    async with opened(results) as (provider, server):
        found = await provider.search(query)
    expected = [Hit(f"https://a.org/{n}", f"Page {n}", f"About {n}.") for n in (1, 3)]
    form = server.seen[0].body
    assert Found(expected) == found
    assert ("apples & pears -site:b.org", "wt-wt", "m", "10") == (form["q"], form["l"], form["df"], form["s"])


@pytest.mark.parametrize(("language", "region", "lost"), [("pt-BR", "br-pt", 0), ("en", "wt-wt", 1)])
async def test_a_language_is_a_region(language: str, region: str, lost: int) -> None:
    """Without one it can't be asked for, nor can safe search by this library; the answer says so."""
    async with opened(page(result(1))) as (provider, server):
        found = await provider.search(SearchQuery("q", language=language, safe_search="strict"))
    assert region == server.seen[0].body["l"]
    assert 1 + lost == len(found.degraded)
    assert "ddgs: safe_search can't be asked for, so it was left out" == found.degraded[0]


async def test_no_results_are_none() -> None:
    """As DuckDuckGo says it."""
    async with opened(page(NOTHING)) as (provider, _):
        assert Found() == await provider.search(SearchQuery("q"))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(b"<body>Select all squares", 202), "takes us for a bot or is asked too often"),
        (Reply(b"<body>Go away", 403), "answers with status 403"),
        (page("A new design"), "page can't be read: a newer release of ddgs"),
        (Reply(b""), "DuckDuckGo's page is empty"),
        (Reply(b" "), "the library ddgs fails; it says: Document is empty"),
        (Reply(fault="reset"), "the library ddgs fails; it says: "),
        (Reply(fault="hang"), "no answer in the time"),
    ],
)
async def test_a_failure_is_never_no_results(reply: Reply, expected: str) -> None:
    """The library itself would not tell them apart."""
    async with opened(reply) as (provider, _):
        until = asyncio.get_running_loop().time() + (0.2 if reply.fault == "hang" else 60)
        with pytest.raises(SearchError, match=f"^ddgs: .*{expected}"):
            await provider.search(SearchQuery("q"), deadline=until)


async def test_after_a_puzzle_it_is_left_alone() -> None:
    """Whoever goes on asking is locked out for longer."""
    async with opened(Reply(b"<body>Select all squares", 202)) as (provider, server):
        for _ in range(3):
            with pytest.raises(ProviderBusy) as caught:
                await provider.search(SearchQuery("q"))
            assert 50 < (caught.value.retry_after or 0) <= 60
    assert 1 == len(server.seen)


async def test_nobody_there_is_an_error() -> None:
    """In the library's words."""
    provider = DuckDuckGo(url="http://127.0.0.1:1/")
    with pytest.raises(SearchError, match=r"^ddgs: the library ddgs fails; it says: "):
        await provider.search(SearchQuery("q"))
    await provider.aclose()


def test_without_the_library_its_extra_is_named() -> None:
    """At start, and by nothing else: the package is optional."""
    script = """
import sys
sys.modules["ddgs"] = None
from app.search import load_providers
from app.settings import Settings
from app.mistakes import Misconfigured
load_providers(Settings(provider="local"))
try:
    load_providers(Settings(provider="ddgs"))
except Misconfigured as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 'SECATEURS_PROVIDER: DuckDuckGo needs the package ddgs: pip install "secateurs[ddgs]"\n' == ran.stdout
