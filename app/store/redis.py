"""The store in Redis, shared by the processes of many machines.

Scripts keep the account of what is in it, since Redis itself bounds all its databases together or nothing. They name
keys that no parameter names, so it takes a single server, not a cluster.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.store.protocol import ENTRY_OVERHEAD, StoreError, Usage
from pruning.errors import InvalidInput, reason

PREFIX = "secateurs"
# A cache that takes longer is worse than none.
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 3.0
# What has expired is taken off the account, so many at a time.
EXPIRED_AT_ONCE = 100

# `used` and `ends` are sorted sets of keys by when they were used last and when they expire, in milliseconds of the
# server's clock; `sizes` and `total` are what they take. Redis may evict any key by a policy of its own: where that was
# a value, the account is right again once its turn to go comes; where it was `used` or `sizes`, all begins anew.
_HEAD = """
local prefix = ARGV[1]
local used, ends, sizes, total = prefix .. ':used', prefix .. ':ends', prefix .. ':sizes', prefix .. ':total'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function forget(key)
    local size = redis.call('HGET', sizes, key)
    redis.call('DEL', prefix .. ':value:' .. key)
    if size then
        redis.call('DECRBY', total, size)
        redis.call('HDEL', sizes, key)
        redis.call('ZREM', used, key)
        redis.call('ZREM', ends, key)
    end
end
"""
_GET = f"""{_HEAD}
local found = {{}}
for i = 2, #ARGV do
    found[i - 1] = redis.call('GET', prefix .. ':value:' .. ARGV[i])
    if found[i - 1] then redis.call('ZADD', used, 'XX', now, ARGV[i]) end
end
return found
"""
_SET = f"""{_HEAD}
local most, milliseconds = tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('SETNX', total, 0)
if redis.call('ZCARD', used) ~= redis.call('HLEN', sizes) then
    for _, key in ipairs(redis.call('HKEYS', sizes)) do redis.call('DEL', prefix .. ':value:' .. key) end
    for _, key in ipairs(redis.call('ZRANGE', used, 0, -1)) do redis.call('DEL', prefix .. ':value:' .. key) end
    redis.call('DEL', used, ends, sizes)
    redis.call('SET', total, 0)
end
for _, key in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, {EXPIRED_AT_ONCE})) do forget(key) end
for i = 4, #ARGV, 2 do
    local key, value = ARGV[i], ARGV[i + 1]
    local size = #key + #value + {ENTRY_OVERHEAD}
    forget(key)
    if size <= most then
        redis.call('SET', prefix .. ':value:' .. key, value)
        redis.call('HSET', sizes, key, size)
        redis.call('INCRBY', total, size)
        redis.call('ZADD', used, now, key)
        if milliseconds > 0 then
            redis.call('PEXPIRE', prefix .. ':value:' .. key, milliseconds)
            redis.call('ZADD', ends, now + milliseconds, key)
        end
    end
end
while tonumber(redis.call('GET', total)) > most do forget(redis.call('ZRANGE', used, 0, 0)[1]) end
"""
_DELETE = f"""{_HEAD}
for i = 2, #ARGV do forget(ARGV[i]) end
"""
_CLEAR = f"""{_HEAD}
for _, key in ipairs(redis.call('ZRANGE', used, 0, ARGV[2] - 1)) do forget(key) end
return redis.call('ZCARD', used)
"""
_ADD = f"""{_HEAD}
local counter = prefix .. ':counter:' .. ARGV[2]
local value = redis.call('INCRBY', counter, ARGV[3])
if tonumber(ARGV[4]) > 0 and redis.call('PTTL', counter) < 0 then redis.call('PEXPIRE', counter, ARGV[4]) end
return value
"""
# Keys that one script forgets; meanwhile nobody else is served.
_CLEARED_AT_ONCE = 1_000


class RedisStore:
    """A `Store` in Redis; used from one event loop."""

    def __init__(self, url: str, max_bytes: int, *, prefix: str = PREFIX) -> None:
        """Name the server; nothing is sent yet.

        Args:
            url: `redis://`, `rediss://` for TLS or `unix://`, with user, password and number of the database.
            max_bytes: of all entries, as `cost` counts them; Redis takes about a third more memory for small ones.
            prefix: of all keys; stores with different ones don't see each other.

        Raises:
            InvalidInput: the URL is none of Redis.
        """
        self._name = _without_password(url)
        self._max_bytes = max_bytes
        self._prefix = prefix
        try:
            self._client = redis.asyncio.Redis.from_url(
                url,
                socket_connect_timeout=CONNECT_SECONDS,
                socket_timeout=ANSWER_SECONDS,
                retry=Retry(NoBackoff(), 1),  # a kept connection may be one to a server that was restarted
            )
        except ValueError as error:
            raise InvalidInput(f"{self._name} is no address of a Redis server: {reason(error)}") from None
        scripts = {"get": _GET, "set": _SET, "delete": _DELETE, "clear": _CLEAR, "add": _ADD}
        self._scripts = {name: self._client.register_script(script) for name, script in scripts.items()}

    def __str__(self) -> str:
        return self._name

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """See `Store`."""
        values = await self._ask("get", *keys) if keys else []
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    async def set(self, values: Mapping[str, bytes], *, seconds: float | None = None) -> None:
        """See `Store`."""
        if values:
            pairs = (part for pair in values.items() for part in pair)
            await self._ask("set", self._max_bytes, _milliseconds(seconds), *pairs)

    async def delete(self, keys: Sequence[str]) -> None:
        """See `Store`."""
        await self._ask("delete", *keys)

    async def add(self, key: str, amount: int = 1, *, seconds: float | None = None) -> int:
        """See `Store`."""
        return int(await self._ask("add", key, amount, _milliseconds(seconds)))

    async def clear(self) -> None:
        """See `Store`."""
        while await self._ask("clear", _CLEARED_AT_ONCE):
            pass

    async def usage(self) -> Usage:
        """See `Store`."""
        with self._errors():
            entries = await self._client.zcard(f"{self._prefix}:used")
            size = await self._client.get(f"{self._prefix}:total")
        return Usage(entries=entries, bytes=int(size or 0))

    async def aclose(self) -> None:
        """See `Store`."""
        await self._client.aclose()

    async def _ask(self, script: str, *arguments: str | bytes | int) -> Any:
        with self._errors():
            return await self._scripts[script](args=(self._prefix, *arguments))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError) as error:
            raise StoreError(f"the store {self._name} can't be used: {reason(error)}") from error


def _milliseconds(seconds: float | None) -> int:
    return 0 if seconds is None else max(1, round(1000 * seconds))


def _without_password(url: str) -> str:
    """What may be shown of the address.

    >>> _without_password("redis://user:secret@host:6379/0")
    'redis://host:6379/0'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
