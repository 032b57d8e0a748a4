"""Every fault of a page costs its own slot and nothing else: one real service, and searches that find all at once.

The table of pages in README.md is the list of what is tested; what it says that the caller sees is asserted.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.faults.conftest import LIMITS, good_pages, service
from tests.faults.server import FAULTS, FAULTY, GERMAN, PEARS, ROBOTS_FAIL, ROBOTS_FORBID, ROBOTS_HANG, FaultyServer
from tests.faults.table import Row, rows
from tests.waiting import until

ROWS = rows("Pages")
# Searches find at most 50 pages; two of them are good ones.
BATCHES = ROWS[: len(ROWS) // 2], ROWS[len(ROWS) // 2 :]
# What a server can push into the buffers of two sockets before anybody reads it.
BUFFERS = 8_000_000
OF_THE_HOST = {"robots-fails": ROBOTS_FAIL, "robots-hangs": ROBOTS_HANG, "robots-forbids": ROBOTS_FORBID}


def address(faulty: FaultyServer, name: str) -> str:
    """Where a fault is met."""
    if name.startswith("tls-"):
        return f"https://{FAULTY}:{faulty.tls.get(name.removeprefix('tls-'), faulty.port)}/{name}"
    elsewhere = {"closed-port": f"http://{FAULTY}:9/", "unknown-host": "http://nobody.invalid/"}
    return elsewhere.get(name) or f"http://{OF_THE_HOST.get(name, FAULTY)}:{faulty.port}/{name}"


@pytest.fixture(scope="module")
def results(faulty: FaultyServer, authority: tuple[trustme.CA, Path]) -> dict[str, Any]:
    """By fault, the result of its page."""
    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority[1]))
        with service(faulty, fetch_enough=1.0) as client:
            for number, batch in enumerate(BATCHES):
                faulty.finds = [(address(faulty, row.test), f"The snippet of {row.test}") for row in batch]
                faulty.finds += [(f"{url}-{number}", None) for url, _ in good_pages(faulty, 2)]
                answer = client.post("/v1/search", json={"query": "pears", "max_results": 50, "max_tokens": 20_000})
                assert 200 == answer.status_code, answer.text
                *faults, one, other = answer.json()["results"]
                assert ["ok", "ok"] == [one["status"], other["status"]]
                found |= {row.test: result for row, result in zip(batch, faults, strict=True)}
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.test)
def test_a_fault_costs_its_slot(results: dict[str, Any], row: Row) -> None:
    """The caller reads what went wrong, and the snippet stands in; or the page is there all the same."""
    result = results[row.test]
    status, _, error = row.seen.partition(": ")
    assert status.strip("`") == result["status"], result["error"]
    if status == "`ok`":
        assert PEARS in result["content"] or "snippet" not in result["content"]
        assert None is result["error"]
    else:
        assert re.fullmatch(re.escape(error).replace("…", ".+"), result["error"], re.DOTALL), result["error"]
        assert f"The snippet of {row.test}" in result["content"]


@pytest.mark.parametrize("row", [row for row in ROWS if "request" in row.bound], ids=lambda row: row.test)
def test_nobody_is_asked_too_often(results: dict[str, Any], faulty: FaultyServer, row: Row) -> None:
    """As many requests as the table says: no retry without a reason, no redirect without an end."""
    (number,) = re.findall(r"(\d+) requests?", row.bound)
    assert int(number) == faulty.asked[row.test]


@pytest.mark.parametrize("name", ["endless", "endless-chunks", "endless-head", "video", "redirect-without-end"])
def test_what_has_no_end_is_cut(results: dict[str, Any], faulty: FaultyServer, name: str) -> None:
    """No more is taken than the limit, and what the sockets' buffers hold."""
    assert 0 < faulty.sent[name] <= LIMITS["page_bytes"] + BUFFERS


def test_secrets_inside_are_not_asked_for(results: dict[str, Any], faulty: FaultyServer) -> None:
    """Redirects into our own network end before the connection."""
    assert 0 == faulty.asked["secret"]


def test_text_arrives_whatever_was_said_of_its_encoding(results: dict[str, Any]) -> None:
    """A wrong charset garbles nothing."""
    for name in ("wrong-charset", "unknown-charset"):
        assert GERMAN in results[name]["content"]


def test_nothing_is_left_running(results: dict[str, Any], faulty: FaultyServer) -> None:
    """All connections to pages that failed or are late have ended."""
    until(lambda: not faulty.open)


def test_every_fault_is_told() -> None:
    """The table and the server know the same faults."""
    of_hosts = {*OF_THE_HOST, "closed-port", "unknown-host"}
    of_engines = {row.test for row in rows("Search engines")}
    told = {row.test for row in ROWS if not row.test.startswith("tls-")} - of_hosts
    assert set(FAULTS) == told | (of_engines & set(FAULTS))
