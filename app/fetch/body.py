"""A response's body, read and decompressed within the limits: a bomb or a tarpit costs its limit and no more."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, suppress

import anyio
import anyio.lowlevel
import httpx

from app.fetch.codings import DAMAGED, Decoder, decoders
from app.fetch.errors import BodyTooLarge, FetchError, TooSlow, UnpackedTooLarge, UnreadableBody
from app.fetch.limits import FetchLimits, Pace

# A body that nobody wants is read all the same where it is so short that this is cheaper than a new connection.
DRAINED_BYTES = 16_384
DRAINED_SECONDS = 0.2
# Each chunk costs more than its bytes do: 10,000 of them 0.2 s of the processor, over HTTP/2 2 s.
MOST_PIECES = 10_000
SMALL_PIECE_BYTES = 100


async def read_body(response: httpx.Response, limits: FetchLimits) -> bytes:
    """The decoded body of a streamed response, `limits.bytes` at most.

    Raises BodyTooLarge (as soon as the header or the bytes say so), UnpackedTooLarge, TooSlow, UnreadableBody,
    ConnectionFailed.
    """
    announced = _announced(response)
    if announced is not None and announced > limits.bytes:
        raise BodyTooLarge(str(response.url), f"the page has {announced:,} bytes, the limit is {limits.bytes:,}")
    body = bytearray()
    async with aclosing(unpacked(response, limits)) as parts:
        async for part in parts:
            body += part
    return bytes(body)


async def unpacked(response: httpx.Response, limits: FetchLimits) -> AsyncGenerator[bytes, None]:
    """The parts of the decoded body as they arrive. Raises what `read_body` does."""
    url, named = str(response.url), response.headers.get("content-encoding", "")
    undo = decoders(named)
    if undo is None:
        raise UnreadableBody(url, f"the server sends content-encoding {named!r}, which was not asked for")
    unpack = _Unpacking(undo, limits.bytes, url)
    async with aclosing(_arriving(response, limits)) as chunks:
        async for chunk in chunks:
            for part in unpack.feed(chunk):
                yield part
                await anyio.lowlevel.checkpoint()
    unpack.finish()


async def drain(response: httpx.Response) -> None:
    """Read a body that nobody wants to its end if that is quickly done, so that its connection can be used again."""
    announced = _announced(response)
    if announced is None or announced > DRAINED_BYTES:
        return
    with anyio.move_on_after(DRAINED_SECONDS), suppress(FetchError):
        async with aclosing(_arriving(response, FetchLimits(bytes=DRAINED_BYTES))) as chunks:
            async for _ in chunks:
                pass


def _announced(response: httpx.Response) -> int | None:
    value = response.headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 20 else None


async def _arriving(response: httpx.Response, limits: FetchLimits) -> AsyncGenerator[bytes, None]:
    """The bytes on the wire, counted and timed. Compressed data may be endless without ever giving a byte."""
    # The time that we spend on what has arrived is not the server's.
    total, pieces, waited = 0, 0, 0.0
    pace = Pace(limits.pace_bytes, limits.pace_seconds, now=0.0)
    chunks = aiter(response.stream)  # type: ignore[arg-type]
    while True:
        start = anyio.current_time()
        with anyio.move_on_at(start + pace.deadline - waited) as scope:
            chunk = await anext(chunks, None)
        if scope.cancelled_caught:
            problem = f"fewer than {limits.pace_bytes:,} bytes came in {limits.pace_seconds:g} s"
            raise TooSlow(str(response.url), problem)
        if chunk is None:
            return
        total, pieces = total + len(chunk), pieces + 1
        if pieces > MOST_PIECES and total < pieces * SMALL_PIECE_BYTES:
            raise UnreadableBody(str(response.url), f"the page comes in more than {MOST_PIECES:,} tiny pieces")
        if total > limits.bytes:
            raise BodyTooLarge(str(response.url), f"the server sends more than {limits.bytes:,} bytes")
        waited += anyio.current_time() - start
        pace.arrived(len(chunk), waited)
        yield chunk


class _Unpacking:
    """A body's codings undone one after the other, none of them giving more than the limit."""

    def __init__(self, undo: Sequence[Decoder], limit: int, url: str) -> None:
        self._undo = undo
        self._limit = limit
        self._url = url
        self._given = [0] * len(undo)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What these bytes give. Raises UnpackedTooLarge, UnreadableBody."""
        try:
            yield from self._through(data, 0)
        except DAMAGED as error:
            raise UnreadableBody(self._url, f"the compressed page is damaged: {error}") from error

    def _through(self, data: bytes, stage: int) -> Iterator[bytes]:
        if stage == len(self._undo):
            yield data
            return
        for part in self._undo[stage].feed(data):
            self._given[stage] += len(part)
            if self._given[stage] > self._limit:
                raise UnpackedTooLarge(self._url, f"the page unpacks to more than {self._limit:,} bytes")
            yield from self._through(part, stage + 1)

    def finish(self) -> None:
        """Raise UnreadableBody unless every coding has come to its end."""
        if not all(decoder.complete for decoder in self._undo):
            raise UnreadableBody(self._url, "the compressed page breaks off before its end")
