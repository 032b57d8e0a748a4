"""`secateurs cache`: how much the cache holds, and emptying it."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable

from app.cli.files import write
from app.settings import load_settings
from app.store import Store, open_store


def stats(arguments: argparse.Namespace) -> None:
    """Write how many entries and bytes there are, of how many at most, and where. Raises StoreError, InvalidInput."""
    most = load_settings().cache_bytes

    async def tell(store: Store) -> None:
        usage = await store.usage()
        write(f"{usage.entries:,} entries, {usage.bytes:,} of {most:,} bytes: {store}\n")

    _with_store(tell)


def clear(arguments: argparse.Namespace) -> None:
    """Forget all entries. Raises StoreError, InvalidInput."""

    async def forget(store: Store) -> None:
        usage = await store.usage()
        await store.clear()
        write(f"{usage.entries:,} entries forgotten: {store}\n")

    _with_store(forget)


def _with_store(use: Callable[[Store], Awaitable[None]]) -> None:
    settings = load_settings()
    url = settings.store_url.get_secret_value() if settings.store_url else None

    async def run() -> None:
        store = open_store(url, settings.store_file(), settings.cache_bytes)
        try:
            await use(store)
        finally:
            await store.aclose()

    asyncio.run(run())
