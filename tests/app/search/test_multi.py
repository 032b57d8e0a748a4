"""Several engines at once, over real sockets: what fails of them is named, and what answers counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from app.search import Found, ProviderBusy, SearchError, SearchQuery, load_providers
from app.settings import Settings
from tests.app.search.engine_server import ENGINES, KEY, EngineServer, Reply, Request
from tests.app.search.test_engines import Ask, urls

pytestmark = pytest.mark.anyio
MEMBERS = ("brave", "exa")


@asynccontextmanager
async def opened(**replies: Reply) -> AsyncIterator[Ask]:
    """The provider multi over Brave and Exa, each as it is, or answering so."""
    async with AsyncExitStack() as stack:
        settings = {}
        for name in MEMBERS:
            server = EngineServer(lambda request, name=name: replies.get(name) or ENGINES[name](request))
            settings |= {f"{name}_url": await stack.enter_async_context(server.url()), f"{name}_key": KEY}
        providers = load_providers(Settings(provider="multi", multi=MEMBERS, **settings))
        yield providers["multi"].search
        for provider in providers.values():
            await provider.aclose()


async def test_what_several_find_is_one_answer() -> None:
    """Each page once, with what any of them says of it; what one of them can't do is told."""
    async with opened() as search:
        found = await search(SearchQuery("q", max_results=5, language="de"))
    assert [0, 1, 2, 3, 4] == urls(found)
    assert ("exa: language can't be asked for, so it was left out",) == found.degraded


@pytest.mark.parametrize("reply", [Reply({}, 500), Reply({}, 429, {"retry-after": "900"}), Reply(fault="hang")])
async def test_one_that_fails_is_named(reply: Reply) -> None:
    """The others' results stand, at the deadline at the latest."""
    async with opened(brave=reply) as search:
        found = await search(SearchQuery("q", max_results=3), deadline=asyncio.get_running_loop().time() + 1.5)
    (note,) = found.degraded
    assert ([0, 1, 2], True) == (urls(found), note.startswith("without brave: "))


async def test_an_empty_answer_beside_a_failure_says_so() -> None:
    """It is no answer of two engines that there is nothing."""
    async with opened(brave=Reply({}, 500), exa=Reply({"results": []})) as search:
        found = await search(SearchQuery("q"))
    assert Found([], ("without brave: it fails (status 500)",)) == found


async def test_if_all_fail_each_is_named() -> None:
    """All busy is busy, until the first of them answers again."""
    async with opened(brave=Reply({}, 500), exa=Reply(b"<html>")) as search:
        with pytest.raises(SearchError, match=r"^multi: none of them answers: brave: it fails .*; exa: the answer is"):
            await search(SearchQuery("q"))
    busy = {name: Reply({}, 429, {"retry-after": seconds}) for name, seconds in (("brave", "900"), ("exa", "700"))}
    async with opened(**busy) as search:
        with pytest.raises(ProviderBusy) as caught:
            await search(SearchQuery("q"))
    assert 690 < (caught.value.retry_after or 0) <= 700


async def test_a_search_that_is_given_up_leaves_nothing_running() -> None:
    """Cancelled, it cancels its members."""

    def hang(_: Request) -> Reply:
        asked.set()
        return Reply(fault="hang")

    asked = asyncio.Event()
    server = EngineServer(hang)
    async with server.url() as url:
        settings = Settings(provider="multi", multi=MEMBERS, brave_url=url, brave_key=KEY, exa_url=url, exa_key=KEY)
        providers = load_providers(settings)
        task = asyncio.create_task(providers["multi"].search(SearchQuery("q")))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left = [task for task in asyncio.all_tasks() if "search" in str(task.get_coro())]
        for provider in providers.values():
            await provider.aclose()
    assert [] == [task for task in left if "_serve" not in str(task.get_coro()) and "test_" not in str(task.get_coro())]
