"""What real clients raise for a key that is wrong, and for one over its rate: their own errors of the kind."""

import asyncio
from collections.abc import Callable, Iterator
from typing import NamedTuple

import httpx2
import openai
import pytest
from firecrawl import Firecrawl
from firecrawl.v2.utils.error_handler import RateLimitError, UnauthorizedError
from langchain_tavily import TavilySearch
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from tavily import InvalidAPIKeyError, TavilyClient, UsageLimitExceededError

from app.auth import KeyFile
from app.main import create_app
from app.settings import Settings
from tests.app.serving import served
from tests.compat.conftest import QUESTION


class Keyed(NamedTuple):
    """A service that asks for keys, and makes them."""

    address: str
    file: KeyFile

    def key(self, name: str, rate: str | None = None) -> str:
        """A new one."""
        return self.file.add(name, rate=rate)


@pytest.fixture(scope="module")
def keyed(settings: Settings) -> Iterator[Keyed]:
    """The service; of its chat model it has the name alone."""
    chosen = settings.model_copy(update={"keys_required": True, "chat_model_url": "http://127.0.0.1:9"})
    with served(create_app(chosen)) as (host, port):
        yield Keyed(f"http://{host}:{port}", KeyFile(chosen.key_file()))


def openai_models(address: str, key: str) -> None:
    """As OpenAI's client asks, which would try again by itself."""
    with openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0, timeout=60) as client:
        assert [] != client.models.list().data


def tavily_search(address: str, key: str) -> None:
    """As Tavily's client asks."""
    client = TavilyClient(key, api_base_url=f"{address}/tavily")
    try:
        assert [] != client.search(QUESTION, max_results=1)["results"]
    finally:
        client.session.close()


def langchain_search(address: str, key: str) -> None:
    """As LangChain's own client of Tavily asks: its tool gives the error to the agent instead of raising it."""
    told = TavilySearch(max_results=1, tavily_api_key=key, api_base_url=f"{address}/tavily").invoke(QUESTION)
    if "error" in told:
        raise told["error"]
    assert [] != told["results"]


def firecrawl_search(address: str, key: str) -> None:
    """As Firecrawl's client asks."""
    assert Firecrawl(api_key=key, api_url=address).search(QUESTION, limit=1).web


def mcp_tools(address: str, key: str) -> None:
    """As the Model Context Protocol's client asks; its tasks wrap their error in groups."""

    async def ask() -> None:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http,
            Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client,
        ):
            assert [] != (await client.list_tools()).tools

    try:
        asyncio.run(ask())
    except ExceptionGroup as group:
        error: Exception = group
        while isinstance(error, ExceptionGroup):
            (error,) = error.exceptions
        raise error from None


Ask = Callable[[str, str], None]
# What it raises for a wrong key, and for one that has asked too often; the last two have no own errors for these.
CLIENTS: list[tuple[Ask, type[Exception], type[Exception]]] = [
    (openai_models, openai.AuthenticationError, openai.RateLimitError),
    (tavily_search, InvalidAPIKeyError, UsageLimitExceededError),
    (firecrawl_search, UnauthorizedError, RateLimitError),
    (langchain_search, ValueError, ValueError),
    (mcp_tools, MCPError, MCPError),
]


@pytest.mark.parametrize("ask", [ask for ask, _, _ in CLIENTS])
def test_a_right_key(keyed: Keyed, ask: Ask) -> None:
    """Is all that a client needs."""
    ask(keyed.address, keyed.key(ask.__name__))


@pytest.mark.parametrize(("ask", "error"), [(ask, error) for ask, error, _ in CLIENTS])
def test_a_wrong_key(keyed: Keyed, ask: Ask, error: type[Exception]) -> None:
    """Their error for that, with our words."""
    with pytest.raises(error, match="this API key is not known here, or was revoked"):
        ask(keyed.address, "wrong")


@pytest.mark.parametrize(("ask", "error"), [(ask, error) for ask, _, error in CLIENTS])
def test_a_key_over_its_rate(keyed: Keyed, ask: Ask, error: type[Exception]) -> None:
    """Their error for that, which tells them to wait and not to look for another key."""
    key = keyed.key(f"{ask.__name__}-once", rate="1/hour")
    with pytest.raises(error, match="-once has used up its rate of 1/hour"):
        _ask_often(ask, keyed.address, key)


def _ask_often(ask: Ask, address: str, key: str) -> None:
    for _ in range(3):  # between two of them a new hour may begin
        ask(address, key)
