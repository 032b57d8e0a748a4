"""Searching: one protocol, one file for each provider, and `load_provider` that makes one by its name."""

from app.search.protocol import TIME_RANGES, Hit, SearchError, SearchProvider, SearchQuery

__all__ = ["TIME_RANGES", "Hit", "SearchError", "SearchProvider", "SearchQuery"]
