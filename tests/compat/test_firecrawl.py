"""Firecrawl's own client, with another address and nothing else changed."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from firecrawl import Firecrawl
from firecrawl.v2.types import ScrapeOptions
from firecrawl.v2.utils.error_handler import (
    BadRequestError,
    DNSResolutionError,
    FirecrawlError,
    InternalServerError,
    RequestTimeoutError,
    WebsiteNotSupportedError,
)

from app.main import create_app
from app.settings import Settings
from tests.app.serving import served
from tests.compat.conftest import QUESTION, TEXT


@pytest.fixture(scope="module")
def client(address: str) -> Firecrawl:
    """The client."""
    return Firecrawl(api_key="fc-any", api_url=address)


def post(address: str, path: str, **body: Any) -> httpx.Response:
    """What the service answers to what the client would not send."""
    return httpx.post(f"{address}/v2/{path}", json=body, timeout=60)


def test_scrape(client: Firecrawl, site: str) -> None:
    """Main content in each format, and what the page says of itself."""
    page = client.scrape(f"{site}/roses", formats=["markdown", "html", "rawHtml", "links"])

    assert f"# Roses\n{TEXT}" in (page.markdown or "")
    assert "<h1>Roses</h1>" in (page.html or "")
    assert "Home" not in (page.markdown or "")
    assert "<nav>" in (page.raw_html or "")
    assert [f"{site}/more"] == page.links
    about = page.metadata_typed
    assert ("Roses", "When to cut them.", "en") == (about.title, about.description, about.language)
    assert (f"{site}/roses", f"{site}/roses", 200) == (about.source_url, about.url, about.status_code)
    assert page.warning is None


def test_scrape_by_default_is_markdown(client: Firecrawl, site: str) -> None:
    """With its links, and no other format."""
    page = client.scrape(f"{site}/roses", wait_for=10, mobile=True)

    assert f"[in the book]({site}/more)" in (page.markdown or "")
    assert (None, None, None) == (page.html, page.raw_html, page.links)


def test_parts_of_a_page(client: Firecrawl, site: str) -> None:
    """All of it, or what selectors name; `rawHtml` stays the page as it arrived."""
    whole = client.scrape(f"{site}/roses", only_main_content=False)
    some = client.scrape(
        f"{site}/roses", include_tags=["article"], exclude_tags=["h1"], formats=["markdown", "rawHtml"]
    )
    none = client.scrape(f"{site}/roses", include_tags=["#nothing"])

    assert "Home" in (whole.markdown or "")
    assert (some.markdown or "").startswith(TEXT)
    assert "<nav>" in (some.raw_html or "")
    assert ("", "there is no text on the page where '#nothing' looks") == (none.markdown, none.warning)


def test_highlights_ask_a_question(address: str, site: str) -> None:
    """Then only what answers it is kept."""
    asked = {"type": "highlights", "query": "When are old roses cut?"}
    data = post(address, "scrape", url=f"{site}/roses", formats=[asked], maxTokens=60).json()["data"]

    assert TEXT in data["highlights"]
    assert "week 8" not in data["highlights"]
    assert "markdown" not in data


def test_what_would_change_the_page_is_told(client: Firecrawl, site: str) -> None:
    """Where it is not done."""
    page = client.scrape(f"{site}/roses", headers={"Cookie": "a=b"}, actions=[{"type": "wait", "milliseconds": 1}])

    assert "`actions` are not offered, and were left out; `headers` are not offered, and were left out" == page.warning


def test_search(client: Firecrawl) -> None:
    """What was found, with its snippets."""
    found = client.search(QUESTION, limit=3).web or []

    assert [1, 2, 3] == [row.position for row in found]
    assert all(row.url and row.title and row.description for row in found)


def test_search_with_highlights(client: Firecrawl) -> None:
    """Each page is described by what of it answers the query."""
    listed = client.search(QUESTION, limit=2).web or []
    told = client.search(QUESTION, limit=2, highlights=True).web or []

    assert [row.url for row in listed] == [row.url for row in told]
    assert any("budget" in row.description and len(row.description) > len(listed[0].description) for row in told)


def test_search_and_scrape(client: Firecrawl) -> None:
    """Pages are pruned for the query, in each format; their place is told beside them."""
    options = ScrapeOptions(formats=["markdown", "html", "links"])
    (page, *_) = client.search(QUESTION, limit=2, scrape_options=options).web or []
    (alone, *_) = client.search(QUESTION, limit=2, scrape_options=ScrapeOptions(formats=["markdown"])).web or []

    assert "budget" in page.markdown
    assert "<p>" in page.html
    assert page.metadata.url.startswith("https://secateurs.example/")
    assert page.metadata.title
    assert "budget" in alone.markdown
    assert alone.html is None


@pytest.mark.parametrize("whole", [{"highlights": False}, {"options": {"only_main_content": False}}])
def test_search_and_scrape_without_the_question(client: Firecrawl, whole: dict[str, Any]) -> None:
    """Where the caller says so, pages are read as they are scraped: more of them stays."""
    options = ScrapeOptions(formats=["markdown", "rawHtml"], **whole.get("options", {}))
    (pruned, *_) = client.search(QUESTION, limit=1, scrape_options=ScrapeOptions(formats=["markdown"])).web or []
    (read, *_) = client.search(QUESTION, limit=1, scrape_options=options, highlights=whole.get("highlights")).web or []

    assert pruned.metadata.url == read.metadata.url
    assert "<html" in read.raw_html
    assert "budget" in read.markdown


def test_search_within_a_budget(address: str) -> None:
    """Of all pages together; those of which nothing fits have their snippet."""
    answer = post(address, "search", query=QUESTION, limit=5, maxTokens=120, scrapeOptions={"formats": ["markdown"]})
    rows = answer.json()["data"]["web"]

    assert 5 == len(rows)
    assert 0 < sum(len(row.get("markdown", "").split()) for row in rows) < 120
    assert all(row["description"] for row in rows)


@pytest.mark.parametrize(
    "read", [{"highlights": True}, {"scrapeOptions": {}}, {"scrapeOptions": {"onlyMainContent": False}}]
)
def test_what_was_removed_of_found_pages_is_counted(address: str, read: dict[str, Any]) -> None:
    """Of all together."""
    assert post(address, "search", query=QUESTION, **read).json()["removed"]


def test_search_in_domains_and_time(client: Firecrawl) -> None:
    """What they leave is found."""
    assert 1 == len(client.search(QUESTION, limit=1, include_domains=["secateurs.example"]).web or [])
    assert [] == client.search(QUESTION, exclude_domains=["secateurs.example"], tbs="qdr:y").web


def test_sources_that_are_not_offered_are_named(client: Firecrawl) -> None:
    """Beside the web; alone, they are an error."""
    found = client.search(QUESTION, sources=["web", "news"], categories=["github"], limit=1)

    assert (
        "of the sources only `web` is offered, and news left out; `categories` are not offered, and were left out"
        == (found.warning)
    )
    with pytest.raises(BadRequestError, match="only `web` is offered"):
        client.search(QUESTION, sources=["images"])


@pytest.mark.parametrize("form", ["summary", "screenshot", {"type": "json", "prompt": "x"}, "a" * 99])
def test_formats_that_are_not_offered(address: str, form: Any) -> None:
    """The error says where, and which ones there are."""
    answer = post(address, "scrape", url="https://a.example/", formats=["markdown", form])

    place = "#/formats/1" if isinstance(form, str) else "#/formats/1/type"
    offered = "markdown, html, rawHtml, links, highlights"
    assert (400, False) == (answer.status_code, answer.json()["success"])
    assert f"{place}: must be one of {offered}" == answer.json()["error"]


def test_pages_that_can_not_be_had(client: Firecrawl, site: str, address: str) -> None:
    """Each is the exception that their client has for it."""
    with pytest.raises(InternalServerError, match="the server answers 404"):
        client.scrape(f"{site}/none")
    with pytest.raises(DNSResolutionError):
        client.scrape("http://nowhere.invalid/")
    for private in (
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://localhost/",
    ):
        with pytest.raises(WebsiteNotSupportedError):
            client.scrape(private)
    with pytest.raises(RequestTimeoutError):
        client.scrape(f"{site}/roses", timeout=1)


@pytest.mark.parametrize(
    "url", ["ftp://a.example/x", "file:///etc/passwd", "data:text/html,x", "javascript:alert(1)", "https://", " ", ""]
)
def test_addresses_that_are_none(address: str, url: str) -> None:
    """Only pages of the web are read."""
    answer = post(address, "scrape", url=url)
    assert (400, "#/url: ") == (answer.status_code, answer.json()["error"][:7])


@pytest.mark.parametrize("selector", ["p:::", "div[", ":has(", "*:no-such-thing"])
def test_bad_selectors(client: Firecrawl, site: str, selector: str) -> None:
    """They are told by their own text."""
    with pytest.raises(BadRequestError, match="is no CSS selector"):
        client.scrape(f"{site}/roses", exclude_tags=[selector])


def test_a_timeout_longer_than_is_allowed_is_as_long_as_is(client: Firecrawl, site: str) -> None:
    """Their client asks for five minutes."""
    assert client.scrape(f"{site}/roses", timeout=300_000).markdown


def test_what_is_not_offered_says_so(client: Firecrawl, address: str) -> None:
    """Crawls, maps and the rest; and it is no page that isn't there."""
    with pytest.raises(FirecrawlError, match=r"POST /v2/map is not offered; /v2/scrape and /v2/search are\."):
        client.map("https://a.example/")
    assert 501 == httpx.get(f"{address}/v2/crawl/some-id").status_code


