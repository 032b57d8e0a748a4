#!/usr/bin/env python3
"""How long a search takes of which three pages of ten hang, and how many pages it answers with.

A real `secateurs serve` on a real socket, whose search engine and pages are the faulty server of the tests. What is
measured, and how to read it, is told in benchmarks/README.md. The last line of stdout is one JSON document.
"""

import argparse
import http.client
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from machine import describe
from pages import all_pages, data_folder, read, sample
from running import service
from tqdm import tqdm

from app.clock import FETCH_SHARE
from tests.faults.server import FAULTY, GOOD, FaultyServer, faulty_server

QUESTION = "What does it say about the price, and who wrote it?"
HANGING = ("silent", "tarpit", "stalls")
GRACE = 1.0  # seconds, the default


def main() -> None:
    arguments = _arguments()
    for name, value in describe("httpx", "httpcore2", "uvicorn").items():
        print(f"{name}: {value}")
    print(f"embedder: {arguments.embedder}; deadline: {arguments.deadline_ms} ms")
    with faulty_server() as server:
        _find(server, [read(page) for page in sample(all_pages(arguments.data), 10)][:7])
        waiting = _rounds(server, arguments, SECATEURS_FETCH_ENOUGH="1")
        early = _rounds(server, arguments)
    result = _figures(waiting, early, arguments.deadline_ms)
    for name, figure in result.items():
        print(f"{name:36} {figure:>10,.1f}")
    print(json.dumps(result))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder(), help="the folder of real pages")
    parser.add_argument("--rounds", type=int, default=20, help="searches of each kind")
    parser.add_argument("--deadline-ms", type=int, default=3_000, help="what each search asks for")
    parser.add_argument("--embedder", default="none", help="the embedding model; none ranks by BM25")
    return parser.parse_args()


def _find(server: FaultyServer, pages: Sequence[bytes]) -> None:
    """Seven real pages, and three that hang, each in its own way."""
    server.pages = {f"real-{number}": page for number, page in enumerate(pages)}
    good = [(f"http://{GOOD}:{server.port}/{name}", None) for name in server.pages]
    hanging = [(f"http://{FAULTY}:{server.port}/{name}", f"The snippet of {name}.") for name in HANGING]
    server.finds = [hanging[0], *good[:3], hanging[1], *good[3:], hanging[2]]


def _rounds(server: FaultyServer, arguments: argparse.Namespace, **settings: str) -> list[tuple[float, int]]:
    """For each search its milliseconds, and the pages that were read."""
    addresses = {"SECATEURS_PROVIDER": "searxng", "SECATEURS_SEARXNG_URL": f"http://127.0.0.1:{server.port}"}
    limits = {
        "SECATEURS_EMBEDDER": arguments.embedder,
        "SECATEURS_CACHE": "false",  # each page is read anew
        "SECATEURS_FETCH_ALLOWED_HOSTS": f"{FAULTY},{GOOD}",
        "SECATEURS_FETCH_PER_HOST": "10",
        # The hanging pages end with the request's time, not with limits of their own.
        "SECATEURS_FETCH_FIRST_BYTE_SECONDS": "600",
        "SECATEURS_FETCH_PACE_BYTES": "0",
    }
    body = json.dumps({"query": QUESTION, "deadline_ms": arguments.deadline_ms}).encode()
    with service(**addresses, **limits, **settings) as port:
        return [_search(port, body) for _ in tqdm(range(arguments.rounds), desc="searches", unit="search")]


def _search(port: int, body: bytes) -> tuple[float, int]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    start = time.perf_counter()
    connection.request("POST", "/v1/search", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer: dict[str, Any] = json.loads(response.read())
    milliseconds = 1000 * (time.perf_counter() - start)
    connection.close()
    if response.status != http.HTTPStatus.OK:
        raise SystemExit(f"{response.status}: {answer}")
    return milliseconds, sum(result["status"] == "ok" for result in answer["results"])


def _figures(waiting: list[tuple[float, int]], early: list[tuple[float, int]], deadline_ms: int) -> dict[str, float]:
    slowest = max(milliseconds for milliseconds, _ in waiting)
    return {
        "searches": len(waiting) + len(early),
        "answered_pages": min(pages for _, pages in (*waiting, *early)),
        "over_deadline_ms": slowest - deadline_ms,
        "over_fetch_deadline_ms": slowest - FETCH_SHARE * deadline_ms,
        "over_fetch_deadline_ms_median": median(ms for ms, _ in waiting) - FETCH_SHARE * deadline_ms,
        "waiting_ms_median": median(ms for ms, _ in waiting),
        "early_ms_median": median(ms for ms, _ in early),
        "early_ms_max": max(ms for ms, _ in early),
        "early_over_grace_ms_median": median(ms for ms, _ in early) - 1000 * GRACE,
    }


if __name__ == "__main__":
    main()
