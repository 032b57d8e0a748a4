"""Searching: one protocol, one file for each provider, and `load_providers` that makes those that are set."""

from app.search.expansion import Ask, Expansion, search
from app.search.indexing import IndexReport
from app.search.local import IndexedFolder, LocalIndex, LocalProvider
from app.search.protocol import (
    SAFE_SEARCH,
    TIME_RANGES,
    Found,
    Hit,
    NotOffered,
    ProviderBusy,
    SearchError,
    SearchProvider,
    SearchQuery,
)
from app.search.registry import load_providers
from app.search.urls import FixedUrls

__all__ = [
    "SAFE_SEARCH",
    "TIME_RANGES",
    "Ask",
    "Expansion",
    "FixedUrls",
    "Found",
    "Hit",
    "IndexReport",
    "IndexedFolder",
    "LocalIndex",
    "LocalProvider",
    "NotOffered",
    "ProviderBusy",
    "SearchError",
    "SearchProvider",
    "SearchQuery",
    "load_providers",
    "search",
]
