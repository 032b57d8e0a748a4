"""Servers of the fetcher's tests, for those that attack it."""

from tests.app.fetch.conftest import anyio_backend, site, start_site

__all__ = ["anyio_backend", "site", "start_site"]
