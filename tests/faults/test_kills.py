"""Each upstream killed in the middle of traffic, and started again: the table "Killed in the middle of traffic".

`make test-faults` does it longer, with two worker processes.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.killing import ROUTES, Told, World, world
from tests.faults.table import is_like, table
from tests.waiting import until

SECTION = "Killed in the middle of traffic"
# Each route is asked so often while the upstream is dead, and once it is well again.
ANSWERS = int(os.environ.get("SECATEURS_TESTS_ANSWERS", "1"))
# Read here: the tests' own settings hide all others from what they start.
SETTINGS = {
    "SECATEURS_REST_SECONDS": os.environ.get("SECATEURS_TESTS_REST", "0.5"),
    "SECATEURS_WORKERS": os.environ.get("SECATEURS_TESTS_WORKERS", "1"),
}


@pytest.fixture(scope="module")
def running(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A service and its upstreams."""
    with world(redis_server, tmp_path_factory.mktemp("kills"), **SETTINGS) as made:
        yield made


@pytest.mark.parametrize("row", table(SECTION), ids=lambda row: row[0])
def test_killed(running: World, row: list[str]) -> None:
    """Right, visibly degraded or a clear error, as the table says; all right again once the upstream is back."""
    killed, *cells = row
    expected = dict(zip(ROUTES, cells, strict=True))
    with running.traffic() as traffic:
        until(lambda: _are_enough(traffic.since(0)))
        alive = time.monotonic()
        running.upstreams[killed].kill()
        dead = time.monotonic()
        until(lambda: _are_enough(traffic.since(dead)))
        back = time.monotonic()
        running.upstreams[killed].start()
        until(lambda: traffic.is_well(back))
        well = time.monotonic()
        until(lambda: _are_enough(traffic.since(well)))
        until(running.is_kept)

    assert traffic.asked == len(traffic.told)
    assert [] == [one for one in traffic.told if not _is_as_told(one, expected[one.route], (alive, dead, back, well))]


def _are_enough(told: dict[str, list[Told]]) -> bool:
    return all(len(answers) >= ANSWERS for answers in told.values())


def _is_as_told(one: Told, cell: str, moments: tuple[float, float, float, float]) -> bool:
    """As in the cell while the upstream is dead, right while it is well; at the borders one of both, or degraded."""
    alive, dead, back, well = moments
    if one.ended < alive or one.begun > well:
        return one.verdict == "right"
    if one.begun > dead and one.ended < back:
        return is_like(one.verdict, cell)
    return one.verdict.startswith(("right", "degraded: ")) or is_like(one.verdict, cell)
