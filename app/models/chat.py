"""A chat model behind any OpenAI-compatible `/v1/chat/completions`: vLLM, Ollama, llama.cpp, OpenAI …"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from app.breaker import Breaker
from app.http_client import open_client
from app.models import upstream
from pruning.errors import ModelError

# Without a deadline of the caller's.
SECONDS = 60.0


class ChatModel:
    """One chat model; used from one event loop, closed by `aclose`."""

    def __init__(self, url: str, *, model: str | None = None, key: str | None = None) -> None:
        """Name the server; nothing is sent yet.

        Args:
            url: of the route itself, of the server, or one that ends in `/v1`.
            model: the model to ask for; without it, the first one that the server lists.
            key: sent as a bearer token.

        Raises:
            InvalidInput: the address is none.
        """
        self.url = upstream.address(url, "/v1/chat/completions")
        self._model = model
        self._breaker = Breaker(ModelError)
        self._client = open_client(headers=upstream.headers(key), timeout=SECONDS)

    async def ask(self, messages: Sequence[Mapping[str, str]], deadline: float | None) -> str:
        """What the model says to these messages, before that moment on the event loop's clock.

        Raises:
            ModelError: the server is down, busy, too slow, refuses, or answers nonsense.
        """
        with self._breaker.attempt():
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._ask(messages)
            except TimeoutError:
                raise upstream.ModelUnavailable(f"{self} did not answer in time") from None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def __str__(self) -> str:
        return f"the chat model at {self.url.netloc.decode()}"

    async def _ask(self, messages: Sequence[Mapping[str, str]]) -> str:
        if self._model is None:
            listed = await self._send("GET", upstream.beside(upstream.beside(self.url, ""), "/models"))
            self._model = upstream.first_model(listed)
        body = {"messages": list(messages)} | ({"model": self._model} if self._model else {})
        answer = await self._send("POST", self.url, json=body)
        try:
            return str(answer.json()["choices"][0]["message"]["content"] or "")
        except (ValueError, LookupError, TypeError, RecursionError):
            raise upstream.ModelUnavailable(f"{self} answered with something else than a message") from None

    async def _send(self, method: str, url: httpx2.URL, **body: Any) -> httpx2.Response:
        return upstream.answered(self, await upstream.send(self._client, method, url, **body))
