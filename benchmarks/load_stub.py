#!/usr/bin/env python3
"""The servers that a service under load asks: a search engine, ten pages and an embedding model, each after its delay.

Started by load.py with the data folder and the milliseconds of searching and of embedding; prints its port.
"""

import asyncio
import json
import sys
from pathlib import Path

from pages import all_pages, read, sample

# An embedding of 384 numbers, as a small model has, is made once: what is measured is not the stub.
_DIMENSIONS = 384
_VECTORS = [json.dumps([((seed * 31 + at * 17) % 101 - 50) / 100 for at in range(_DIMENSIONS)]) for seed in range(16)]


class Stub:
    """Answers over kept connections; pages may be cached for an hour."""

    def __init__(self, data: Path, search_ms: float, embed_ms: float) -> None:
        self.port = 0
        self._pages = [read(page) for page in sample(all_pages(data), 10)][:10]
        self._search = search_ms / 1000
        self._embed = embed_ms / 1000

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lengths = [line for line in head.lower().split("\r\n") if line.startswith("content-length:")]
                body = await reader.readexactly(int(lengths[0].partition(":")[2])) if lengths else b""
                media, content = await self._answer(head.split()[1], body)
                status = "404 Not Found" if media is None else "200 OK"
                told = f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\nCache-Control: max-age=3600\r\n"
                writer.write(f"{told}Content-Length: {len(content)}\r\n\r\n".encode() + content)
                await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    async def _answer(self, target: str, body: bytes) -> tuple[str | None, bytes]:
        path = target.partition("?")[0]
        if path.startswith("/page-"):
            return "text/html; charset=utf-8", self._pages[int(path.removeprefix("/page-"))]
        if path == "/v1/embeddings":
            await asyncio.sleep(self._embed)
            texts = json.loads(body)["input"]
            rows = (f'{{"index":{at},"embedding":{_VECTORS[hash(text) % 16]}}}' for at, text in enumerate(texts))
            return "application/json", f'{{"data":[{",".join(rows)}]}}'.encode()
        if path == "/search":
            await asyncio.sleep(self._search)
            pages = range(len(self._pages))
            hits = [
                {"url": f"http://127.0.0.1:{self.port}/page-{at}", "title": f"Page {at}", "content": ""} for at in pages
            ]
            return "application/json", json.dumps({"query": "", "results": hits}).encode()
        return None, b""


async def main() -> None:
    stub = Stub(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0, limit=2**24, backlog=2048)
    stub.port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"{stub.port}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
