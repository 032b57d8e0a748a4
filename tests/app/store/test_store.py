"""What every store does, be it SQLite or Redis."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store import RedisStore, SqliteStore, Store, open_store
from app.store.protocol import ENTRY_OVERHEAD
from pruning.errors import InvalidInput
from tests.app.redis_process import RedisProcess
from tests.app.store.conftest import OpenStore


def with_store(store: Store, use: Callable[[Store], Awaitable[None]]) -> None:
    """Use a store within an event loop, and close it."""

    async def run() -> None:
        try:
            await use(store)
        finally:
            await store.aclose()

    asyncio.run(run())


def test_what_is_set_is_got(open_one: OpenStore) -> None:
    """Values come back as they are, for those keys that have one."""
    values = {"one": b"1", "two": bytes(range(256)), "ünï\0 key": b""}

    async def use(store: Store) -> None:
        await store.set(values)
        assert values == await store.get([*values, "three"])
        assert {} == await store.get([])

    with_store(open_one(), use)


def test_values_outlive_the_process(open_one: OpenStore) -> None:
    """What one has set, another one gets."""

    async def put(store: Store) -> None:
        await store.set({"key": b"value"})
        await store.add("counter", 3)

    async def check(store: Store) -> None:
        assert {"key": b"value"} == await store.get(["key"])
        assert 4 == await store.add("counter")

    with_store(open_one(), put)
    with_store(open_one(), check)


def test_the_last_value_counts(open_one: OpenStore) -> None:
    """A value takes the place of the older one, and its room."""

    async def use(store: Store) -> None:
        await store.set({"key": b"long" * 100})
        await store.set({"key": b"short"})
        assert {"key": b"short"} == await store.get(["key"])
        assert (1, 3 + 5 + ENTRY_OVERHEAD) == ((usage := await store.usage()).entries, usage.bytes)

    with_store(open_one(), use)


def test_deleting(open_one: OpenStore) -> None:
    """What is deleted is gone; what is not there can be deleted too."""

    async def use(store: Store) -> None:
        await store.set({"one": b"1", "two": b"2"})
        await store.delete(["one", "three"])
        await store.delete([])
        assert {"two": b"2"} == await store.get(["one", "two"])

    with_store(open_one(), use)


def test_clearing_leaves_counters(open_one: OpenStore) -> None:
    """The values go, a quota that was used up stays used up."""

    async def use(store: Store) -> None:
        await store.set({str(number): b"value" for number in range(2_500)})
        await store.add("counter", 7)
        await store.clear()
        assert (0, 0) == ((usage := await store.usage()).entries, usage.bytes)
        assert 8 == await store.add("counter")

    with_store(open_one(), use)


def test_room_is_made_by_the_least_recently_used(open_one: OpenStore) -> None:
    """The store stays within its bound, and what was used last stays in it."""
    room = 10 * (2 + 100 + ENTRY_OVERHEAD)

    async def use(store: Store) -> None:
        for number in range(10, 25):
            await store.set({str(number): bytes(100)})
            assert (await store.usage()).bytes <= room
        assert [str(number) for number in range(15, 25)] == list(await store.get([str(n) for n in range(10, 25)]))

    with_store(open_one(max_bytes=room), use)


def test_what_fits_nowhere_is_left_out(open_one: OpenStore) -> None:
    """A value larger than the store throws nothing else out, but the older value of its key is out of date."""

    async def use(store: Store) -> None:
        await store.set({"small": b"1", "key": b"2"})
        await store.set({"key": bytes(1_000)})
        assert {"small": b"1"} == await store.get(["small", "key"])

    with_store(open_one(max_bytes=1_000), use)


def test_counters_take_no_room(open_one: OpenStore) -> None:
    """A counter is never thrown out for a value."""

    async def use(store: Store) -> None:
        await store.add("counter", 5)
        for number in range(30):
            await store.set({str(number): bytes(100)})
        assert 5 == await store.add("counter", 0)

    with_store(open_one(max_bytes=1_000), use)


def test_time_to_live(open_one: OpenStore) -> None:
    """A value and a counter with an end go when it comes; others stay."""

    async def use(store: Store) -> None:
        await store.set({"brief": b"1"}, seconds=0.05)
        await store.set({"long": b"2"}, seconds=1_000)
        await store.add("brief", 5, seconds=0.05)
        await store.add("long", 5, seconds=1_000)
        while await store.get(["brief"]) or await store.add("brief", 0) == 5:
            await asyncio.sleep(0.01)
        assert {"long": b"2"} == await store.get(["brief", "long"])
        assert 6 == await store.add("long")
        await store.set({"next": b"3"})
        assert 2 == (await store.usage()).entries

    with_store(open_one(), use)


def test_a_counters_time_begins_once(open_one: OpenStore) -> None:
    """Later additions don't put the end off."""

    async def use(store: Store) -> None:
        await store.add("counter", seconds=0.1)
        while await store.add("counter", seconds=0.1) > 1:
            await asyncio.sleep(0.01)

    with_store(open_one(), use)


def test_counting_together(open_one: OpenStore) -> None:
    """No addition is lost, and no two callers are told the same number."""

    async def use(store: Store) -> None:
        numbers = await asyncio.gather(*(store.add("counter") for _ in range(100)))
        assert list(range(1, 101)) == sorted(numbers)

    with_store(open_one(), use)


STEPS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.none() | st.integers(0, 400)), max_size=30)


@given(steps=STEPS)
def test_survivors_were_used_later_than_victims(redis_process: RedisProcess, steps: Sequence[tuple[str, int]]) -> None:
    """Under Redis as under SQLite: within the bound, and what is left was used after what is gone."""
    most = 1_000

    async def use(store: Store) -> None:
        await store.clear()
        last_use: dict[str, int] = {}
        sizes: dict[str, int] = {}
        for moment, (key, size) in enumerate(steps):
            await asyncio.sleep(0.002)  # the server's clock goes in milliseconds, and readers are users, too
            if size is None:
                if await store.get([key]):
                    last_use[key] = moment
                continue
            await store.set({key: bytes(size)})
            last_use[key], sizes[key] = moment, size
            assert (await store.usage()).bytes <= most
        left = await store.get(list(last_use))
        assert {key: sizes[key] for key in left} == {key: len(value) for key, value in left.items()}
        gone = [last_use[key] for key in last_use.keys() - left.keys()]
        assert max(gone, default=-1) < min((last_use[key] for key in left), default=len(steps))

    with_store(RedisStore(redis_process.url, most, prefix="property"), use)


def test_the_setting_chooses(tmp_path: Path) -> None:
    """A URL is a Redis server's, and without one there is a file."""
    assert isinstance(open_store(None, tmp_path / "file", 1_000), SqliteStore)
    assert isinstance(open_store("redis://localhost", tmp_path / "file", 1_000), RedisStore)


@pytest.mark.parametrize("url", ["http://user:secret@host", "redis.example:6379", "redis://host:x"])
def test_other_addresses_are_refused(url: str, tmp_path: Path) -> None:
    """At the start, in one line that holds no password."""
    with pytest.raises(InvalidInput, match="no address of a Redis server") as caught:
        open_store(url, tmp_path / "file", 1_000)
    assert "secret" not in str(caught.value)
