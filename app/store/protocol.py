"""What worker processes share: values under keys, and counters. One small protocol for SQLite and Redis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.breaker import Unavailable

# What an entry is counted for beside its key and value: its place in the indexes.
ENTRY_OVERHEAD = 64


class StoreError(Unavailable):
    """The store can't be read or written: its server is down, its disk full, its folder read-only."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a store holds.

    Attributes:
        entries: values in it.
        bytes: of keys, values and their places in the indexes.
    """

    entries: int
    bytes: int


class Store(Protocol):
    """Values and counters that all processes with the same store see; every call is atomic.

    Values make room for new ones, the least recently used first, and so may be gone at any time. Counters never make
    room. What `seconds` bounds is gone when they are over. Every call raises StoreError.
    """

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The values of those keys that have one, which counts as using them."""
        ...

    async def set(self, values: Mapping[str, bytes], *, seconds: float | None = None) -> None:
        """Put in all values, in place of older ones; one that is larger than the whole store is left out."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Forget the values of those keys."""
        ...

    async def add(self, key: str, amount: int = 1, *, seconds: float | None = None) -> int:
        """Add to a counter, which begins at 0, and say where it stands; `seconds` count from its beginning."""
        ...

    async def clear(self) -> None:
        """Forget all values; counters stay."""
        ...

    async def usage(self) -> Usage:
        """What the store holds at the moment, expired values perhaps among it."""
        ...

    async def aclose(self) -> None:
        """Close files and connections."""
        ...


def cost(key: str, value: bytes) -> int:
    """The bytes that an entry is counted for.

    >>> cost("key", b"value") - ENTRY_OVERHEAD
    8
    """
    return len(key.encode()) + len(value) + ENTRY_OVERHEAD
