"""A response's body, read and decompressed within a limit on both sides: a bomb costs its limit and no more.

httpx could decompress by itself, but a single chunk of it may then grow a thousandfold, or a millionfold
when the server names two encodings, before anybody can count. Here zlib is told how much it may give at
once.
"""

import zlib
from collections.abc import AsyncIterator, Iterator

import anyio.lowlevel
import httpx

from app.fetch.errors import BodyTooLarge, UnreadableBody

# What we can decode within bounds, so what we ask for.
ACCEPT_ENCODING = "gzip, deflate"
# About a millisecond of decompression; then other tasks get their turn.
STEP_BYTES = 262_144


async def read_body(response: httpx.Response, limit: int) -> bytes:
    """The decoded body of a streamed response, `limit` bytes at most.

    Raises BodyTooLarge (as soon as the header or the bytes say so), UnreadableBody, httpx.TransportError.
    """
    url = str(response.url)
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise BodyTooLarge(url, f"the page has {int(announced):,} bytes, the limit is {limit:,}")
    body = bytearray()
    async for part in _decoded(_counted(response, limit), _decoder(response), url):
        body += part
        if len(body) > limit:
            raise BodyTooLarge(url, f"the page has more than {limit:,} bytes")
    return bytes(body)


async def _counted(response: httpx.Response, limit: int) -> AsyncIterator[bytes]:
    """The bytes on the wire. Compressed data may also be endless without ever giving a byte."""
    total = 0
    async for chunk in response.aiter_raw():
        total += len(chunk)
        if total > limit:
            raise BodyTooLarge(str(response.url), f"the server sends more than {limit:,} bytes")
        yield chunk


class _Inflater:
    """gzip (several members in a row too) or deflate, with or without zlib's header, in bounded steps."""

    def __init__(self, coding: str) -> None:
        self._gzip = coding == "gzip"
        self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 16) if self._gzip else None
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Everything that `data` gives, in parts of at most STEP_BYTES. Raises zlib.error."""
        while data:
            if self._decoder is None:
                has_header = data[0] & 0x0F == 8
                self._decoder = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
            elif self._decoder.eof:
                if not (self._gzip and data.startswith(b"\x1f")):
                    return  # padding or garbage after the end: browsers ignore it as well
                self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
            self._begun = True
            yield self._decoder.decompress(data, STEP_BYTES)
            data = self._decoder.unconsumed_tail or self._decoder.unused_data

    @property
    def complete(self) -> bool:
        """Whether the stream came to its end; an empty body counts as one."""
        return not self._begun or (self._decoder is not None and self._decoder.eof)


def _decoder(response: httpx.Response) -> _Inflater | None:
    named = response.headers.get("content-encoding", "").lower()
    codings = [coding for coding in (part.strip().removeprefix("x-") for part in named.split(",")) if coding]
    match codings:
        case [] | ["identity"]:
            return None
        case ["gzip" | "deflate" as coding]:
            return _Inflater(coding)
    raise UnreadableBody(str(response.url), f"the server sends content-encoding {named!r}, which was not asked for")


async def _decoded(chunks: AsyncIterator[bytes], decoder: _Inflater | None, url: str) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            for part in (chunk,) if decoder is None else decoder.feed(chunk):
                yield part
                await anyio.lowlevel.checkpoint()
    except zlib.error as error:
        raise UnreadableBody(url, f"the compressed page is damaged: {error}") from error
    if decoder is not None and not decoder.complete:
        raise UnreadableBody(url, "the compressed page breaks off before its end")
