"""How hosts are paced, and who we say we are."""

import asyncio
from collections.abc import Sequence

import anyio
import httpx
import pytest

from app.fetch import Fetcher, FetchLimits, FetchTimeout, Guard, Manners
from app.fetch import manners as module
from app.fetch.manners import user_agent
from app.fetch.transport import GuardedTransport
from pruning.document import Page
from tests.app.fetch.conftest import PAGE, Site, all_of, answer

pytestmark = pytest.mark.anyio


async def to_loopback(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


NAMES = ("a.test", "b.test", "c.test")
GUARD = Guard(allowed_hosts=frozenset(NAMES), resolver=to_loopback)


class Gate:
    """Answers when it is opened, and knows how many wait for it at once."""

    def __init__(self) -> None:
        self.waiting = 0
        self.most = 0
        self.opened = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await self.opened.wait()
        self.waiting -= 1
        writer.write(answer(PAGE))

    async def has(self, waiting: int) -> None:
        """Wait until so many wait, and see whether one more comes."""
        while self.waiting < waiting:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)


async def test_a_slow_host_takes_its_few_places_and_no_others(site: Site) -> None:
    """While ten pages of one host hang, another host's page comes at once; then the ten come, three at a time."""
    gate = Gate()
    site.answers = {f"/{number}": gate for number in range(10)} | {"/quick": answer(PAGE)}
    async with Fetcher(GUARD, manners=Manners(robots=False, per_host=3)) as fetcher:
        slow = asyncio.create_task(all_of(fetcher, [f"http://a.test:{site.port}/{number}" for number in range(10)]))
        await gate.has(3)
        assert PAGE == (await fetcher.fetch(f"http://b.test:{site.port}/quick")).html
        gate.opened.set()
        assert [PAGE] * 10 == [page.html for page in await slow if isinstance(page, Page)]
    assert 3 == gate.most


async def test_there_is_a_most_for_all_hosts_together(site: Site) -> None:
    """With many hosts as well, no more than so many requests are under way."""
    gate = Gate()
    site.answers["/"] = gate
    async with Fetcher(GUARD, manners=Manners(robots=False, connections=2)) as fetcher:
        task = asyncio.create_task(all_of(fetcher, [f"http://{name}:{site.port}/" for name in NAMES]))
        await gate.has(2)
        gate.opened.set()
        assert [Page] * 3 == [type(page) for page in await task]
    assert 2 == gate.most


async def test_who_waits_for_a_host_waits_on_its_own_time(site: Site) -> None:
    """A page that has not had its turn at the deadline is a timeout, and its place is not lost."""
    gate = Gate()
    site.answers = {"/slow": gate, "/next": answer(PAGE)}
    async with Fetcher(GUARD, manners=Manners(robots=False, per_host=1)) as fetcher:
        slow = asyncio.create_task(fetcher.fetch(f"http://a.test:{site.port}/slow"))
        await gate.has(1)
        with pytest.raises(FetchTimeout):
            await fetcher.fetch(f"http://a.test:{site.port}/next", deadline=anyio.current_time() + 0.05)
        assert ["/slow"] == [path for path, _ in site.requests]
        gate.opened.set()
        await slow
        assert PAGE == (await fetcher.fetch(f"http://a.test:{site.port}/next")).html


async def starts(site: Site, fetcher: Fetcher) -> list[float]:
    """How long after the beginning three pages of one host were asked for.

    A busy machine can only be late: none is asked for before it may be, though two may come nearer to each other.
    """
    begun = anyio.current_time()
    moments: list[float] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        moments.append(anyio.current_time() - begun)
        writer.write(answer(PAGE))

    site.answers |= {f"/{number}": note for number in range(3)}
    pages = await all_of(fetcher, [f"http://a.test:{site.port}/{number}" for number in range(3)])
    assert [Page] * 3 == [type(page) for page in pages]
    return moments


async def test_a_delay_lies_between_the_starts_at_one_host(site: Site) -> None:
    """However many places the host has."""
    async with Fetcher(GUARD, manners=Manners(robots=False, host_delay=0.1)) as fetcher:
        moments = await starts(site, fetcher)
    assert all(moment > 0.099 * before for before, moment in enumerate(moments))


@pytest.mark.parametrize("asked", [0.1, 3600])
async def test_a_crawl_delay_is_obeyed_up_to_a_bound(asked: float, site: Site) -> None:
    """What the site's robots.txt asks for, and where that is an hour, what the setting allows."""
    site.answers["/robots.txt"] = answer(f"User-agent: *\nCrawl-delay: {asked}\n".encode(), "text/plain")
    async with Fetcher(GUARD, FetchLimits(seconds=30.0), Manners(crawl_delay=0.1)) as fetcher:
        moments = await starts(site, fetcher)
    assert all(moment > 0.099 * before for before, moment in enumerate(moments))


async def test_hosts_that_nobody_asks_any_more_are_forgotten(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that runs for months does not remember every host that it has seen."""
    monkeypatch.setattr(module, "MOST_HOSTS", 5)
    site.answers["/"] = answer(PAGE)
    names = [f"host-{number}.test" for number in range(20)]
    guard = Guard(allowed_hosts=frozenset(names), resolver=to_loopback)
    paced = module.PacedTransport(GuardedTransport(guard), Manners())
    for name in names:
        response = await paced.handle_async_request(httpx.Request("GET", f"http://{name}:{site.port}/"))
        await response.aclose()
    await paced.aclose()
    assert 5 >= len(paced._hosts)


def test_the_user_agent_names_a_contact() -> None:
    """Whoever wonders who fetches their pages finds an address."""
    assert user_agent("https://example.org/bot").endswith(" (+https://example.org/bot)")
    assert " " not in user_agent()
