"""Requests to an ASGI app in this process, without a socket."""

import asyncio
from typing import Any

import httpx


def request(app: Any, method: str, path: str, **options: Any) -> httpx.Response:
    """One request, one answer; the app's lifespan is not run."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **options)

    return asyncio.run(send())


def get(app: Any, path: str, **options: Any) -> httpx.Response:
    """A GET."""
    return request(app, "GET", path, **options)
