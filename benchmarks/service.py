#!/usr/bin/env python3
"""What the service adds to the time of pruning, and whether it stays awake while a large page is being pruned.

A real `secateurs serve` on a real socket. What is measured, and how to read it, is told in benchmarks/README.md. The
last line of stdout is one JSON document.
"""

import argparse
import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any, TypeVar

import numpy as np
from machine import describe
from pages import all_pages, data_folder, large_page, read, sample
from running import service
from tqdm import tqdm

from pruning import Page, prune
from pruning.errors import ModelError

T = TypeVar("T")

QUESTION = "What does it say about the price, and who wrote it?"
BUDGET = 4096
HEALTH_PAUSE = 0.002  # seconds between two looks at /healthz


class NoModel:
    """As the service behaves with `SECATEURS_EMBEDDER=none`: both sides rank blocks by BM25, no model's time is in."""

    name = "none"

    def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        raise ModelError("no embedding model is set")


def main() -> None:
    arguments = _arguments()
    pages = sample(all_pages(arguments.data), arguments.pages)
    for name, value in describe("lxml", "numpy", "uvicorn", "fastapi").items():
        print(f"{name}: {value}")
    with service(SECATEURS_CACHE="false") as port:
        result = _overhead(port, pages, arguments.repeats) | _health(port, pages, arguments.large)
    for name, value in result.items():
        print(f"{name:32} {value:>10,.2f}  {_verdict(name, value)}".rstrip())
    print(json.dumps(result))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder(), help="the folder of real pages")
    parser.add_argument("--pages", type=int, default=50, help="pages to prune, equally many of each collection")
    parser.add_argument("--repeats", type=int, default=7, help="requests with each page; the median one counts")
    parser.add_argument("--large", type=int, default=5, help="requests with the page of 10 MB")
    return parser.parse_args()


def _overhead(port: int, pages: Sequence[Path], repeats: int) -> dict[str, float]:
    """The time of a request less that of the same `prune` in this process, page by page in turn."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    alone, served, inside = [], [], []
    for page in tqdm(pages, desc="one request at a time", unit="page"):
        html = read(page).decode("utf-8", "replace")
        body = json.dumps({"query": QUESTION, "pages": [{"html": html}], "max_tokens": BUDGET}).encode()
        times = [(*_timed(_prune, html), *_timed(_post, connection, "/v1/prune", body)) for _ in range(repeats)]
        alone.append(median(here for here, _, _, _ in times))
        served.append(median(there for _, _, there, _ in times))
        inside.append(median(answer["took_ms"] for _, _, _, answer in times))
    added = [there - here for there, here in zip(served, alone, strict=True)]
    return {
        "pages": len(pages),
        "prune_ms_median": median(alone),
        "request_ms_median": median(served),
        "took_ms_median": median(inside),
        "overhead_ms_median": median(added),
        "overhead_ms_p90": quantiles(added, n=10)[-1],
    }


def _health(port: int, pages: Sequence[Path], requests: int) -> dict[str, float]:
    """Times of /healthz while a page of 10 MB is on its way, read and pruned; and of it when nothing happens."""
    html = large_page(pages, 1_000_000, 10).decode()
    body = json.dumps({"query": QUESTION, "pages": [{"html": html}], "max_tokens": BUDGET}).encode()
    idle = _looks(port, _Countdown(200))
    busy: list[float] = []
    seconds: list[float] = []
    for _ in tqdm(range(requests), desc="10 MB", unit="request"):
        done = threading.Event()
        thread = threading.Thread(target=_post_large, args=(port, body, seconds, done))
        thread.start()
        busy += _looks(port, done)
        thread.join()
    if len(seconds) < requests:
        raise SystemExit("a request with 10 MB failed")
    return {
        "large_request_seconds": median(seconds),
        "healthz_looks_while_10mb": len(busy),
        "healthz_ms_idle": median(idle),
        "healthz_ms_median_while_10mb": median(busy),
        "healthz_ms_p99": quantiles(busy, n=100)[-1],
        "healthz_ms_max_while_10mb": max(busy),
    }


class _Countdown:
    """Is set after so many questions."""

    def __init__(self, left: int) -> None:
        self._left = left

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0


def _looks(port: int, done: "threading.Event | _Countdown") -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    while not done.is_set():
        times.append(_timed(_get, connection, "/healthz")[0])
        time.sleep(HEALTH_PAUSE)
    connection.close()
    return times


def _post_large(port: int, body: bytes, seconds: list[float], done: threading.Event) -> None:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        seconds.append(_timed(_post, connection, "/v1/prune", body)[0] / 1000)
        connection.close()
    finally:
        done.set()


def _prune(html: str) -> None:
    prune([Page(html)], QUESTION, max_tokens=BUDGET, embedder=NoModel())


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> dict[str, Any]:
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    return dict(json.loads(_answer(connection)))


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    return _answer(connection)


def _answer(connection: http.client.HTTPConnection) -> bytes:
    response = connection.getresponse()
    content = response.read()
    if response.status != http.HTTPStatus.OK:
        raise SystemExit(f"{response.status}: {content[:300]!r}")
    return content


def _timed(work: Callable[..., T], *arguments: Any) -> tuple[float, T]:
    """Milliseconds, and what came out."""
    start = time.perf_counter()
    result = work(*arguments)
    return 1000 * (time.perf_counter() - start), result


# What the project asks of itself, in milliseconds.
BARS = {"overhead_ms_median": 5, "healthz_ms_p99": 50, "healthz_ms_max_while_10mb": 50}


def _verdict(name: str, value: float) -> str:
    if name not in BARS:
        return ""
    return "met" if value <= BARS[name] else "NOT MET"


if __name__ == "__main__":
    main()
