"""Content codings, undone in bounded steps: each decoder is told how much it may give at once.

httpx could decompress by itself, but a single chunk of a bomb may then grow a thousandfold, or a millionfold when the
server names two codings, before anybody can count.
"""

import sys
import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# What we can decode within bounds, so what we ask for.
ACCEPT_ENCODING = "gzip, deflate, br, zstd"
# About a millisecond of decompression; then other tasks get their turn.
STEP_BYTES = 262_144
MOST_CODINGS = 3
# RFC 9659: what a server may make a client keep in memory.
ZSTD_WINDOW_LOG = 23
DAMAGED = (zlib.error, brotli.error, zstd.ZstdError, EOFError)


class Decoder(Protocol):
    """Undoes one coding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Everything that `data` gives, in parts of about STEP_BYTES at most. Raises one of DAMAGED."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the stream came to its end; an empty body counts as one."""
        ...


class Inflater:
    """gzip, several members in a row too, or deflate with or without zlib's header."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 16) if gzip else None
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        part = b""
        # A full step may have taken in the last of the data and still have output waiting.
        while data or len(part) == STEP_BYTES:
            if self._decoder is None:
                has_header = data[0] & 0x0F == 8
                self._decoder = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
            elif self._decoder.eof:
                if not (self._gzip and data.startswith(b"\x1f")):
                    return  # padding or garbage after the end: browsers ignore it as well
                self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
            self._begun = True
            part = self._decoder.decompress(data, STEP_BYTES)
            yield part
            data = self._decoder.unconsumed_tail or self._decoder.unused_data

    @property
    def complete(self) -> bool:
        """See `Decoder`."""
        return not self._begun or (self._decoder is not None and self._decoder.eof)


class Brotli:
    """br."""

    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        if not data or self._decoder.is_finished():
            return
        self._begun = True
        part = self._decoder.process(data, output_buffer_limit=STEP_BYTES)
        yield part
        # It may take more input while output is still waiting, which the next input would not bring out.
        while not self._decoder.is_finished() and (part or not self._decoder.can_accept_more_data()):
            part = self._decoder.process(b"", output_buffer_limit=STEP_BYTES)
            yield part

    @property
    def complete(self) -> bool:
        """See `Decoder`."""
        return not self._begun or self._decoder.is_finished()


class Zstd:
    """zstd, several frames in a row too."""

    def __init__(self) -> None:
        self._decoder = self._new()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        while data or not (self._decoder.eof or self._decoder.needs_input):
            if self._decoder.eof:
                self._decoder = self._new()
            self._begun = True
            yield self._decoder.decompress(data, STEP_BYTES)
            data = self._decoder.unused_data if self._decoder.eof else b""

    @property
    def complete(self) -> bool:
        """See `Decoder`."""
        return not self._begun or self._decoder.eof

    def _new(self) -> zstd.ZstdDecompressor:
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})


def decoders(named: str) -> list[Decoder] | None:
    """What undoes the codings that a Content-Encoding header names, in the order of undoing; None: one of them, or
    their number, can't be.

    >>> [type(decoder).__name__ for decoder in decoders("gzip, br")]
    ['Brotli', 'Inflater']
    """
    codings = [coding for part in named.lower().split(",") if (coding := part.strip()) not in {"", "identity"}]
    if len(codings) > MOST_CODINGS:
        return None
    made: list[Decoder] = []
    for coding in reversed(codings):
        match coding:
            case "gzip" | "x-gzip":
                made.append(Inflater(gzip=True))
            case "deflate":
                made.append(Inflater(gzip=False))
            case "br":
                made.append(Brotli())
            case "zstd":
                made.append(Zstd())
            case _:
                return None
    return made