def client_of(tmp_path: Path, **settings: Any) -> AbstractContextManager[Firecrawl]:
    """A client of a service with these settings, without a model."""

    @contextmanager
    def serving() -> Iterator[Firecrawl]:
        chosen = Settings(state_dir=tmp_path, embedder="none", cache=False, fetch_allowed_hosts="127.0.0.1", **settings)
        with served(create_app(chosen)) as (host, port):
            yield Firecrawl(api_key="fc-any", api_url=f"http://{host}:{port}")

    return serving()


@pytest.mark.parametrize("highlights", [None, False])
def test_found_pages_that_can_not_be_had(tmp_path: Path, site: str, highlights: bool | None) -> None:
    """They have no content, and the warning says why; the others stand where they were found."""
    port = int(site.rpartition(":")[2])
    urls = (f"{site}/none", f"{site}/roses")
    options = ScrapeOptions(formats=["markdown", "links"])
    with client_of(tmp_path, provider="urls", urls=urls, fetch_ports=(port,)) as client:
        found = client.search("When are old roses cut?", highlights=highlights, scrape_options=options)

    failed, read = sorted(found.web or [], key=lambda page: hasattr(page, "markdown"))
    assert f"{site}/none" == failed.url
    assert f"{site}/none: the server answers 404 Not Found" in (found.warning or "")
    assert (f"{site}/roses", "When to cut them.") == (
        read.metadata.url,
        read.metadata.description,
    ) or highlights is None
    assert TEXT in read.markdown
    assert read.links is not None


def test_a_search_engine_that_is_down(tmp_path: Path) -> None:
    """It is an error, asked for once, and no empty list."""
    with client_of(tmp_path, provider="searxng", searxng_url="http://127.0.0.1:1") as client:
        with pytest.raises(InternalServerError, match="searxng"):
            client.search(QUESTION)
        with pytest.raises(InternalServerError, match="searxng"):
            client.search(QUESTION, scrape_options=ScrapeOptions(formats=["markdown"]))
