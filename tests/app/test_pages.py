"""Pages that are empty until their scripts have run: what answers hold of them, with a browser and without."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.fetch.errors import BrowserUnavailable
from app.messages import Answer, PruneRequest, SearchRequest
from app.search import Hit
from pruning.document import Page
from tests.app.in_process import Finding, pipeline_with
from tests.site import site_of

SHELL = """<!doctype html><title>Hours</title><noscript>Please enable JavaScript.</noscript><div id="root"></div>
<script>fetch('/data').then(data => data.text()).then(text => { document.querySelector('#root').innerHTML = text; })
</script>"""
ARTICLE = (
    "On Sunday it opens at 10 and closes at 14, but in winter it stays closed, as it does on every public holiday. " * 2
)
CARRYING = SHELL + f'<script type="application/ld+json">{{"@type": "Article", "articleBody": "{ARTICLE}"}}</script>'
PAGES = {
    "/shell": SHELL,
    "/carrying": CARRYING,
    "/data": f"<h1>Hours</h1><p>{ARTICLE}</p>",
    "/good": f"<p>{ARTICLE}</p>",
}
UNDRAWN = "this page is drawn by JavaScript; no browser is configured"


class Drawing:
    """A browser that draws every page so, fails so, or never ends."""

    def __init__(self, outcome: Page | Exception | None) -> None:
        self.outcome = outcome
        self.asked: list[str] = []

    async def render(self, url: str, *, deadline: float | None = None) -> Page:
        self.asked.append(url)
        if self.outcome is None:
            await asyncio.Event().wait()
        if not isinstance(self.outcome, Page):
            raise self.outcome or AssertionError
        return self.outcome

    async def aclose(self) -> None: ...


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A web server with these pages."""
    with site_of(PAGES) as address:
        yield address


def answer(*hits: Hit, browser: Drawing | None = None, **settings: Any) -> Answer:
    """A search that finds these pages; a hit without a snippet is as good as an address that was named."""

    async def ask() -> Answer:
        async with pipeline_with(provider=Finding(*hits), browser=browser, **settings) as pipeline:
            if any(hit.snippet for hit in hits):
                return await pipeline.search(SearchRequest(query="when on Sunday?"))
            return await pipeline.prune(PruneRequest(query="when on Sunday?", urls=tuple(hit.url for hit in hits)))

    return asyncio.run(ask())


def test_without_a_browser_the_result_says_so(site: str) -> None:
    """The page is used as far as it goes."""
    (result,) = answer(Hit(f"{site}/shell", None, None)).results

    assert ("ok", UNDRAWN, "Hours") == (result.status, result.error, result.title)


def test_a_snippet_stands_in_for_a_page_that_nobody_draws(site: str) -> None:
    """It says more than the shell does."""
    (result,) = answer(Hit(f"{site}/shell", None, "Open on Sunday")).results

    assert ("snippet_only", UNDRAWN) == (result.status, result.error)
    assert "Open on Sunday" in result.content


def test_an_article_in_the_page_needs_no_browser(site: str) -> None:
    """It is found where the page's scripts would find it."""
    browser = Drawing(None)
    (result,) = answer(Hit(f"{site}/carrying", None, None), browser=browser).results

    assert ("ok", None) == (result.status, result.error)
    assert "it opens at 10" in result.content
    assert [] == browser.asked


@pytest.mark.parametrize("page", [CARRYING, SHELL.replace("Please", f"<p>{ARTICLE}</p><p>Please")])
def test_a_page_that_is_given_is_read_as_a_fetched_one(page: str) -> None:
    """Its own article counts, from its data or for readers without scripts; no browser is asked for what was given."""
    browser = Drawing(None)

    async def ask() -> Answer:
        async with pipeline_with(browser=browser) as pipeline:
            pages = Page(page, url="https://a.example/"), Page(SHELL, url="https://b.example/")
            return await pipeline.prune(PruneRequest(query="when on Sunday?", pages=pages))

    carrying, empty = asyncio.run(ask()).results
    assert ("ok", None, "Hours") == (carrying.status, carrying.error, carrying.title)
    assert "it opens at 10" in carrying.content
    assert ("ok", None, "") == (empty.status, empty.error, empty.content)
    assert [] == browser.asked


def test_a_page_with_text_needs_no_browser(site: str) -> None:
    """Nobody asks for one."""
    browser = Drawing(None)
    assert None is answer(Hit(f"{site}/good", None, None), browser=browser).results[0].error
    assert [] == browser.asked


@pytest.mark.parametrize("snippet", [None, "Open on Sunday"])
def test_a_browser_that_fails_is_named(snippet: str | None, site: str) -> None:
    """In the result; the snippet or the shell stands in."""
    browser = Drawing(BrowserUnavailable("x", "the browser hung up"))
    (result,) = answer(Hit(f"{site}/shell", None, snippet), browser=browser).results

    assert "this page is drawn by JavaScript; the browser hung up" == result.error
    assert ("snippet_only" if snippet else "ok") == result.status
    assert [f"{site}/shell"] == browser.asked


def test_a_page_that_is_not_drawn_in_time_is_given_up(site: str) -> None:
    """What it is without its scripts stands in for it."""
    (result,) = answer(Hit(f"{site}/shell", None, None), browser=Drawing(None), fetch_seconds=1.0).results

    assert ("ok", "Hours") == (result.status, result.title)
    assert str(result.error).startswith("this page is drawn by JavaScript; ")
    assert "did not arrive in the time" in str(result.error)


def test_other_pages_do_not_wait_for_the_browser(site: str) -> None:
    """Enough good pages end the waiting, and the browser's work."""
    hits = [Hit(f"{site}/good", None, "Open"), Hit(f"{site}/shell", None, "Open on Sunday")]
    good, shell = answer(*hits, browser=Drawing(None), fetch_enough=0.5, fetch_grace_seconds=0.2).results

    assert ["ok", "snippet_only"] == [good.status, shell.status]
    assert "this page is drawn by JavaScript; enough other pages had arrived" in str(shell.error)


def test_a_real_browser_draws_the_page(site: str, chromium: Path) -> None:
    """From the setting to the answer."""
    settings = {"browser_command": f"{chromium} --no-sandbox", "browser_seconds": 60.0, "fetch_seconds": 60.0}
    (result,) = answer(Hit(f"{site}/shell", None, None), deadline_seconds=600.0, **settings).results

    assert ("ok", None, "Hours") == (result.status, result.error, result.title)
    assert "it opens at 10" in result.content
