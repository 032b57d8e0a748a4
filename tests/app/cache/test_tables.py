"""Pages that were read before: not parsed again, and never mistaken for each other."""

import asyncio
from dataclasses import replace

import pytest

from app.cache import Cache, Tables, tables
from pruning import stored
from pruning.document import Limits, Page
from pruning.errors import PageTooLarge
from pruning.observe import Event
from tests.app.cache.stores import DictStore

PAGE = Page("<title>Pears</title><p>Cut in <a href=winter>late winter</a>.", url="https://a.example/pears")


def read(store: DictStore | None, *pages: Page, limits: Limits | None = None, links: bool = False) -> list[Event]:
    """Read pages one after the other, each as it is without a cache; what the observer hears of it."""
    heard: list[Event] = []

    async def inside() -> None:
        reader = Tables(None if store is None else Cache(store, 1_000_000))
        for page in pages:
            table = await reader.read(page, limits or Limits(), links=links, observer=heard.append)
            assert stored.dump(tables.read_page(page, limits, links=links)) == stored.dump(table)

    asyncio.run(inside())
    return heard


def looked_up(heard: list[Event]) -> list[Event]:
    """What was heard of the cache."""
    return [event for event in heard if event.kind == "cache"]


def test_a_page_is_parsed_once(parsed: list[Page]) -> None:
    """The second time its table is read from the cache, and the observer hears of it."""
    store = DictStore()

    heard = read(store, PAGE, PAGE)

    assert [PAGE] * 3 == parsed  # once for the cache, twice by the test itself
    assert [Event("read", "cache", {"hits": hits, "misses": 1 - hits}) for hits in (0, 1)] == looked_up(heard)
    assert [("parse", "started"), ("parse", "finished")] == [(event.stage, event.kind) for event in heard[1:-1]]


def test_without_a_cache(parsed: list[Page]) -> None:
    """Every page is parsed every time, and nothing is looked up."""
    assert ["started", "finished"] * 2 == [event.kind for event in read(None, PAGE, PAGE)]
    assert 4 == len(parsed)


@pytest.mark.parametrize(
    "other",
    [
        replace(PAGE, html=PAGE.html + " "),
        replace(PAGE, html=PAGE.html.encode()),
        replace(PAGE, url=None),
        replace(PAGE, url="https://b.example/pears"),
        replace(PAGE, title="Apples"),
        replace(PAGE, html=PAGE.html.encode(), encoding="utf-16"),
    ],
    ids=["html", "bytes", "no url", "url", "title", "encoding"],
)
def test_another_page_is_another_table(other: Page) -> None:
    """Whatever of a page its table depends on tells it from others."""
    store = DictStore()
    read(store, PAGE, other)
    assert 2 == len(store.values)


def test_links_and_limits_count(parsed: list[Page]) -> None:
    """A table with links is another one; and a page that was read under a larger limit is still too large."""
    store = DictStore()
    read(store, PAGE)
    read(store, PAGE, links=True)
    read(store, PAGE, limits=Limits(depth=20))
    assert 3 == len(store.values)
    with pytest.raises(PageTooLarge):
        read(store, PAGE, limits=Limits(bytes=10))


def test_the_time_limit_does_not_count() -> None:
    """It says nothing about the table, and each request has its own."""
    store = DictStore()
    read(store, PAGE, limits=Limits(seconds=1.5))
    assert [1] == [event.counts["hits"] for event in read(store, PAGE, limits=Limits(seconds=2.5))]


def test_a_value_that_is_no_table(parsed: list[Page]) -> None:
    """Of another version, say: the page is parsed, and the table put in its place."""
    store = DictStore()

    async def put() -> None:
        await Cache(store, 1_000_000).set(dict.fromkeys(store.values, b"another layout"))

    read(store, PAGE)
    asyncio.run(put())
    assert [0, 1] == [event.counts["hits"] for event in looked_up(read(store, PAGE, PAGE))]


def test_an_error_is_not_kept() -> None:
    """A page that could not be read is tried again."""
    store = DictStore()
    for _ in range(2):
        with pytest.raises(PageTooLarge):
            read(store, PAGE, limits=Limits(bytes=10))
    assert {} == store.values
