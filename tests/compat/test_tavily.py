"""Tavily's own client, and LangChain's, with another base URL and nothing else changed."""

from collections.abc import Iterator

import pytest
from langchain_tavily import TavilyExtract, TavilySearch
from tavily import BadRequestError, TavilyClient

from tests.compat.conftest import QUESTION, TEXT


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
    """Pages that only the index has can't be fetched; the result stands without its raw content."""
    found = client.search(QUESTION, include_domains=["secateurs.example"], include_raw_content="text", max_results=1)
    none = client.search(QUESTION, exclude_domains=["secateurs.example"])

    assert [None] == [row["raw_content"] for row in found["results"]]
    assert [] == none["results"]


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
