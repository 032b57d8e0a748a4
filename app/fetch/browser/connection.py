"""A small client of the Chrome DevTools Protocol: commands and events over a WebSocket.

Commands are sent as they come and answered in any order. The browser has one connection and each tab another, so that
a page which floods its own with events, or posts more than a message may have, disturbs nobody else. We use a score of
the protocol's commands, all of them there for years, so there is no generated code and no driver to keep in step with
the browser's release.
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

# A browser that takes longer over a command about itself, not about a page, hangs.
COMMAND_SECONDS = 5.0
# Of one message: an event may hold what a page posts. Pages themselves are read in slices.
_MESSAGE_BYTES = 16_000_000
_CLOSE_SECONDS = 2.0

Params = dict[str, Any]
Handler = Callable[[Params], None]


class BrowserDown(Unavailable):
    """The browser can't be reached or started, has crashed, or doesn't answer."""


class CommandFailed(SecateursError):
    """The browser refuses a command, as it does when one document of a tab has given way to the next."""


class TabGone(CommandFailed):
    """The tab has crashed, was closed or said too much: it answers no command any more."""


class Connection:
    """To a browser or to one of its tabs. For one event loop; closed by `aclose`.

    Once it is lost, every command raises its own error of loss: BrowserDown, or TabGone for a tab.
    """

    def __init__(self, socket: ClientConnection, host: httpx.URL, loss: type[SecateursError]) -> None:
        self._socket = socket
        self._host = host
        self._loss = loss
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Params]] = {}
        self._handlers: dict[str, Handler] = {}
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._lost = ""
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._send())]

    @classmethod
    async def open(cls, url: str) -> "Connection":
        """Connect to the browser with that DevTools URL: http://host:9222, or a ws:// address. Raises BrowserDown."""
        return await cls._open(httpx.URL(url), BrowserDown)

    async def to_tab(self, target: str) -> "Connection":
        """A connection to one of this browser's tabs. Raises TabGone."""
        return await self._open(self._host.copy_with(path=f"/devtools/page/{target}"), TabGone)

    @classmethod
    async def _open(cls, url: httpx.URL, loss: type[SecateursError]) -> "Connection":
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                found = await _websocket_of(url)
                socket = await _connected(found)
        except TimeoutError:
            raise loss("the browser does not answer") from None
        except (OSError, ValueError, LookupError, httpx.HTTPError, WebSocketException) as error:
            raise loss(f"the browser can't be reached: {reason(error)}") from error
        return cls(socket, found, loss)

    @property
    def is_lost(self) -> bool:
        """Whether nothing can be said any more."""
        return bool(self._lost)

    def post(self, method: str, **params: Any) -> int:
        """Send a command whose answer nobody waits for. Returns its number."""
        number = next(self._numbers)
        self._outbox.put_nowait(json.dumps({"id": number, "method": method, "params": params}))
        return number

    async def call(self, method: str, **params: Any) -> Params:
        """Send a command and wait for its result. Raises CommandFailed, or the error of loss."""
        if self._lost:
            raise self._loss(self._lost)
        number = self.post(method, **params)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            return await answer
        finally:
            del self._waiting[number]

    async def command(self, method: str, **params: Any) -> Params:
        """A command that the browser must answer soon, whatever its pages do. Raises BrowserDown, CommandFailed."""
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                return await self.call(method, **params)
        except TimeoutError:
            raise BrowserDown(f"the browser did not answer {method} within {COMMAND_SECONDS:g} s") from None

    def on(self, event: str, handler: Handler) -> None:
        """Call the handler with the parameters of each such event. It must not block."""
        self._handlers[event] = handler

    def give_up(self, why: str) -> None:
        """Nobody is to wait any longer: whoever does is told why."""
        self._lost = self._lost or why
        self._handlers.clear()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._loss(self._lost))

    async def aclose(self) -> None:
        """Hang up; contexts that were made over this connection go with it."""
        self.give_up("the connection to the browser is closed")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()

    async def _receive(self) -> None:
        try:
            async for message in self._socket:
                self._dispatch(json.loads(message))
        except (OSError, ValueError, WebSocketException) as error:
            self.give_up(f"the connection to the browser broke: {reason(error)}")
        self.give_up("the browser hung up")

    async def _send(self) -> None:
        try:
            while True:
                await self._socket.send(await self._outbox.get())
        except (OSError, WebSocketException) as error:
            self.give_up(f"the connection to the browser broke: {reason(error)}")

    def _dispatch(self, message: Mapping[str, Any]) -> None:
        if "id" not in message:
            if handler := self._handlers.get(message["method"]):
                handler(message.get("params", {}))
            return
        answer = self._waiting.get(message["id"])
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(CommandFailed(str(message["error"].get("message", "no reason given"))))
        else:
            answer.set_result(message.get("result", {}))


def check_url(url: str) -> None:
    """Raise InvalidInput unless it is an address that a browser's DevTools may have."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidInput(f"{url!r} is no URL: {reason(error)}") from error
    if parsed.scheme not in {"http", "https", "ws", "wss"} or not parsed.host:
        raise InvalidInput(f"{url!r} is no DevTools URL, such as http://127.0.0.1:9222 or ws://host/devtools/browser/…")


async def _websocket_of(url: httpx.URL) -> httpx.URL:
    """The WebSocket behind a DevTools URL; under the URL's own host and port, whatever the browser thinks they are."""
    if url.scheme in {"ws", "wss"}:
        return url
    headers = {"host": "localhost"} if url.scheme == "http" else {}
    async with httpx.AsyncClient(trust_env=False, timeout=COMMAND_SECONDS) as client:
        answer = await client.get(url.copy_with(path=url.path.rstrip("/") + "/json/version"), headers=headers)
    told = httpx.URL(answer.raise_for_status().json()["webSocketDebuggerUrl"])
    return told.copy_with(scheme="ws" if url.scheme == "http" else "wss", host=url.host, port=url.port)


async def _connected(url: httpx.URL) -> ClientConnection:
    """An open WebSocket. Chromium answers no name but localhost: no web page is to get at it by a name of its own."""
    plain = url.scheme == "ws"
    called = url.copy_with(host="localhost") if plain else url
    place: Params = {"host": url.host, "port": url.port or 80} if plain else {}
    # Proxies are for the open web; a browser's answer to a ping would wait for what it is busy with.
    return await connect(
        str(called),
        max_size=_MESSAGE_BYTES,
        compression=None,
        proxy=None,
        ping_interval=None,
        close_timeout=_CLOSE_SECONDS,
        **place,
    )
