"""A small client of the Chrome DevTools Protocol: commands and events of a whole browser over one WebSocket.

Commands are sent as they come and answered in any order. Each tab is a session of its own (`Session`), told apart by an
id that its messages carry ("flat" sessions). We use a score of the protocol's commands, all of them there for years, so
there is no generated code and no driver to keep in step with the browser's release.
"""

import asyncio
import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from app.breaker import Unavailable
from pruning.errors import InvalidInput, SecateursError, reason

# Of one message; a page of ten million characters may take six bytes for each of them in JSON.
_MESSAGE_BYTES = 64_000_000
# A browser that takes longer over a command about itself, not about a page, hangs.
COMMAND_SECONDS = 10.0

Params = dict[str, Any]
Handler = Callable[[Params], None]


class BrowserDown(Unavailable):
    """The browser can't be reached or started, has crashed, or doesn't answer."""


class CommandFailed(SecateursError):
    """The browser refuses a command, as it does when one document of a tab has given way to the next."""


class TabGone(CommandFailed):
    """The tab has crashed or was closed: no command to it will be answered any more."""


class Connection:
    """One browser. For one event loop; closed by `aclose`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[str, asyncio.Future[Params]]] = {}
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._lost = ""
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._send())]

    @classmethod
    async def open(cls, url: str) -> "Connection":
        """Connect to the browser with that DevTools URL: http://host:9222, or a ws:// address. Raises BrowserDown."""
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                uri, place = await _websocket_of(httpx.URL(url))
                # Proxies are for the open web; a browser's answer to a ping waits for what it is busy with.
                socket = await connect(
                    uri, max_size=_MESSAGE_BYTES, compression=None, proxy=None, ping_interval=None, **place
                )
        except TimeoutError:
            raise BrowserDown("the browser does not answer") from None
        except (OSError, ValueError, LookupError, httpx.HTTPError, WebSocketException) as error:
            raise BrowserDown(f"the browser can't be reached: {reason(error)}") from error
        return cls(socket)

    @property
    def is_lost(self) -> bool:
        """Whether nothing can be said to the browser any more."""
        return bool(self._lost)

    def post(self, method: str, params: Params | None = None, session: str = "") -> int:
        """Send a command whose answer nobody waits for. Returns its number."""
        number = next(self._numbers)
        command: Params = {"id": number, "method": method, "params": params or {}}
        self._outbox.put_nowait(json.dumps(command | ({"sessionId": session} if session else {})))
        return number

    async def call(self, method: str, params: Params | None = None, session: str = "") -> Params:
        """Send a command and wait for its result. Raises BrowserDown, CommandFailed."""
        if self._lost:
            raise BrowserDown(self._lost)
        answer: asyncio.Future[Params] = asyncio.get_running_loop().create_future()
        number = self.post(method, params, session)
        self._waiting[number] = (session, answer)
        try:
            return await answer
        finally:
            self._waiting.pop(number, None)

    async def command(self, method: str, **params: Any) -> Params:
        """A command about the browser itself, which must answer soon. Raises BrowserDown, CommandFailed."""
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                return await self.call(method, params)
        except TimeoutError:
            raise BrowserDown(f"the browser did not answer {method} within {COMMAND_SECONDS:g} s") from None

    def on(self, event: str, handler: Handler, session: str = "") -> None:
        """Call the handler with the parameters of each such event. It must not block."""
        self._handlers[session, event] = handler

    def forget(self, session: str, why: str) -> None:
        """No answer will come for that session any more."""
        self._handlers = {key: handler for key, handler in self._handlers.items() if key[0] != session}
        for of, answer in self._waiting.values():
            if of == session and not answer.done():
                answer.set_exception(TabGone(why))

    async def aclose(self) -> None:
        """Hang up; the browser goes on, without the tabs that were opened over this connection."""
        self._lose("the connection to the browser is closed")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()

    async def _receive(self) -> None:
        try:
            async for message in self._socket:
                self._dispatch(json.loads(message))
        except (OSError, ValueError, WebSocketException) as error:
            self._lose(f"the connection to the browser broke: {reason(error)}")
        self._lose("the browser hung up")

    async def _send(self) -> None:
        try:
            while True:
                await self._socket.send(await self._outbox.get())
        except (OSError, WebSocketException) as error:
            self._lose(f"the connection to the browser broke: {reason(error)}")

    def _dispatch(self, message: Mapping[str, Any]) -> None:
        if "id" not in message:
            handler = self._handlers.get((message.get("sessionId", ""), message["method"]))
            if handler is not None:
                handler(message.get("params", {}))
            return
        _, answer = self._waiting.get(message["id"], ("", None))
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(CommandFailed(str(message["error"].get("message", "no reason given"))))
        else:
            answer.set_result(message.get("result", {}))

    def _lose(self, why: str) -> None:
        self._lost = self._lost or why
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(BrowserDown(self._lost))


class Session:
    """One tab's share of a connection."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._gone = ""
        self.on("Inspector.targetCrashed", lambda _: self.close("the tab crashed"))

    async def call(self, method: str, **params: Any) -> Params:
        """Send a command and wait for its result. Raises BrowserDown, TabGone, CommandFailed."""
        if self._gone:
            raise TabGone(self._gone)
        return await self._connection.call(method, params, self._name)

    def post(self, method: str, **params: Any) -> None:
        """Send a command whose answer nobody waits for."""
        self._connection.post(method, params, self._name)

    def on(self, event: str, handler: Handler) -> None:
        """Call the handler with the parameters of each such event of this tab."""
        self._connection.on(event, handler, self._name)

    def close(self, why: str) -> None:
        """The tab is given up: whoever waits for an answer of it is told why none will come."""
        self._gone = self._gone or why
        self._connection.forget(self._name, why)


def check_url(url: str) -> None:
    """Raise InvalidInput unless it is an address that a browser's DevTools may have."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidInput(f"{url!r} is no URL: {reason(error)}") from error
    if parsed.scheme not in {"http", "https", "ws", "wss"} or not parsed.host:
        raise InvalidInput(f"{url!r} is no DevTools URL, such as http://127.0.0.1:9222 or ws://host/devtools/browser/…")


async def _websocket_of(url: httpx.URL) -> tuple[str, Params]:
    """The WebSocket behind a DevTools URL, and where to connect for it if that isn't what it says."""
    if url.scheme in {"ws", "wss"}:
        return str(url), {}
    # Chromium answers no name but localhost, so that no web page gets at it by a name of its own.
    plain = url.scheme == "http"
    headers = {"host": "localhost"} if plain else {}
    async with httpx.AsyncClient(trust_env=False, timeout=COMMAND_SECONDS) as client:
        answer = await client.get(url.copy_with(path=url.path.rstrip("/") + "/json/version"), headers=headers)
    told = httpx.URL(answer.raise_for_status().json()["webSocketDebuggerUrl"])
    if not plain:
        return str(told.copy_with(scheme="wss", host=url.host, port=url.port)), {}
    port = url.port or 80
    return str(told.copy_with(scheme="ws", host="localhost", port=port)), {"host": url.host, "port": port}
