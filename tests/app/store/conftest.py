"""Stores to test: an SQLite file, and a real Redis server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.store import RedisStore, SqliteStore, Store
from tests.app.redis_process import RedisProcess, running_redis

OpenStore = Callable[..., Store]


@pytest.fixture(scope="module")
def redis_process(redis_server: Path) -> Iterator[RedisProcess]:
    """A running server for all tests of a module."""
    with running_redis(redis_server) as process:
        yield process


@pytest.fixture(params=["sqlite", "redis"])
def open_one(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """Opens the test's store, each time anew, as several processes would."""
    if request.param == "sqlite":
        return lambda max_bytes=1_000_000: SqliteStore(tmp_path / "store.sqlite3", max_bytes)
    url = request.getfixturevalue("redis_process").url
    prefix = uuid4().hex
    return lambda max_bytes=1_000_000: RedisStore(url, max_bytes, prefix=prefix)
