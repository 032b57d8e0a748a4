"""What worker processes share: `Store`, in SQLite by default, in Redis by setting."""

from pathlib import Path

from app.store.protocol import Store, StoreError, Usage
from app.store.redis import RedisStore
from app.store.sqlite import SqliteStore

__all__ = ["RedisStore", "SqliteStore", "Store", "StoreError", "Usage", "open_store"]


def open_store(url: str | None, file: Path, max_bytes: int) -> Store:
    """The store at a `redis://` URL, or without one in a file; nothing is opened yet. Raises InvalidInput."""
    return SqliteStore(file, max_bytes) if url is None else RedisStore(url, max_bytes)
