"""Whoever hangs up is not worked for any longer."""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HangUp:
    """Cancels the answer to a caller who has gone: nobody would read it, and others wait for what it takes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        # One message ahead: a body is not read faster than the application wants it.
        messages: asyncio.Queue[Message] = asyncio.Queue(1)
        # A task of its own, cancelled once: whoever is cancelled again while cleaning up leaves connections behind.
        answering = asyncio.ensure_future(self.app(scope, messages.get, send))
        listening = asyncio.ensure_future(_listen(receive, messages, answering.cancel))
        try:
            await answering
        except asyncio.CancelledError:
            if not listening.done():  # somebody else's cancelling
                raise
        finally:
            listening.cancel()


async def _listen(receive: Receive, messages: "asyncio.Queue[Message]", hung_up: Callable[[], object]) -> None:
    """Pass on what comes, and say when nothing will come any more."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            hung_up()
            return
        await messages.put(message)
