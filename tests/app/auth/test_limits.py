"""Rates and quotas: counted together by all that share a store, and what holds while it is down."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from app.auth.keys import Key
from app.auth.limits import KeyLimits
from app.errors import QuotaUnknown, QuotaUsedUp, RateLimited
from app.store import RedisStore, SqliteStore, Store, open_store
from pruning.errors import SecateursError
from tests.app.redis_process import running_redis

NOW = 1_800_000_000.0  # the beginning of a minute


def key(rate: str | None = None, quota: str | None = None, sha256: str = "0" * 64) -> Key:
    """A key with these limits."""
    return Key.model_validate({"name": "one", "sha256": sha256, "created": "2026-01-01", "rate": rate, "quota": quota})


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def with_limits(store: Store, use: Callable[[KeyLimits, Clock], Awaitable[None]], **options: Any) -> None:
    """Use limits within an event loop."""

    async def run() -> None:
        clock = Clock()
        try:
            await use(KeyLimits(lambda: store, clock=clock, **options), clock)
        finally:
            await store.aclose()

    asyncio.run(run())


async def outcome(limits: KeyLimits, asked: Key) -> str:
    """What comes of a request."""
    try:
        await limits.count(asked)
    except SecateursError as error:
        return type(error).__name__
    return "ok"


def test_a_rate(tmp_path: Path) -> None:
    """So many in each minute; the error says when the next one begins."""

    async def use(limits: KeyLimits, clock: Clock) -> None:
        asked = key(rate="3/minute")
        clock.now += 20
        assert ["ok", "ok", "ok", "RateLimited"] == [await outcome(limits, asked) for _ in range(4)]
        with pytest.raises(
            RateLimited, match="the key one has used up its rate of 3/minute; try again in 40 s"
        ) as caught:
            await limits.count(asked)
        assert 40.0 == caught.value.retry_after
        clock.now += 40
        assert "ok" == await outcome(limits, asked)

    with_limits(SqliteStore(tmp_path / "store", 1_000_000), use)


def test_a_quota(tmp_path: Path) -> None:
    """What its rate refuses doesn't use it up; another key has its own, also one of the same name."""

    async def use(limits: KeyLimits, clock: Clock) -> None:
        asked = key(rate="2/minute", quota="3/day")
        assert ["ok", "ok", "RateLimited", "RateLimited"] == [await outcome(limits, asked) for _ in range(4)]
        clock.now += 60
        assert ["ok", "QuotaUsedUp", "RateLimited"] == [await outcome(limits, asked) for _ in range(3)]
        assert asked.quota is not None
        assert 4 == await limits.used(asked, asked.quota)
        assert "ok" == await outcome(limits, key(quota="3/day", sha256="1" * 64))
        clock.now += 60
        with pytest.raises(QuotaUsedUp, match="the key one has used up its quota of 3/day") as caught:
            await limits.count(asked)
        assert 0 < caught.value.retry_after <= 86_400
        clock.now += 86_400
        assert "ok" == await outcome(limits, asked)

    with_limits(SqliteStore(tmp_path / "store", 1_000_000), use)


def test_without_limits_the_store_is_not_asked() -> None:
    """A store that is down is nothing to such a key."""

    async def use(limits: KeyLimits, clock: Clock) -> None:
        assert "ok" == await outcome(limits, key())

    with_limits(RedisStore("redis://127.0.0.1:1/0", 1_000), use)


class Counting:
    """A store that counts how often it is asked."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.asked = 0

    async def add(self, *arguments: Any, **options: Any) -> int:
        """See `Store`."""
        self.asked += 1
        return await self.store.add(*arguments, **options)

    async def aclose(self) -> None:
        """See `Store`."""
        await self.store.aclose()


def test_who_is_refused_costs_the_store_nothing(tmp_path: Path) -> None:
    """A client that hammers on is answered from memory until its window ends."""
    store: Any = Counting(SqliteStore(tmp_path / "store", 1_000_000))

    async def use(limits: KeyLimits, clock: Clock) -> None:
        for _ in range(50):
            await outcome(limits, key(rate="2/minute"))
        assert 3 == store.asked
        clock.now += 60
        assert "ok" == await outcome(limits, key(rate="2/minute"))

    with_limits(store, use)


def _ask(url: str | None, file: Path) -> int:
    async def run() -> int:
        store = open_store(url, file, 1_000_000)
        limits = KeyLimits(lambda: store, clock=lambda: NOW)
        asked = key(rate="1000/minute", quota="50/month")
        outcomes = await asyncio.gather(*(outcome(limits, asked) for _ in range(40)))
        await store.aclose()
        return outcomes.count("ok")

    return asyncio.run(run())


def test_processes_count_together(redis_server: Path, tmp_path: Path) -> None:
    """Of what two processes are asked at once, as much is allowed as the quota says: not one more, not one less."""
    with running_redis(redis_server) as redis, ProcessPoolExecutor(2, get_context("spawn")) as processes:
        for url in (None, redis.url):
            asking = [processes.submit(_ask, url, tmp_path / "store") for _ in range(2)]
            assert 50 == sum(asked.result(timeout=120) for asked in asking)


def test_a_store_that_is_killed(redis_server: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Rates go on by this process's own count, quotas are refused; both are right again when the store is back."""
    caplog.set_level(logging.WARNING, "secateurs")
    with running_redis(redis_server) as process:

        async def use(limits: KeyLimits, clock: Clock) -> None:
            rated, bounded = key(rate="2/minute"), key(quota="9/day", sha256="1" * 64)
            assert ["ok", "ok"] == [await outcome(limits, rated), await outcome(limits, bounded)]
            process.kill()
            assert ["ok", "ok", "RateLimited"] == [await outcome(limits, rated) for _ in range(3)]
            for _ in range(2):
                with pytest.raises(QuotaUnknown, match=r"quotas can't be counted: the store unix://.* can't be used"):
                    await limits.count(bounded)
            process.start()
            clock.now += 60
            assert ["ok", "ok"] == [await outcome(limits, rated), await outcome(limits, bounded)]

        with_limits(open_store(process.url, Path(), 1_000_000), use, rest_seconds=0.0)

    told = [record.getMessage() for record in caplog.records]
    assert 2 == len(told)
    assert told[0].startswith("rates of keys hold for each process alone, and keys with a quota are refused: ")
    assert "keys are counted together again" == told[1]


def test_a_store_that_failed_is_left_alone() -> None:
    """So that it doesn't hold up each request while it is down."""
    store: Any = Counting(RedisStore("redis://127.0.0.1:1/0", 1_000))

    async def use(limits: KeyLimits, clock: Clock) -> None:
        for _ in range(10):
            await outcome(limits, key(rate="100/minute"))
        assert 1 == store.asked

    with_limits(store, use, rest_seconds=1_000.0)
