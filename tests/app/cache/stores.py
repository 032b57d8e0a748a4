"""Stores for tests that count, or break, what goes through them."""

from collections.abc import Mapping, Sequence

from app.store import StoreError, Usage


class DictStore:
    """A store in a dictionary, which can be broken and mended."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.calls = 0
        self.broken = False

    def _call(self) -> None:
        self.calls += 1
        if self.broken:
            raise StoreError("the store is broken")

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        self._call()
        return {key: self.values[key] for key in keys if key in self.values}

    async def set(self, values: Mapping[str, bytes], *, seconds: float | None = None) -> None:
        self._call()
        self.values |= values

    async def delete(self, keys: Sequence[str]) -> None:
        self._call()
        for key in keys:
            self.values.pop(key, None)

    async def add(self, key: str, amount: int = 1, *, seconds: float | None = None) -> int:
        raise NotImplementedError

    async def clear(self) -> None:
        self.values.clear()

    async def usage(self) -> Usage:
        return Usage(len(self.values), sum(map(len, self.values.values())))

    async def aclose(self) -> None: ...
