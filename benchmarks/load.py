#!/usr/bin/env python3
"""What the service does under load: two workers, ten cached pages for each search, models stubbed to a fixed delay.

A real `secateurs serve` on a real socket; search engine, pages and embedding model are stubs in a process of their own
(load_stub.py). What is measured, and how to read it, is told in benchmarks/README.md. The last line of stdout is one
JSON document.
"""

import argparse
import asyncio
import json
import math
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from machine import describe
from pages import all_pages, data_folder
from running import service

CLAIMED_MS = 358.0  # of a commercial search API, for its median
# Who is told to come back later than that is not waited for: the round is over by then.
END_SECONDS = 90.0
TOPICS = (
    "price author year city river engine treaty museum protein harvest election orchestra bridge virus novel".split()
)


@dataclass
class Round:
    """What became of the requests of so many connections, which ask until a moment, or so many times."""

    connections: int
    until: float = math.inf
    most: float = math.inf
    statuses: Counter[int] = field(default_factory=Counter)
    answered_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    lost: int = 0
    asked: int = 0
    start: float = field(default_factory=time.monotonic)
    last: float = 0.0

    def goes_on(self, wait: float) -> bool:
        """Whether one asks once more after that many seconds."""
        return self.asked < self.most and time.monotonic() + wait < self.until

    def question(self, number: int) -> str:
        """The next one of a connection, unlike those before it."""
        self.asked += 1
        words = (TOPICS[(self.asked * step + number) % len(TOPICS)] for step in (1, 4, 7))
        return f"What is said about the {' and the '.join(words)}?"

    def figures(self) -> dict[str, float]:
        """Each with the number of connections in its name."""
        errors = sum(number for status, number in self.statuses.items() if status not in (200, 429))
        found = {
            "per_second": len(self.answered_ms) / (self.last - self.start),
            "ms_p50": median(self.answered_ms),
            "ms_p99": quantiles(self.answered_ms, n=100)[-1],
            "answered": len(self.answered_ms),
            "refused": self.statuses[429],
            "refused_ms_p99": quantiles(self.refused_ms, n=100)[-1] if len(self.refused_ms) > 1 else 0.0,
            "errors": errors,
            "lost": self.lost,
        }
        return {f"c{self.connections}_{name}": value for name, value in found.items()}


def main() -> None:
    arguments = _arguments()
    for name, value in describe("uvicorn", "fastapi", "httpx2").items():
        print(f"{name}: {value}")
    print(f"workers: {arguments.workers}; search: {arguments.search_ms} ms; embedding: {arguments.embed_ms} ms")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65_536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    with stub(arguments) as stubbed, service(**_settings(arguments, stubbed)) as port:
        result = asyncio.run(_measure(port, arguments))
        result["memory_mb_after"] = _memory() / 1e6
    for name, figure in result.items():
        print(f"{name:36} {figure:>12,.1f}  {_verdict(name, figure)}".rstrip())
    print(json.dumps(result))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder(), help="the folder of real pages")
    parser.add_argument("--workers", type=int, default=2, help="worker processes")
    parser.add_argument("--connections", default="1,10,100,1000", help="how many at once, round by round")
    parser.add_argument("--seconds", type=float, default=20.0, help="for which each round asks")
    parser.add_argument("--alone", type=int, default=50, help="searches one after the other, for the median")
    parser.add_argument("--search-ms", type=float, default=30.0, help="what the search engine takes")
    parser.add_argument("--embed-ms", type=float, default=30.0, help="what the embedding server takes for a request")
    return parser.parse_args()


