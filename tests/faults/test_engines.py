"""A search engine that fails is an error that names it: one real service for each fault, asked by REST."""

import re

import pytest

from tests.faults.conftest import service
from tests.faults.server import FaultyServer
from tests.faults.table import Row, rows


@pytest.mark.parametrize("row", rows("Search engines"), ids=lambda row: row.test)
def test_a_failing_engine_is_named(faulty: FaultyServer, row: Row) -> None:
    """Its status, one line that says what is wrong, and never an empty result."""
    before = faulty.asked[f"{row.test}/search"]
    port = 9 if row.test == "closed-port" else faulty.port
    with service(faulty, searxng_url=f"http://127.0.0.1:{port}/{row.test}", search_seconds=2.0) as client:
        answer = client.post("/v1/search", json={"query": "pears"})

    detail, _, headers = row.seen.partition("; with ")
    assert (503 if headers else 502, "searxng") == (answer.status_code, answer.json()["provider"])
    assert re.fullmatch(re.escape(detail).replace("…", ".*"), answer.json()["detail"])
    assert bool(headers) == ("Retry-After" in answer.headers)
    if asked := re.findall(r"(\d+) requests?", row.bound):
        assert int(asked[0]) == faulty.asked[f"{row.test}/search"] - before
