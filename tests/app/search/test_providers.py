"""Providers by name and by settings, the one of fixed URLs, the domains of a query, passages."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.search import FixedUrls, Found, Hit, ProviderBusy, SearchError, SearchProvider, SearchQuery, load_providers
from app.search.domains import allows
from app.search.passages import cut, snippet
from app.settings import Settings
from pruning.errors import InvalidInput


def named(**settings: Any) -> dict[str, SearchProvider]:
    """The providers that these settings name."""
    return load_providers(Settings(**settings))


@pytest.mark.anyio
async def test_fixed_urls_are_answered_in_their_order() -> None:
    """Each once, within the query's domains, as many as asked for, page by page."""
    urls = ["https://a.org/1", "https://b.org/", "https://a.org/1", "https://a.org/2", "https://a.org/3"]
    provider: SearchProvider = FixedUrls(urls)
    for page, expected in ((1, ["https://a.org/1", "https://a.org/2"]), (2, ["https://a.org/3"]), (3, [])):
        query = SearchQuery("anything", max_results=2, exclude_domains=("b.org",), page=page)
        assert Found([Hit(url, title=None, snippet=None) for url in expected]) == await provider.search(query)
    await provider.aclose()


@pytest.mark.parametrize("url", ["http://[", "file:///a.html", "", "nonsense"])
def test_a_url_without_a_host_is_of_no_domain(url: str) -> None:
    """It is within none that is asked for; what can't be read as a URL is let through by none."""
    assert not allows(SearchQuery("q", include_domains=("a.org",)), url)
    assert (url != "http://[") == allows(SearchQuery("q", exclude_domains=("a.org", "")), url)


def test_all_that_is_set_can_be_named() -> None:
    """The default, the others, and the members of multi, each once."""
    providers = named(
        provider="multi",
        providers=("urls", "brave"),
        multi=("brave", "searxng", "exa", "tavily", "serper", "ddgs"),
        brave_key="b",
        exa_key="e",
        tavily_key="t",
        serper_key="s",
        searxng_url="http://127.0.0.1:8080",
        urls=("https://a.org/",),
    )
    expected = {"multi", "urls", "brave", "searxng", "exa", "tavily", "serper", "ddgs"}
    assert expected == set(providers) == {provider.name for provider in providers.values()}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"provider": "bing"}, "there is no search provider 'bing', only brave, ddgs, exa, local, multi"),
        ({"provider": "brave"}, "the search provider brave needs a key: set SECATEURS_BRAVE_KEY"),
        ({"providers": ("exa",)}, "the search provider exa needs a key: set SECATEURS_EXA_KEY"),
        ({"provider": "serper", "serper_key": ""}, "set SECATEURS_SERPER_KEY"),
        ({"provider": "tavily", "tavily_key": "a\nb"}, "SECATEURS_TAVILY_KEY holds characters that no key has"),
        ({"provider": "tavily", "tavily_key": "schlüssel"}, "SECATEURS_TAVILY_KEY holds characters that no key has"),
        ({"provider": "searxng"}, "needs the address of a server: set SECATEURS_SEARXNG_URL"),
        ({"provider": "urls"}, "needs addresses: set SECATEURS_URLS"),
        ({"provider": "multi"}, "needs two others at least: list them in SECATEURS_MULTI"),
        ({"provider": "multi", "multi": ("local",)}, "needs two others at least"),
        ({"provider": "multi", "multi": ("local", "multi")}, "needs two others at least"),
        ({"provider": "multi", "multi": ("local", "brave")}, "set SECATEURS_BRAVE_KEY"),
    ],
)
def test_what_is_set_wrongly_is_refused_at_start(settings: dict[str, Any], expected: str) -> None:
    """It says what to set."""
    with pytest.raises(InvalidInput) as caught:
        named(**settings)
    assert expected in str(caught.value)


@pytest.mark.parametrize("kind", [SearchError, ProviderBusy])
def test_a_search_error_is_one_line_and_can_be_pickled(kind: type[SearchError]) -> None:
    """It names the provider, and when to ask again."""
    error = pickle.loads(pickle.dumps(kind("local", "down\nfor now", retry_after=2.5)))
    assert (kind, "local: down for now", "local", 2.5) == (type(error), str(error), error.provider, error.retry_after)


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


@pytest.mark.parametrize("options", [{"page": 0}, {"max_results": 0}, {"safe_search": "on"}, {"time_range": "decade"}])
def test_an_option_that_there_is_not_is_refused(options: dict[str, Any]) -> None:
    """By whoever asks for it, before any provider is."""
    with pytest.raises(InvalidInput, match="must be"):
        SearchQuery("q", **options)
