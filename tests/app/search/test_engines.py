"""Each engine's wire format, held against a server that speaks it: what is asked, what is read, what can't be had."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.search import Found, Hit, NotOffered, SearchError, SearchProvider, SearchQuery, load_providers
from app.settings import Settings
from tests.app.search.engine_server import ENGINES, KEY, Answer, EngineServer, Reply, Request

pytestmark = pytest.mark.anyio
each_engine = pytest.mark.parametrize("name", ENGINES)

Ask = Callable[[SearchQuery], Awaitable[Found]]


@asynccontextmanager
async def opened(name: str, answer: Answer | None = None, **settings: Any) -> AsyncIterator[tuple[Ask, EngineServer]]:
    """The provider of this name over a server that speaks its format or answers so, as settings make it."""
    server = EngineServer(answer or ENGINES[name])
    async with server.url() as url:
        keys = {} if name == "searxng" else {f"{name}_key": KEY}
        chosen = {"provider": name, f"{name}_url": url, **keys, **settings}
        provider: SearchProvider = load_providers(Settings(**chosen))[name]
        try:
            yield provider.search, server
        finally:
            await provider.aclose()


def urls(found: Found) -> list[int]:
    """Which of the server's pages were found."""
    return [int(hit.url.rpartition("/")[2]) for hit in found.hits]


@each_engine
async def test_an_engine_is_asked_and_read(name: str) -> None:
    """Its results, the best first, with all that it says of them."""
    async with opened(name) as (search, _):
        found = await search(SearchQuery("the question", max_results=3))
    snippet = "About 0. More < of it." if name == "exa" else "About 0."
    score = 0.5 if name == "tavily" else None
    assert ((), [0, 1, 2]) == (found.degraded, urls(found))
    assert Hit("https://a.org/0", "Page 0", snippet, score=score) == found.hits[0]


@each_engine
async def test_half_a_character_in_a_question_is_no_hindrance(name: str) -> None:
    """A command line and a model's answer can hold one."""
    async with opened(name) as (search, server):
        assert 10 == len((await search(SearchQuery("apples \ud800\n pears"))).hits)
    seen = server.seen[0]
    assert "apples � pears" in {**seen.params, **(seen.body or {})}.values()


@each_engine
async def test_options_go_to_the_engine_or_into_degraded(name: str) -> None:
    """What an engine has no option for is never dropped silently."""
    query = SearchQuery("q", language="pt-BR", time_range="week", safe_search="strict")
    async with opened(name) as (search, server):
        found = await search(query)
    (seen,) = server.seen
    said = {**seen.params, **(seen.body or {})}
    expected = {
        "brave": ({"search_lang": "pt-br", "freshness": "pw", "safesearch": "strict"}, []),
        "searxng": ({"language": "pt-BR", "time_range": "week", "safesearch": "2"}, []),
        "serper": ({"hl": "pt-br", "gl": "br", "tbs": "qdr:w"}, ["safe_search"]),
        "exa": ({"moderation": True}, ["language"]),
        "tavily": ({"time_range": "week"}, ["language", "safe_search"]),
    }[name]
    assert expected[0] == {key: said[key] for key in expected[0]}
    assert [f"{name}: {lost} can't be asked for, so it was left out" for lost in expected[1]] == list(found.degraded)
    assert name != "exa" or said["startPublishedDate"].endswith("Z")


@pytest.mark.parametrize(
    ("language", "expected"), [("ja", "jp"), ("zh-TW", "zh-hant"), ("de-AT", "de"), ("en", "en"), ("pt_br", "pt-br")]
)
async def test_brave_has_codes_of_its_own(language: str, expected: str) -> None:
    """The server refuses others."""
    async with opened("brave") as (search, server):
        await search(SearchQuery("q", language=language))
    assert expected == server.seen[0].params["search_lang"]


@each_engine
async def test_domains_are_asked_for_and_held_to(name: str) -> None:
    """By options or by operators, and what comes all the same is left out."""

    def stubborn(request: Request) -> Reply:
        reply = ENGINES[name](request)
        found = next(value for value in (reply.body.get("web", reply.body)).values() if isinstance(value, list))
        for row, host in zip(found, ("a.org", "www.a.org", "old.a.org", "bada.org"), strict=False):
            key = "link" if name == "serper" else "url"
            row[key] = row[key].replace("a.org", host)
        return reply

    query = SearchQuery("q", max_results=4, include_domains=("a.org", "C.net."), exclude_domains=("old.a.org",))
    async with opened(name, stubborn) as (search, server):
        found = await search(query)
    (seen,) = server.seen
    assert {"https://a.org/0", "https://www.a.org/1"} <= {hit.url for hit in found.hits}
    assert not {"https://old.a.org/2", "https://bada.org/3"} & {hit.url for hit in found.hits}
    said = {**seen.params, **(seen.body or {})}
    if name in {"exa", "tavily"}:
        lists = [value for value in said.values() if isinstance(value, list)]
        assert [["a.org", "c.net"], ["old.a.org"]] == lists
    else:
        assert "q (site:a.org OR site:c.net) -site:old.a.org" == said["q"]


async def test_more_domains_than_fit_are_only_held_to() -> None:
    """And the answer says so; the question itself stays whole."""
    query = SearchQuery("q", include_domains=tuple(f"host{n}.org" for n in range(20)))
    async with opened("brave") as (search, server):
        found = await search(query)
    assert ("q", []) == (server.seen[0].params["q"], found.hits)
    (note,) = found.degraded
    assert "there are more domains than fit into its query" in note


