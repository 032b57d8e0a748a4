"""What a request may cost before anybody has looked at it."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BY_STATUS, Explained, Tell, as_problem

# Enough digits for any size that a machine can hold; more are refused without being read as a number.
_MAX_DIGITS = 18
_LINGER_BYTES = 1_000_000
_LINGER_SECONDS = 1.0


class BodyLimit:
    """Refuses a request body over `max_bytes` with 413: by its declared length at once, else as soon as it is over.

    Starlette has such a middleware; it answers a declared length in plain text, whatever the handlers say.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, tell: Tell = as_problem) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if self._declares_too_much(Headers(scope=scope).get("content-length", "")):
            # The rest of the body would be taken for the next request.
            told = Explained(BY_STATUS[413], self._detail(), {"Connection": "close"})
            return await self.tell(scope, told)(scope, receive, _lingering(receive, send))
        return await self.app(scope, self._counted(receive), send)

    def _declares_too_much(self, length: str) -> bool:
        return length.isdecimal() and (len(length) > _MAX_DIGITS or int(length) > self.max_bytes)

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def receive_counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.max_bytes:
                # The one exception that the framework lets through while it reads a body.
                raise HTTPException(413, self._detail(), headers={"Connection": "close"})
            return message

        return receive_counted

    def _detail(self) -> str:
        return f"The request body is over the limit of {self.max_bytes} bytes."


def _lingering(receive: Receive, send: Send) -> Send:
    """Takes in a little of what is still being sent, once all is answered.

    Who closes a connection with unread bytes in it resets it, and then a client that is sending never reads the answer.
    """

    async def send_and_linger(message: Message) -> None:
        if message["type"] == "http.response.body":
            await send({**message, "more_body": True})
            with suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_SECONDS):
                    await _take_in(receive)
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return send_and_linger


async def _take_in(receive: Receive) -> None:
    left = _LINGER_BYTES
    while left > 0:
        message = await receive()
        if not message.get("more_body"):
            return
        left -= len(message["body"])
