"""Whatever an engine answers, hits come of it or one of our own errors."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from app.search import SearchError, SearchQuery
from app.search.brave import Brave
from app.search.engine import Offers, select
from app.search.exa import Exa
from app.search.over_http import Access, HttpProvider
from app.search.searxng import SearXNG
from app.search.serper import Serper
from app.search.tavily import Tavily

KEY = SecretStr("key")
ENGINES = (Brave(KEY), Serper(KEY), Exa(KEY, pages=True), Tavily(KEY, pages=True), SearXNG())
PROVIDERS = [HttpProvider(engine, Access("http://127.0.0.1:1/")) for engine in ENGINES]
QUERY = SearchQuery("what is it")

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("https://a.org/x")
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
ROW = {name: f"https://a.org/{name}" for name in ("url", "link", "title", "snippet", "content", "description", "text")}
ANSWER: dict[str, Any] = {
    "type": "search",
    "web": {"results": [ROW, ROW]},
    "results": [ROW, ROW],
    "organic": [ROW, ROW],
    "unresponsive_engines": [["google", "timeout"]],
}
PLACES = [(name,) for name in ANSWER] + [
    ("web", "results"),
    ("unresponsive_engines", 0),
    ("unresponsive_engines", 0, 1),
]
PLACES += [(*rows, 1, name) for rows in (("web", "results"), ("results",), ("organic",)) for name in ROW]


def hits_or_error(provider: HttpProvider, answer: bytes) -> None:
    """Read it as the provider does; hits must be fit to be fetched."""
    try:
        found = provider._read(answer, QUERY)
    except SearchError:
        return
    for hit in select(Offers(), QUERY, found.hits):
        assert hit.url.startswith(("http://", "https://"))


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
@given(body=values, place=st.sampled_from(PLACES))
def test_any_answer_gives_hits_or_an_error(provider: HttpProvider, body: Any, place: tuple[Any, ...]) -> None:
    """Any JSON, and a good answer of which one part is something else."""
    hits_or_error(provider, json.dumps(body).encode())
    answer = copy.deepcopy(ANSWER)
    around: Any = answer
    for step in place[:-1]:
        around = around[step]
    around[place[-1]] = body
    hits_or_error(provider, json.dumps(answer).encode())


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
@given(answer=st.binary(max_size=200))
def test_any_bytes_give_hits_or_an_error(provider: HttpProvider, answer: bytes) -> None:
    """What is no JSON at all."""
    hits_or_error(provider, answer)
