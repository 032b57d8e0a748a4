"""The Model Context Protocol's own client, over streamable HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from mcp import Client

from tests.compat.conftest import QUESTION, TEXT


def ask(address: str, work: Callable[[Client], Awaitable[Any]]) -> Any:
    """What `work` gets from the service as a client."""

    async def connected() -> Any:
        async with Client(f"{address}/mcp") as client:
            return await work(client)

    return asyncio.run(connected())


def call(address: str, tool: str, **arguments: Any) -> tuple[bool, str]:
    """Whether the tool failed, and what it said."""
    result = ask(address, lambda client: client.call_tool(tool, arguments))
    return bool(result.is_error), "".join(part.text for part in result.content)


def test_tools_say_what_they_do(address: str) -> None:
    """Three, each with a description and described arguments."""
    tools = {tool.name: tool for tool in ask(address, lambda client: client.list_tools()).tools}

    assert {"search_web", "read_page", "prune_html"} == tools.keys()
    assert all(tool.description and tool.annotations.read_only_hint for tool in tools.values())
    assert ["query"] == tools["search_web"].input_schema["required"]
    assert tools["search_web"].input_schema["properties"]["max_tokens"]["description"]


def removed(address: str, tool: str, **arguments: Any) -> dict[str, int]:
    """What a tool's answer counts beside the text that the model reads."""
    result = ask(address, lambda client: client.call_tool(tool, arguments))
    return dict(result.meta["removed"])


def test_what_was_removed_is_counted(address: str, site: str) -> None:
    """For programs: it costs the model no tokens."""
    page = "<p>Roses are cut in March.<script>1</script><p hidden>Buy bulbs."

    assert {"hidden": 1, "script": 1} == removed(address, "prune_html", html=page, question=QUESTION)
    assert {"hidden": 1} == removed(address, "read_page", url=f"{site}/roses")
    assert removed(address, "search_web", query=QUESTION)


def test_search(address: str) -> None:
    """The pruned pages, with their sources; what the service had to do without is told."""
    failed, told = call(address, "search_web", query=QUESTION, max_results=2, max_tokens=300)

    assert not failed
    assert told.startswith("<!-- embed: ")
    assert '<section data-source="' in told
    assert "budget" in told


def test_read_a_page(address: str, site: str) -> None:
    """Its main content, or what answers a question."""
    assert TEXT in call(address, "read_page", url=f"{site}/roses")[1]
    short = call(address, "read_page", url=f"{site}/roses", question="When are old roses cut?", max_tokens=80)[1]

    assert TEXT in short
    assert "week 8" not in short


def test_prune_html(address: str) -> None:
    """A page that the caller has."""
    told = call(address, "prune_html", html=f"<p>{TEXT}<p>Nothing.", question="When are roses cut?", max_tokens=60)
    assert TEXT in told[1]


def test_what_fails_is_told_to_the_model(address: str, site: str) -> None:
    """As the tool's own error, in our words."""
    failed, told = call(address, "read_page", url=f"{site}/none")
    assert failed
    assert "404" in told

    failed, told = call(address, "search_web", query="")
    assert failed
    assert "query" in told


def test_the_address_answers_without_a_redirect(address: str) -> None:
    """A client that follows none reaches the tools."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"Accept": "application/json, text/event-stream"}
    answer = httpx.post(f"{address}/mcp", json=message, headers=headers)

    assert (200, {}) == (answer.status_code, answer.json().get("result"))
