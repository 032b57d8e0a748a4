"""The provider of fixed URLs, the domains of a query, and providers by name."""

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.search import FixedUrls, Hit, ProviderSettings, SearchError, SearchProvider, SearchQuery, load_provider
from app.search.domains import allows
from app.search.passages import cut, snippet
from pruning.errors import InvalidInput


@pytest.mark.anyio
async def test_fixed_urls_are_answered_in_their_order() -> None:
    """Each once, within the query's domains, as many as asked for."""
    provider: SearchProvider = FixedUrls(["https://a.org/1", "https://b.org/", "https://a.org/1", "https://a.org/2"])
    query = SearchQuery("anything", max_results=2, exclude_domains=("b.org",))
    expected = [Hit(url, title=None, snippet=None) for url in ("https://a.org/1", "https://a.org/2")]
    assert expected == await provider.search(query)
    await provider.aclose()


@pytest.mark.parametrize("url", ["http://[", "file:///a.html", "", "nonsense"])
def test_a_url_without_a_host_is_of_no_domain(url: str) -> None:
    """It is within none that is asked for; what can't be read as a URL is let through by none."""
    assert not allows(SearchQuery("q", include_domains=("a.org",)), url)
    assert (url != "http://[") == allows(SearchQuery("q", exclude_domains=("a.org", "")), url)


def test_a_provider_is_made_by_its_name(tmp_path: Path) -> None:
    """The names that there are stand in the error for one that there isn't."""
    settings = ProviderSettings(index=tmp_path / "index.db")
    assert "local" == load_provider("local", settings).name
    with pytest.raises(InvalidInput, match="no search provider 'bing', only local"):
        load_provider("bing", settings)


def test_a_search_error_is_one_line_and_can_be_pickled() -> None:
    """It names the provider, and when to ask again."""
    error = pickle.loads(pickle.dumps(SearchError("local", "down\nfor now", retry_after=2.5)))
    assert ("local: down for now", "local", 2.5) == (str(error), error.provider, error.retry_after)


def test_a_passage_is_cut_between_words_and_blocks() -> None:
    """Short blocks stand together, long ones are cut; without text there is no passage."""
    long = "word " * 100 + "quince " + "word " * 100
    part = snippet(f"Heading\n{long}", "quince")
    assert part is not None
    assert ({"word", "quince"}, True) == (set(part.split()), len(part) <= 240)
    assert "One Two" == snippet("One\n\nTwo", "nothing of it")
    assert snippet("", "quince") is None


@given(st.text("ab \n修剪", max_size=200), st.integers(2, 30))
def test_cutting_loses_nothing(text: str, characters: int) -> None:
    """All signs but white space stay, in order, and no piece is longer than it may be."""
    pieces = cut(text, characters)
    assert "".join(text.split()) == "".join("".join(pieces).split())
    assert all(0 < len(piece) <= characters for piece in pieces)
