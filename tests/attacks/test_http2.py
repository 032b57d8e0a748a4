"""Servers that use HTTP/2 against us: floods, bombs and broken rules, each a named error and a closed connection."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice, repeat

import hpack
import pytest
import trustme
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from app.fetch import (
    ConnectionFailed,
    Fetcher,
    FetchError,
    FetchLimits,
    FirstByteTimeout,
    Guard,
    HeadersTooLarge,
    Manners,
    TooSlow,
    UnreadableBody,
)
from tests.app.fetch.certificates import server_of, trusting

pytestmark = pytest.mark.anyio

LIMITS = FetchLimits(bytes=30_000, seconds=20.0, first_byte_seconds=0.7, pace_seconds=0.7)
STREAM = 1
HTML = ((":status", "200"), ("content-type", "text/html"))


def block(*headers: tuple[str, str]) -> bytes:
    return hpack.Encoder().encode(headers or HTML)


def head(data: bytes = b"", *flags: str) -> HeadersFrame:
    return HeadersFrame(STREAM, data or block(), flags=flags or ("END_HEADERS",))


def bomb() -> bytes:
    """One header of 4,000 bytes, and then 30,000 times a byte that means the same header again."""
    return block(*HTML, ("x-bomb", "x" * 4_000)) + b"\xbe" * 12_000


def floods(frame: Frame, *first: Frame) -> Iterator[Frame]:
    yield from first
    yield from repeat(frame)


ATTACKS: dict[str, tuple[Callable[[], Iterator[Frame]], type[FetchError] | tuple[type[FetchError], ...]]] = {
    "pings": (lambda: floods(PingFrame(opaque_data=b"attacked")), FirstByteTimeout),
    "settings": (lambda: floods(SettingsFrame(settings={})), FirstByteTimeout),
    "window updates": (lambda: floods(WindowUpdateFrame(STREAM, 1)), FirstByteTimeout),
    # Too many pieces, or too few bytes: whichever is seen first.
    "nothing but padding": (
        lambda: floods(DataFrame(STREAM, b"", pad_length=200, flags=("PADDED",)), head()),
        (TooSlow, UnreadableBody),
    ),
    "crumbs": (lambda: floods(DataFrame(STREAM, b"x"), head()), UnreadableBody),
    "continuations": (lambda: floods(ContinuationFrame(STREAM, b""), HeadersFrame(STREAM, block())), ConnectionFailed),
    "a header bomb": (lambda: iter([head(bomb())]), HeadersTooLarge),
    "headers that are none": (lambda: iter([head(b"\xff" * 40)]), ConnectionFailed),
    "hints": (lambda: floods(head(block((":status", "103")))), FirstByteTimeout),
    "a push": (lambda: iter([PushPromiseFrame(STREAM, 2, block(), flags=("END_HEADERS",))]), ConnectionFailed),
    "a reset": (lambda: iter([RstStreamFrame(STREAM, 11)]), ConnectionFailed),
    "a reset in the middle": (
        lambda: iter([head(), DataFrame(STREAM, b"<p>"), RstStreamFrame(STREAM)]),
        ConnectionFailed,
    ),
    "a goodbye": (lambda: iter([GoAwayFrame(last_stream_id=STREAM)]), ConnectionFailed),
    "too short for its length": (
        lambda: iter([head(block(*HTML, ("content-length", "9"))), DataFrame(STREAM, b"<p>", flags=("END_STREAM",))]),
        ConnectionFailed,
    ),
    "data before headers": (lambda: iter([DataFrame(STREAM, b"<p>")]), ConnectionFailed),
    "another stream": (lambda: iter([HeadersFrame(2, block(), flags=("END_HEADERS",))]), FirstByteTimeout),
}


class Attacker:
    """Sends its frames as soon as it is asked for anything."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self.frames = frames
        self.closed = asyncio.Event()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reading = asyncio.create_task(self._swallow(reader))
        try:
            writer.write(SettingsFrame(settings={}).serialize())
            await asyncio.sleep(0.05)  # the request is on its way
            while some := b"".join(frame.serialize() for frame in islice(self.frames, 500)):
                writer.write(some)
                await writer.drain()
                await asyncio.sleep(0.001)  # or the client would never have its turn
            await reading
        except OSError:
            pass  # the client has gone
        finally:
            reading.cancel()
            writer.transport.abort()
            self.closed.set()

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(65_536):
            pass


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs the attackers' certificates."""
    return trustme.CA()


@pytest.fixture
async def fetcher(authority: trustme.CA) -> AsyncIterator[Fetcher]:
    """A fetcher that may ask the loopback."""
    guard = Guard(allowed_hosts=frozenset({"127.0.0.1"}))
    async with Fetcher(guard, LIMITS, Manners(robots=False), verify=trusting(authority)) as made:
        yield made


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_is_a_named_error_and_its_connection_is_closed(
    name: str, fetcher: Fetcher, authority: trustme.CA
) -> None:
    """Within the limits that hold for all pages."""
    make, kinds = ATTACKS[name]
    attacker = Attacker(make())
    context = server_of(authority, "127.0.0.1")
    context.set_alpn_protocols(["h2"])
    server = await asyncio.start_server(attacker.handle, "127.0.0.1", 0, ssl=context)
    try:
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        assert type(caught.value) in (kinds if isinstance(kinds, tuple) else (kinds,)), caught.value
        assert 1 == len(str(caught.value).splitlines())
        await asyncio.wait_for(attacker.closed.wait(), 10)
    finally:
        server.close()
