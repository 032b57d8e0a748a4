"""The cache in front of a store: what it gives back, and that nothing of the store's troubles gets through."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cache import Cache
from app.cache.entries import key_of
from app.store import RedisStore, SqliteStore
from tests.app.cache.stores import DictStore
from tests.app.redis_process import running_redis

LARGEST = 1_000


def run(use: Callable[[Cache], Awaitable[None]], store: DictStore, rest_seconds: float = 1_000.0) -> None:
    """Use a cache within an event loop."""

    async def inside() -> None:
        await use(Cache(store, LARGEST, rest_seconds=rest_seconds))

    asyncio.run(inside())


def test_what_is_set_is_got() -> None:
    """Values come back as they are, under their keys."""

    async def use(cache: Cache) -> None:
        await cache.set({"one": b"1", "two": b""})
        assert {"one": b"1", "two": b""} == await cache.get(["one", "two", "three"])
        await cache.delete("one")
        assert {"two": b""} == await cache.get(["one", "two"])

    run(use, DictStore())


def test_what_is_too_large_is_not_kept() -> None:
    """The others are."""

    async def use(cache: Cache) -> None:
        await cache.set({"fits": bytes(LARGEST), "large": bytes(LARGEST + 1)})
        assert ["fits"] == list(await cache.get(["fits", "large"]))

    run(use, DictStore())


@given(value=st.binary(max_size=50), at=st.integers(0), change=st.integers(1, 255))
def test_a_damaged_value_is_none(value: bytes, at: int, change: int) -> None:
    """One changed byte anywhere, and the value counts as not there."""
    store = DictStore()

    async def use(cache: Cache) -> None:
        await cache.set({"key": value})
        sealed = bytearray(store.values["key"])
        sealed[at % len(sealed)] ^= change
        store.values["key"] = bytes(sealed)
        assert {} == await cache.get(["key"])

    run(use, store)


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(100)])
def test_what_somebody_else_put_there_is_none(sealed: bytes) -> None:
    """Another program's value, or another key's, is not taken for ours."""
    store = DictStore()

    async def use(cache: Cache) -> None:
        await cache.set({"other": b"value"})
        store.values["key"] = sealed
        store.values["moved"] = store.values["other"]
        assert {} == await cache.get(["key", "moved"])

    run(use, store)


def test_a_broken_store_is_no_cache(caplog: pytest.LogCaptureFixture) -> None:
    """No call fails; the store is left alone for a while, and that is said once."""
    store = DictStore()
    store.broken = True

    async def use(cache: Cache) -> None:
        await cache.set({"key": b"value"})
        for _ in range(5):
            assert {} == await cache.get(["key"])
        await cache.delete("key")

    run(use, store)

    assert 1 == store.calls
    assert ["without the cache for now: the store is broken"] == caplog.messages


def test_a_mended_store_is_used_again(caplog: pytest.LogCaptureFixture) -> None:
    """By itself, and that is said once as well."""
    store = DictStore()
    store.broken = True

    async def use(cache: Cache) -> None:
        await cache.get(["key"])
        await cache.get(["key"])
        store.broken = False
        await cache.set({"key": b"value"})
        assert {"key": b"value"} == await cache.get(["key"])

    run(use, store, rest_seconds=0.0)

    assert ["without the cache for now: the store is broken", "the cache works again"] == caplog.messages


def test_a_redis_that_is_killed_in_the_middle(redis_server: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Calls under way and later ones find nothing; once it is back, values are kept again."""

    async def inside() -> None:
        with running_redis(redis_server) as process:
            cache = Cache(RedisStore(process.url, 1_000_000), LARGEST, rest_seconds=0.0)
            await cache.set({"key": b"value"})
            under_way = [asyncio.create_task(cache.get(["key"])) for _ in range(50)]
            await asyncio.sleep(0)
            process.kill()
            assert all(found in ({}, {"key": b"value"}) for found in await asyncio.gather(*under_way))
            assert {} == await cache.get(["key"])
            process.start()
            await cache.set({"key": b"again"})
            assert {"key": b"again"} == await cache.get(["key"])
            await cache.store.aclose()

    asyncio.run(inside())
    assert "the cache works again" == caplog.messages[-1]
    assert 2 == len(caplog.messages)


def test_a_folder_that_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A cache that can't be written is none."""
    (tmp_path / "file").write_text("")

    async def inside() -> None:
        cache = Cache(SqliteStore(tmp_path / "file" / "store.sqlite3", 1_000_000), LARGEST)
        await cache.set({"key": b"value"})
        assert {} == await cache.get(["key"])
        await cache.store.aclose()

    asyncio.run(inside())
    assert 1 == len(caplog.messages)


@given(parts=st.lists(st.text() | st.binary(), max_size=4), others=st.lists(st.text() | st.binary(), max_size=4))
def test_keys_differ_where_their_parts_do(parts: list[str | bytes], others: list[str | bytes]) -> None:
    """Moving a character from one part to the next gives another key."""
    encoded = [
        [part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part for part in some]
        for some in (parts, others)
    ]
    assert (encoded[0] == encoded[1]) == (key_of("kind", *parts) == key_of("kind", *others))


def test_keys_of_two_kinds_differ() -> None:
    """A page's key is no vector's."""
    assert key_of("page", "x") != key_of("vector", "x")
