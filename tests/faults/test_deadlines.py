"""One deadline for a whole search: what has arrived by then is used, and what has not is cancelled."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from app.clock import FETCH_SHARE
from tests.app.metrics import counted
from tests.app.turning import TurnedLoop
from tests.faults.conftest import good_pages, service
from tests.faults.server import FAULTY, FaultyServer
from tests.waiting import until

# Pages have as long as the request lets them.
PATIENT: dict[str, Any] = {
    "fetch_seconds": 600.0,
    "fetch_connect_seconds": 600.0,
    "fetch_first_byte_seconds": 600.0,
    "fetch_pace_bytes": 0,
}


def ten_pages(faulty: FaultyServer) -> list[tuple[str, str | None]]:
    """What a search finds: seven good pages, and three that hang in their own ways."""
    hanging = [(f"http://{FAULTY}:{faulty.port}/{name}", f"The snippet of {name}") for name in HANGING]
    good = good_pages(faulty, 7)
    return [good[0], hanging[0], *good[1:4], hanging[1], *good[4:], hanging[2]]


HANGING = ("silent", "tarpit", "stalls")


def is_idle(faulty: FaultyServer) -> bool:
    """Whether all connections have ended."""
    return not faulty.open


def late(faulty: FaultyServer, path: str, body: dict[str, Any], pages: int, hanging: int = 3) -> httpx.Response:
    """The answer when so many pages have arrived and so many hang, and at once the time for pages is over."""
    loop, before = TurnedLoop(), faulty.asked.copy()
    with (
        service(faulty, lambda: loop, **PATIENT, fetch_enough=1.0) as client,
        counted(client) as found,
        ThreadPoolExecutor() as threads,
    ):
        began = loop.time()
        answer = threads.submit(client.post, path, json=body | {"deadline_ms": 60_000})
        until(lambda: hanging == sum((faulty.asked - before)[name] for name in HANGING))
        until(lambda: found.look()("upstream_seconds_count", upstream="web") == pages)
        loop.turn_to(began + FETCH_SHARE * 60)
        response = answer.result()
        until(partial(is_idle, faulty))
    return response


def test_three_of_ten_hang(faulty: FaultyServer) -> None:
    """The other seven are there, and the snippets of the three."""
    faulty.finds = ten_pages(faulty)
    with service(faulty, **PATIENT, fetch_grace_seconds=0.1) as client:
        answer = client.post("/v1/search", json={"query": "pears"}).json()
        until(partial(is_idle, faulty))

    has_seven_and_three_snippets(answer, "enough other pages had arrived, so this one was not waited for")


def test_three_of_ten_hang_and_all_are_waited_for(faulty: FaultyServer) -> None:
    """The same, when the time for pages is over: it is as soon as the seven have arrived."""
    faulty.finds = ten_pages(faulty)
    answer = late(faulty, "/v1/search", {"query": "pears"}, pages=7).json()

    has_seven_and_three_snippets(answer, "the page did not arrive in the time that the request has for it")


def has_seven_and_three_snippets(answer: dict[str, Any], why: str) -> None:
    """And says why."""
    by_status: dict[str, list[Any]] = {"ok": [], "snippet_only": []}
    for result in answer["results"]:
        by_status[result["status"]].append(result)
    assert 7 == len(by_status["ok"])
    assert [why] * 3 == [result["error"] for result in by_status["snippet_only"]]
    assert all(f"The snippet of {name}" in answer["content"] for name in HANGING)
    assert ["embed: no embedding model is configured; ranked by BM25 instead"] == answer["degraded"]


def test_all_hang(faulty: FaultyServer) -> None:
    """The answer is made of snippets, and says so."""
    faulty.finds = [(f"http://{FAULTY}:{faulty.port}/{name}", f"The snippet of {name}") for name in HANGING]
    answer = late(faulty, "/v1/search", {"query": "pears"}, pages=0)

    assert 200 == answer.status_code
    assert "The snippet of tarpit" in answer.json()["content"]
    told = "fetch: none of the 3 pages could be had, see their errors; 3 search snippets stand in"
    assert told in answer.json()["degraded"]


def test_a_caller_that_goes_away(faulty: FaultyServer) -> None:
    """Nobody fetches on for somebody who has hung up."""
    faulty.finds = ten_pages(faulty)
    with service(faulty, **PATIENT | {"fetch_enough": 1.0}) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/search", json={"query": "pears"}, timeout=1.0)
        until(partial(is_idle, faulty))


def test_named_pages_that_hang(faulty: FaultyServer) -> None:
    """Ten addresses, one of which hangs: nine are pruned."""
    urls = [url for url, _ in good_pages(faulty, 9)] + [f"http://{FAULTY}:{faulty.port}/silent"]
    answer = late(faulty, "/v1/prune", {"query": "pears", "urls": urls}, pages=9, hanging=1).json()

    assert ["ok"] * 9 + ["failed"] == [result["status"] for result in answer["results"]]
    assert "did not arrive in the time" in answer["results"][-1]["error"]
    assert 0 < answer["tokens"]
