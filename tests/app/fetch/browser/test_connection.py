"""The DevTools client: finding the browser, commands and events, and every way in which it may be lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from app.fetch.browser.connection import BrowserDown, CommandFailed, Connection, TabGone

pytestmark = pytest.mark.anyio

Command = dict[str, Any]


class Devtools:
    """What answers as a browser's DevTools do: `replies` by the name of the command, others never."""

    def __init__(self) -> None:
        self.replies: dict[str, Command] = {}
        self.hosts: list[str] = []
        self.paths: list[str] = []
        self.commands: list[Command] = []
        self.socket: ServerConnection | None = None
        self.port = 0

    def page(self, socket: ServerConnection, request: Request) -> Response | None:
        self.hosts.append(request.headers["host"])
        if request.path != "/json/version":
            self.paths.append(request.path)
            return None
        body = json.dumps({"webSocketDebuggerUrl": f"ws://{request.headers['host']}/devtools/browser/1"}).encode()
        return Response(200, "OK", Headers({"content-length": str(len(body)), "connection": "close"}), body)

    async def say(self, message: Command) -> None:
        """Send an event to who connected last."""
        assert self.socket is not None
        await self.socket.send(json.dumps(message))

    async def talk(self, socket: ServerConnection) -> None:
        self.socket = socket
        async for message in socket:
            command = json.loads(message)
            self.commands.append(command)
            if reply := self.replies.get(command["method"]):
                await socket.send(json.dumps({"id": command["id"]} | reply))


@asynccontextmanager
async def connected(devtools: Devtools) -> AsyncIterator[Connection]:
    """A connection to it."""
    async with serve(devtools.talk, "127.0.0.1", 0, process_request=devtools.page) as server:
        devtools.port = server.sockets[0].getsockname()[1]
        connection = await Connection.open(f"http://127.0.0.1:{devtools.port}")
        yield connection
        await connection.aclose()


async def test_the_browser_is_asked_under_the_only_name_that_it_answers() -> None:
    """Chromium refuses every host name but localhost, so that is said, whatever the browser's address is."""
    devtools = Devtools()
    async with connected(devtools):
        assert ["localhost", f"localhost:{devtools.port}"] == devtools.hosts


async def test_commands_are_answered_in_any_order() -> None:
    """Each caller gets its own answer, or the browser's reason for none."""
    devtools = Devtools()
    devtools.replies = {"Good": {"result": {"a": 1}}, "Bad": {"error": {"message": "no such thing"}}}
    async with connected(devtools) as connection:
        never = asyncio.create_task(connection.call("Never"))
        assert {"a": 1} == await connection.command("Good", b=2)
        with pytest.raises(CommandFailed, match=r"^no such thing$"):
            await connection.command("Bad")
        assert not never.done()
        assert {"id": 1, "method": "Good", "params": {"b": 2}} == devtools.commands[0]
    with pytest.raises(BrowserDown, match="is closed"):
        await never


async def test_events_reach_the_connection_that_they_are_of() -> None:
    """A tab has one of its own, under the same address."""
    devtools = Devtools()
    devtools.replies = {"Good": {"result": {}}}
    seen: list[tuple[str, Command]] = []
    async with connected(devtools) as browser:
        tab = await browser.to_tab("T1")
        for name, connection in (("browser", browser), ("tab", tab)):
            connection.on("Happened", lambda event, name=name: seen.append((name, event)))  # type: ignore[misc]
        await devtools.say({"method": "Happened", "params": {"x": 1}})
        await devtools.say({"method": "Other", "params": {"x": 2}})
        await tab.command("Good")
        await tab.aclose()

        assert not browser.is_lost
    assert [("tab", {"x": 1})] == seen
    assert ["/devtools/browser/1", "/devtools/page/T1"] == devtools.paths


@pytest.mark.parametrize("size", [0, 17_000_000])
async def test_a_tab_that_is_lost_keeps_nobody_waiting(size: int) -> None:
    """Given up, or for what it says at once; what is asked of it fails, and the browser goes on."""
    devtools = Devtools()
    async with connected(devtools) as browser:
        tab = await browser.to_tab("T1")
        waiting = asyncio.create_task(tab.call("Never"))
        await asyncio.sleep(0)
        if size:
            await devtools.say({"method": "Happened", "params": {"x": "x" * size}})
        else:
            tab.give_up("the tab crashed")
        for late in (waiting, tab.call("Never")):
            with pytest.raises(TabGone, match="message too big" if size else "the tab crashed"):
                await late
        assert not browser.is_lost
        await tab.aclose()


async def test_a_browser_that_does_not_answer_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a time in which it must answer commands about itself."""
    devtools = Devtools()
    async with connected(devtools) as connection:
        monkeypatch.setattr("app.fetch.browser.connection.COMMAND_SECONDS", 0.1)
        with pytest.raises(BrowserDown, match=r"^the browser did not answer Never within 0\.1 s$"):
            await connection.command("Never")


async def test_a_lost_connection_is_told_to_everybody() -> None:
    """Who waits hears of it, and who asks later."""
    devtools = Devtools()
    async with connected(devtools) as connection:
        waiting = asyncio.create_task(connection.call("Never"))
        await asyncio.sleep(0)
        assert devtools.socket is not None
        await devtools.socket.close()
        for late in (waiting, connection.call("Never")):
            with pytest.raises(BrowserDown, match=r"^the browser hung up$"):
                await late
        assert connection.is_lost


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "can't be reached: Client error '404 Not Found'"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "can't be reached: 'webSocketDebuggerUrl'"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n<p>", "can't be reached: Expecting value"),
        (b"", "can't be reached: Server disconnected"),
    ],
)
async def test_what_is_no_browser_is_down(said: bytes, problem: str) -> None:
    """Whatever answers there, or nothing at all."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        with pytest.raises(BrowserDown) as caught:
            await Connection.open(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert problem in str(caught.value)
    assert 1 == len(str(caught.value).splitlines())
