"""A service in a process of its own that searches many times among random faults, and counts what is left behind.

    python -m tests.faults.leaks PORT SEARCHES < addresses.json

The faulty server is another process. Warms up with a fifth of the searches, takes stock, searches, waits until nothing
is under way any more, and takes stock again; both inventories go to stdout as one JSON document.
"""

import asyncio
import gc
import json
import os
import random
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from app.main import create_app
from app.settings import Settings
from tests.faults.conftest import service_settings

# What grows by itself up to a bound of its own: pools start a thread when all others are busy.
UNBOUND = {"threads", "megabytes"}
AT_ONCE = 8
PAGES = 4
# So that the searches take seconds: what hangs does so for a moment.
QUICK: dict[str, Any] = {
    "fetch_connect_seconds": 0.3,
    "fetch_first_byte_seconds": 0.3,
    "fetch_pace_seconds": 0.3,
    "fetch_grace_seconds": 0.05,
    "page_bytes": 300_000,
}
# Each search is one of these: as usual, cut short by its deadline, or by a caller who hangs up.
WAYS = ({}, {"deadline_ms": 200}, {"hang_up": 0.1})


def main() -> None:
    port, searches = int(sys.argv[1]), int(sys.argv[2])
    addresses = json.load(sys.stdin)
    print(json.dumps(asyncio.run(_run(port, searches, addresses))))


async def _run(port: int, searches: int, addresses: list[str]) -> dict[str, Any]:
    app = create_app(Settings(**service_settings(port) | QUICK))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    own = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    chance = random.Random(7)
    statuses = await _search_all(own, searches // 5, addresses, chance)
    before = await _inventory()
    statuses += await _search_all(own, searches, addresses, chance)
    after = await _inventory(before)
    peers = _peers()
    server.should_exit = True
    await serving
    counts = {str(status): statuses.count(status) for status in set(statuses)}
    return {"before": before, "after": after, "peers": peers, "statuses": counts}


async def _search_all(own: str, number: int, addresses: list[str], chance: random.Random) -> list[int]:
    """The statuses of so many searches, a few at a time; 0 for one whose caller hung up."""
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=own, timeout=60, trust_env=False) as client:

        async def search(urls: list[str], deadline_ms: int | None = None, hang_up: float | None = None) -> int:
            body = {"query": "pears " + " ".join(urls), "deadline_ms": deadline_ms}
            with suppress(httpx.TimeoutException):
                async with gate:
                    answer = await client.post("/v1/search", json=body, timeout=hang_up or 60)
                    return answer.status_code
            return 0

        ways = [(chance.sample(addresses, PAGES), chance.choices(WAYS, (8, 1, 1))[0]) for _ in range(number)]
        return await asyncio.gather(*(search(urls, **way) for urls, way in ways))


async def _inventory(wanted: dict[str, Any] | None = None) -> dict[str, Any]:
    """What there is when nothing is under way: tasks, open files, temporary files, threads, children, memory in MB.

    Waits until there is no more than `wanted`, half a minute at most.
    """
    for _ in range(300):
        gc.collect()
        found = _counted()
        if wanted is not None and all(found[name] <= wanted[name] for name in found if name not in UNBOUND):
            break
        await asyncio.sleep(0.1)
        if wanted is None and found == _counted():
            break
    return found


def _counted() -> dict[str, Any]:
    return {"tasks": len(asyncio.all_tasks())} | inventory()


def inventory() -> dict[str, Any]:
    """What this process has: sockets, other open files, temporary files, threads, children, memory in MB."""
    links = list(_open_files())
    return {
        "sockets": sum(link.startswith("socket:") for link in links),
        "files": sum(not link.startswith("socket:") for link in links),
        "temporary_files": len(list(Path(tempfile.gettempdir()).iterdir())),
        "threads": threading.active_count(),
        "children": len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()),
        "megabytes": round(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6, 1),
    }


def _open_files() -> Iterator[str]:
    for file in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            yield str(file.readlink())


def _peers() -> list[str]:
    """The far ends of this process's TCP connections, as the kernel writes them, with their states."""
    links = set(_open_files())
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return sorted(f"{row[1]} -> {row[2]} {row[3]}" for row in rows if f"socket:[{row[9]}]" in links)


if __name__ == "__main__":
    main()