@contextmanager
def stub(arguments: argparse.Namespace) -> Iterator[int]:
    """The other servers in their process; their port."""
    here = Path(__file__).with_name("load_stub.py")
    options = [str(arguments.data), str(arguments.search_ms), str(arguments.embed_ms)]
    process = subprocess.Popen([sys.executable, str(here), *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def _settings(arguments: argparse.Namespace, stubbed: int) -> dict[str, str]:
    if not all_pages(arguments.data):
        raise SystemExit(1)
    address = f"http://127.0.0.1:{stubbed}"
    return {
        "SECATEURS_WORKERS": str(arguments.workers),
        "SECATEURS_PROVIDER": "searxng",
        "SECATEURS_SEARXNG_URL": address,
        "SECATEURS_EMBEDDER": f"{address}/v1/embeddings",
        "SECATEURS_EMBEDDER_MODEL": "stub",
        "SECATEURS_FETCH_ALLOWED_HOSTS": f"127.0.0.1:{stubbed}",
    }


async def _measure(port: int, arguments: argparse.Namespace) -> dict[str, float]:
    await _ask_for(Round(1, most=4 * arguments.workers), port, 0)  # the pages are in the cache then
    alone = Round(1, most=arguments.alone)
    await _ask_for(alone, port, 1)
    result = {"search_to_context_ms_median": median(alone.answered_ms)}
    for connections in map(int, arguments.connections.split(",")):
        outcome = Round(connections, until=time.monotonic() + arguments.seconds)
        await asyncio.gather(*(_ask_for(outcome, port, number) for number in range(connections)))
        result |= outcome.figures()
        await asyncio.sleep(1)
    return result


async def _ask_for(outcome: Round, port: int, number: int) -> None:
    """One connection's requests, one after the other: the next as soon as one is answered, or as it is told to come."""
    writer = None
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
        wait = 0.0
        while outcome.goes_on(wait):
            await asyncio.sleep(wait)
            writer.write(_request(outcome.question(number)))
            start = time.perf_counter()
            async with asyncio.timeout(END_SECONDS):
                status, wait = await _answer(reader)
            _count(outcome, status, 1000 * (time.perf_counter() - start))
    except (OSError, EOFError, TimeoutError, ValueError) as error:
        outcome.lost += 1
        sys.stderr.write(f"lost with {outcome.connections} connections: {error!r}\n")
    finally:
        if writer is not None:
            writer.close()


def _count(outcome: Round, status: int, milliseconds: float) -> None:
    outcome.statuses[status] += 1
    if status == 200:
        outcome.answered_ms.append(milliseconds)
        outcome.last = time.monotonic()
    elif status == 429:
        outcome.refused_ms.append(milliseconds)


def _request(question: str) -> bytes:
    body = json.dumps({"query": question, "max_tokens": 1024}).encode()
    about = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    head = f"POST /v1/search HTTP/1.1\r\n{about}\r\n\r\n"
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, float]:
    """Its status and Retry-After. Raises ValueError where an answer says that something was missing from it."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    body = await reader.readexactly(int(headers["content-length"]))
    status = int(lines[0].split()[1])
    if status == 200 and len(json.loads(body)["results"]) != 10:
        raise ValueError("pages are missing")
    return status, float(headers.get("retry-after", 0))


def _memory() -> float:
    """Bytes of the service's processes, what they share counted once."""
    commands = {process: _read(process, "cmdline") for process in _below("self")}
    return sum(_proportional(process) for process, command in commands.items() if b"load_stub" not in command)


def _below(process: str) -> Iterator[str]:
    for thread in Path(f"/proc/{process}/task").iterdir():
        for child in (thread / "children").read_text().split():
            yield child
            yield from _below(child)


def _read(process: str, name: str) -> bytes:
    return Path(f"/proc/{process}/{name}").read_bytes()


def _proportional(process: str) -> float:
    lines = _read(process, "smaps_rollup").decode().splitlines()
    return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _verdict(name: str, figure: float) -> str:
    if name == "search_to_context_ms_median":
        return f"bar: at most {CLAIMED_MS:g}: {'met' if figure <= CLAIMED_MS else 'MISSED'}"
    if name.endswith(("_errors", "_lost")):
        return f"bar: 0: {'met' if not figure else 'MISSED'}"
    return ""


if __name__ == "__main__":
    main()
