"""`secateurs key`: API keys, made, listed and revoked while services run."""

import argparse
import asyncio
import sys

from app.auth import KeyFile, KeyLimits, KeyRing
from app.auth.keys import Key
from app.cli.files import write
from app.settings import Settings, load_settings
from app.store import StoreError, open_store


def add(arguments: argparse.Namespace) -> None:
    """Write a new key to stdout, and what to do with it to stderr. Raises InvalidInput, KeysUnavailable, OSError."""
    file = KeyFile(load_settings().key_file())
    made = file.add(arguments.name, arguments.rate, arguments.quota)
    write(made + "\n")
    sys.stderr.write(f"secateurs: shown only now; {file.path} has its hash. Send it as `Authorization: Bearer KEY`.\n")


def revoke(arguments: argparse.Namespace) -> None:
    """End a key. Raises InvalidInput, KeysUnavailable, OSError."""
    KeyFile(load_settings().key_file()).revoke(arguments.name)
    write(f"{arguments.name} is revoked\n")


def tell(_: argparse.Namespace) -> None:
    """Write a line for each key. Raises KeysUnavailable."""
    settings = load_settings()
    keys = KeyRing.of(settings).current()
    used = asyncio.run(_used(keys, settings))
    lines = [
        [key.name, f"{key.created}", f"{key.rate or '-'}", f"{key.quota or '-'}", used[key.sha256]] for key in keys
    ]
    rows = [["name", "since", "rate", "quota", "used"], *lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")


async def _used(keys: tuple[Key, ...], settings: Settings) -> dict[str, str]:
    """What is used of each quota, by hash; `?` where the store can't be asked."""
    url = settings.store_url.get_secret_value() if settings.store_url else None
    store = open_store(url, settings.store_file(), settings.cache_bytes)
    limits = KeyLimits(lambda: store)
    used = {}
    try:
        for key in keys:
            try:
                used[key.sha256] = str(await limits.used(key, key.quota)) if key.quota else "-"
            except StoreError:
                used[key.sha256] = "?"
    finally:
        await store.aclose()
    return used
