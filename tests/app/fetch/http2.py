"""A small HTTP/2 server over TLS on the loopback, which notes what it sees."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import trustme

from tests.app.fetch.certificates import server_of, trusting

Headers = Iterable[tuple[str, str]]
HTML = (("content-type", "text/html"),)


@dataclass
class Http2Site:
    """`answers` maps a path to headers and body; a body of None never ends, a path that is absent is never answered."""

    answers: dict[str, tuple[Headers, bytes | None]] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    connections: int = 0
    writers: dict[asyncio.StreamWriter, h2.connection.H2Connection] = field(default_factory=dict)
    port: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.writers[writer] = state
        state.initiate_connection()
        try:
            writer.write(state.data_to_send())
            while data := await reader.read(65_536):
                for event in state.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        self._answer(state, event)
                writer.write(state.data_to_send())
                await writer.drain()
        except (OSError, h2.exceptions.ProtocolError):
            pass  # the client has gone
        finally:
            writer.close()
            del self.writers[writer]

    def _answer(self, state: h2.connection.H2Connection, event: h2.events.RequestReceived) -> None:
        headers = {str(name): str(value) for name, value in event.headers or ()}
        self.requests.append(headers)
        if headers[":path"] not in self.answers:
            return
        extra, body = self.answers[headers[":path"]]
        assert event.stream_id is not None
        state.send_headers(event.stream_id, [(":status", "200"), *extra])
        state.send_data(event.stream_id, b"<p>endless" if body is None else body, end_stream=body is not None)

    async def drop_all(self, *, goodbye: bool) -> None:
        """Close every connection, as a server does that has had enough of idle ones; most say goodbye first."""
        for writer, state in list(self.writers.items()):
            if goodbye:
                state.close_connection()
                writer.write(state.data_to_send())
            writer.close()
        await self.all_closed()

    async def all_closed(self) -> None:
        """Wait until no connection is open."""
        while self.writers:
            await asyncio.sleep(0.001)


@asynccontextmanager
async def http2_site(*names: str) -> AsyncIterator[tuple[Http2Site, ssl.SSLContext]]:
    """A site with a certificate for these names, and a context that trusts it."""
    authority = trustme.CA()
    site = Http2Site()
    context = server_of(authority, *names)
    context.set_alpn_protocols(["h2"])
    context.sni_callback = lambda _, name, __: site.server_names.append(name)
    server = await asyncio.start_server(site.handle, "127.0.0.1", 0, ssl=context, ssl_shutdown_timeout=0.1)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site, trusting(authority)
    finally:
        server.close()
        for writer in site.writers:
            writer.transport.abort()
        await site.all_closed()
