"""A pipeline without a server around it, with parts that a test chooses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from app.parts import open_parts
from app.pipeline import Pipeline
from app.search import Found, Hit, SearchQuery
from app.settings import Settings


class Finding:
    """A provider that finds what it is given."""

    name = "found"

    def __init__(self, *hits: Hit) -> None:
        self.hits = hits

    async def search(self, query: SearchQuery, *, deadline: float | None = None) -> Found:
        return Found(list(self.hits))

    async def aclose(self) -> None: ...


@asynccontextmanager
async def pipeline_with(
    *, provider: Finding | None = None, embedder: Any = None, browser: Any = None, **settings: Any
) -> AsyncIterator[Pipeline]:
    """A pipeline with these settings, and with these parts in place of those that they name."""
    chosen = Settings(**{"embedder": "none", "fetch_allowed_hosts": ("127.0.0.1",), **settings})
    async with open_parts(chosen) as parts:
        if provider:
            parts.providers = {"local": provider}
        parts.embedder = embedder or parts.embedder
        parts.browser = browser or parts.browser
        yield Pipeline(parts, chosen)