@each_engine
async def test_pages_of_results_follow_each_other(name: str) -> None:
    """No page twice and none left out, whether the engine has pages or not."""
    size = 10
    async with opened(name) as (search, _):
        found = [await search(SearchQuery("q", max_results=size, page=page)) for page in (1, 2)]
    assert list(range(2 * size)) == urls(found[0]) + urls(found[1])


@pytest.mark.parametrize(("name", "page", "most"), [("brave", 11, 5), ("tavily", 3, 10), ("exa", 11, 10)])
async def test_a_page_out_of_reach_is_refused(name: str, page: int, most: int) -> None:
    """Without asking the engine."""
    async with opened(name) as (search, server):
        with pytest.raises(NotOffered, match=f"^{name}: it gives"):
            await search(SearchQuery("q", max_results=most, page=page))
    assert [] == server.seen


@pytest.mark.parametrize(("name", "most"), [("brave", 20), ("tavily", 20)])
async def test_more_results_than_there_are_is_said(name: str, most: int) -> None:
    """As many as the engine gives."""
    async with opened(name) as (search, _):
        found = await search(SearchQuery("q", max_results=30))
    assert (list(range(most)), (f"{name}: it gives {most} results at most",)) == (urls(found), found.degraded)


@pytest.mark.parametrize("text", ["word " * 60, "w" * 450, "ward " * 49 + "x" * 300, "漢" * 401])
@pytest.mark.parametrize("domains", [(), ("a.org", "b.org")])
async def test_a_long_question_is_cut_at_a_word(text: str, domains: tuple[str, ...]) -> None:
    """The server refuses longer ones; the operators stay whole."""
    async with opened("brave") as (search, server):
        found = await search(SearchQuery(text, include_domains=domains))
    sent = server.seen[0].params["q"]
    question = sent.removesuffix(" (site:a.org OR site:b.org)") if domains else sent
    assert (bool(domains), True) == (sent != question, " ".join(text.split()).startswith(question))
    assert {*question.split()} <= {*text.split()} or " " not in text
    assert ("brave: it reads 400 characters and 50 words of a question, so the end was left out",) == found.degraded


@pytest.mark.parametrize(("name", "expected"), [("exa", "<p>About 0.</p>\n<p>More &lt; of it.</p>"), ("tavily", None)])
async def test_a_page_that_is_delivered_is_not_fetched(name: str, expected: str | None) -> None:
    """With the setting, a hit carries its page, as paragraphs; without, it doesn't."""
    async with opened(name, provider_pages=True) as (search, _):
        (hit,) = (await search(SearchQuery("q", max_results=1))).hits
    assert hit.page is not None
    assert ("https://a.org/0", "Page 0") == (hit.page.url, hit.page.title)
    assert (expected or "<p>All of Page 0.</p>") == hit.page.html
    async with opened(name) as (search, _):
        (hit,) = (await search(SearchQuery("q", max_results=1))).hits
    assert hit.page is None


async def test_braves_texts_are_plain() -> None:
    """They come as HTML."""
    row = {
        "url": "https://a.org/",
        "title": "A &amp; B",
        "description": "<strong>1</strong> &lt; 2",
        "page_age": "2026",
    }
    row["extra_snippets"] = ["more &quot;x&quot;"]
    async with opened("brave", lambda _: Reply({"type": "search", "web": {"results": [row]}})) as (search, _):
        found = await search(SearchQuery("q"))
    assert [Hit("https://a.org/", "A & B", '1 < 2 … more "x"', published="2026")] == found.hits


@pytest.mark.parametrize("url", ["javascript:alert(1)", "/relative", "", "http://[", "ftp://a.org/"])
async def test_what_is_no_page_of_the_web_is_no_hit(url: str) -> None:
    """Whatever an engine says."""
    body = {"organic": [{"link": url}, {"link": "https://a.org/1"}]}
    async with opened("serper", lambda _: Reply(body)) as (search, _):
        assert [1] == urls(await search(SearchQuery("q")))


async def test_searxng_that_gives_no_json_says_what_to_set() -> None:
    """Its default settings allow HTML only."""
    async with opened("searxng", lambda _: Reply(b"<!doctype html>403 Forbidden", 403)) as (search, _):
        with pytest.raises(SearchError, match=r"^searxng: it gives no JSON: add `json` to `search.formats`"):
            await search(SearchQuery("q"))


async def test_searxng_whose_engines_are_down_is_not_without_results() -> None:
    """No results are an error then; some are an answer that says so."""
    down = [["google", "timeout"], ["bing", "CAPTCHA"]]
    row = {"url": "https://a.org/1", "title": "", "content": None, "publishedDate": "2026-01-01T00:00:00", "score": 1.5}
    replies = [
        Reply({"results": [], "unresponsive_engines": down}),
        Reply({"results": [row], "unresponsive_engines": down}),
    ]
    async with opened("searxng", lambda _: replies.pop(0)) as (search, _):
        with pytest.raises(SearchError, match=r"no results, and engines .* google \(timeout\), bing \(CAPTCHA\)"):
            await search(SearchQuery("q"))
        found = await search(SearchQuery("q"))
    assert [Hit("https://a.org/1", None, None, 1.5, "2026-01-01T00:00:00")] == found.hits
    assert ("searxng: engines that it asks don't answer: google (timeout), bing (CAPTCHA)",) == found.degraded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!!g what is it", "g what is it"),
        (":de <3 what :fr", "de 3 what fr"),
        ("is !important a:b <br>", "is important a:b br>"),
    ],
)
async def test_a_question_is_no_command_to_searxng(text: str, expected: str) -> None:
    """A word that begins with a sign would choose engines, or lead the search to another site."""
    async with opened("searxng") as (search, server):
        await search(SearchQuery(text))
    assert expected == server.seen[0].params["q"]
