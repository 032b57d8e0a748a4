"""Tavily's own client, and LangChain's, with another base URL and nothing else changed."""

from collections import Counter
from collections.abc import Iterator

import pytest
from langchain_tavily import TavilyExtract, TavilySearch
from tavily import BadRequestError, TavilyClient

from app.main import create_app
from app.settings import Settings
from tests.app.serving import served
from tests.compat.conftest import PAGE, QUESTION, TEXT
from tests.site import site_of


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[TavilyClient]:
    """The client."""
    client = TavilyClient("tvly-any", api_base_url=f"{address}/tavily")
    yield client
    client.session.close()


def test_search(client: TavilyClient) -> None:
    """What was kept of each page, as HTML; options that mean nothing here are no error."""
    answer = client.search(QUESTION, max_results=3, search_depth="advanced", topic="general", include_favicon=True)

    assert QUESTION == answer["query"]
    assert 3 == len(answer["results"])
    assert all({"title", "url", "content", "score", "raw_content"} <= row.keys() for row in answer["results"])
    assert any("budget" in row["content"] and "<" in row["content"] for row in answer["results"])
    assert answer["response_time"] > 0


def test_search_with_raw_content_and_domains(client: TavilyClient) -> None:
    """The main content of each page beside what answers the question, of pages that only the index has, too."""
    found = client.search(QUESTION, include_domains=["secateurs.example"], include_raw_content="text", max_results=1)
    none = client.search(QUESTION, exclude_domains=["secateurs.example"])

    (row,) = found["results"]
    assert row["raw_content"].startswith("Secateurs\nThe budget is ")
    assert [] == none["results"]


def test_raw_content_costs_no_second_fetch(settings: Settings) -> None:
    """The search has read the pages; one that can't be had has none."""
    pages = {"/one": PAGE, "/two": "<p>Roses of another garden are cut in week 9."}
    asked: Counter[str] = Counter()
    with site_of(pages, asked) as site:
        urls = tuple(f"{site}/{name}" for name in ("one", "two", "none"))
        changes = {"provider": "urls", "urls": urls, "cache": False, "fetch_ports": (int(site.rpartition(":")[2]),)}
        with served(create_app(settings.model_copy(update=changes))) as (host, port):
            client = TavilyClient("tvly-any", api_base_url=f"http://{host}:{port}/tavily")
            rows = client.search("When are old roses cut?", include_raw_content=True)["results"]
            client.session.close()

    raw = {row["url"].rpartition("/")[2]: row["raw_content"] for row in rows}
    assert f"# Roses\n{TEXT}" in raw["one"]
    assert ("week 9" in raw["two"], None) == (True, raw["none"])
    assert {"/one": 1, "/two": 1} == {path: asked[path] for path in pages}


def test_extract(client: TavilyClient, site: str) -> None:
    """Main content as Markdown or text; what can't be read says why."""
    answer = client.extract([f"{site}/roses", f"{site}/none"])
    (page,), (failed,) = answer["results"], answer["failed_results"]

    assert f"{site}/roses" == page["url"]
    assert f"# Roses\n{TEXT}" in page["raw_content"]
    assert "Home" not in page["raw_content"]
    assert f"{site}/none" == failed["url"]
    assert "404" in failed["error"]
    assert (1, True) == (answer["removed"]["hidden"], answer["response_time"] > 0)


def test_extract_for_a_question(client: TavilyClient, site: str) -> None:
    """Then only what answers it is kept."""
    answer = client.extract(f"{site}/roses", query="When are old roses cut?", format="text", max_tokens=60)

    (page,) = answer["results"]
    assert TEXT in page["raw_content"]
    assert "week 8" not in page["raw_content"]


def test_errors_reach_the_caller(client: TavilyClient) -> None:
    """With our words in their exception."""
    with pytest.raises(BadRequestError, match="time_range"):
        client.search(QUESTION, time_range="fortnight")


def test_langchain(address: str, site: str) -> None:
    """The tools that agents use."""
    about = {"tavily_api_key": "tvly-any", "api_base_url": f"{address}/tavily"}
    found = TavilySearch(max_results=2, **about).invoke({"query": QUESTION})
    read = TavilyExtract(**about).invoke({"urls": [f"{site}/roses"]})

    assert 2 == len(found["results"])
    assert TEXT in read["results"][0]["raw_content"]
