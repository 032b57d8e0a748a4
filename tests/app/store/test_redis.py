"""The store in Redis, when the server goes away and comes back, and what it leaves there."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from app.store import RedisStore, StoreError
from tests.app.redis_process import RedisProcess, running_redis


@pytest.fixture
def own_redis(redis_server: Path) -> Iterator[RedisProcess]:
    """A server that the test may kill."""
    with running_redis(redis_server) as process:
        yield process


def test_a_server_that_is_killed(own_redis: RedisProcess) -> None:
    """Every call is an error of the store that names the server, until it is back."""

    async def run() -> None:
        store = RedisStore(own_redis.url, 10_000)
        await store.set({"before": b"1"})
        own_redis.kill()
        for call in (store.get(["before"]), store.set({"key": b"2"}), store.add("counter"), store.usage()):
            with pytest.raises(StoreError, match=r"the store unix://.*redis.sock can't be used: "):
                await call
        own_redis.start()
        assert {} == await store.get(["before"])
        await store.set({"after": b"3"})
        assert {"after": b"3"} == await store.get(["after"])
        await store.aclose()

    asyncio.run(run())


def test_a_server_that_refuses(own_redis: RedisProcess) -> None:
    """No memory left is an error too, and reading goes on."""

    async def run() -> None:
        store = RedisStore(own_redis.url, 10_000_000)
        await store.set({"before": b"1"})
        with redis.Redis.from_url(own_redis.url) as admin:
            admin.config_set("maxmemory", "1kb")
            with pytest.raises(StoreError, match="used memory"):
                await store.set({"large": bytes(2_000_000)})
            admin.config_set("maxmemory", "0")
        assert {"before": b"1"} == await store.get(["before", "large"])
        await store.aclose()

    asyncio.run(run())


def test_nothing_is_left_behind(own_redis: RedisProcess) -> None:
    """What was deleted, cleared, thrown out or has expired leaves no key that nobody would ever look at."""

    async def run() -> None:
        store = RedisStore(own_redis.url, 1_000)
        for number in range(50):
            await store.set({str(number): bytes(200)}, seconds=0.01 if number % 2 else 1_000)
        await store.delete(["48"])
        await store.clear()
        await store.aclose()

    asyncio.run(run())

    with redis.Redis.from_url(own_redis.url) as admin:
        assert {b"secateurs:total"} == set(admin.keys())
        assert b"0" == admin.get("secateurs:total")


@pytest.mark.parametrize("gone", ["value:one", "used", "sizes", "total", "ends"])
def test_a_key_that_redis_threw_out_itself(own_redis: RedisProcess, gone: str) -> None:
    """A server with a policy of its own may evict any key: the account heals by itself."""

    async def run() -> None:
        store = RedisStore(own_redis.url, 1_000)
        await store.set({"one": bytes(300), "two": bytes(300)}, seconds=1_000)
        with redis.Redis.from_url(own_redis.url) as admin:
            assert 1 == admin.delete(f"secateurs:{gone}")
        for number in range(10):
            await store.set({str(number): bytes(300)})
        assert (await store.usage()).bytes <= 1_000
        assert {"9": bytes(300)} == await store.get(["9"])
        await store.aclose()

    asyncio.run(run())
