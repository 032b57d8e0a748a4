"""Searching: one protocol, one file for each provider, and `load_provider` that makes one by its name."""

from app.search.indexing import IndexReport
from app.search.local import LocalIndex, LocalProvider
from app.search.protocol import TIME_RANGES, Hit, SearchError, SearchProvider, SearchQuery
from app.search.registry import ProviderSettings, load_provider
from app.search.urls import FixedUrls

__all__ = [
    "TIME_RANGES",
    "FixedUrls",
    "Hit",
    "IndexReport",
    "LocalIndex",
    "LocalProvider",
    "ProviderSettings",
    "SearchError",
    "SearchProvider",
    "SearchQuery",
    "load_provider",
]
