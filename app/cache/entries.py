"""Values that may be lost: a store behind which nothing fails, and whose entries are checked."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2b
from typing import TypeVar

from app.breaker import Breaker
from app.seam import in_thread
from app.store import Store, StoreError
from pruning.observe import Observer, asking, unobserved

log = logging.getLogger("secateurs")

T = TypeVar("T")

DIGEST_BYTES = 16
# Checking so many takes half a millisecond.
_LARGE_BYTES = 250_000
# Entries that nobody has used for a month are gone also where there is room.
KEPT_SECONDS = 30 * 86_400.0
# A store that failed is left alone for so long.
REST_SECONDS = 5.0


class Cache:
    """Values by key. Where the store fails there are none: that is logged once, and so is that it works again.

    A value that is not what was put in counts as none.
    """

    def __init__(
        self,
        store: Store,
        entry_bytes: int,
        *,
        rest_seconds: float = REST_SECONDS,
        observer: Observer = unobserved,
    ) -> None:
        """Keep values in a store.

        Args:
            store: where they are; its owner closes it.
            entry_bytes: the largest value that is kept.
            rest_seconds: how long the store is left alone after a failure.
            observer: is told of each question to the store.
        """
        self.store = store
        self.entry_bytes = entry_bytes
        self._breaker = Breaker(StoreError, failures=1, seconds=rest_seconds)
        self._failed = False
        self._observer = observer

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The values of those keys that have one."""
        found = await self._attempt(lambda: self.store.get(keys)) or {}
        return await _each(_unsealed, found)

    async def set(self, values: Mapping[str, bytes], *, seconds: float = KEPT_SECONDS) -> None:
        """Put in those values that are not too large."""
        sealed = await _each(_sealed, {key: value for key, value in values.items() if len(value) <= self.entry_bytes})
        await self._attempt(lambda: self.store.set(sealed, seconds=seconds))

    async def delete(self, key: str) -> None:
        """Forget a value."""
        await self._attempt(lambda: self.store.delete([key]))

    async def _attempt(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """What the call gives, or None where the store fails or is left alone."""
        try:
            with self._breaker.attempt(), asking(self._observer, "store"):
                given = await call()
        except StoreError as error:
            if not self._failed:
                log.warning("without the cache for now: %s", error)
            self._failed = True
            return None
        if self._failed:
            log.warning("the cache works again")
        self._failed = False
        return given


def key_of(kind: str, *parts: str | bytes) -> str:
    """The key of what depends on these parts, and on nothing else.

    >>> key_of("page", "ab", "c") == key_of("page", "a", "bc")
    False
    """
    digest = blake2b(digest_size=20, person=kind.encode())
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8))
        digest.update(data)
    return f"{kind}:{digest.hexdigest()}"


async def _each(change: Callable[[str, bytes], bytes | None], values: Mapping[str, bytes]) -> dict[str, bytes]:
    """The values changed, without those that become none; where they are large, not on the event loop."""

    def changed() -> dict[str, bytes]:
        return {key: new for key, value in values.items() if (new := change(key, value)) is not None}

    return changed() if sum(map(len, values.values())) < _LARGE_BYTES else await in_thread(changed)


def _sealed(key: str, value: bytes) -> bytes:
    return _digest(key, value) + value


def _unsealed(key: str, sealed: bytes) -> bytes | None:
    """The value, unless it was changed or is another key's."""
    digest, value = sealed[:DIGEST_BYTES], sealed[DIGEST_BYTES:]
    if digest == _digest(key, value):
        return value
    log.warning("the cache's entry %s is damaged and not used", key)
    return None


def _digest(key: str, value: bytes) -> bytes:
    return blake2b(value, digest_size=DIGEST_BYTES, key=key.encode()[:64]).digest()
