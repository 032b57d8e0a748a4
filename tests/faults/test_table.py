"""The tables of README.md name tests that there are."""

import re

import pytest

from tests.faults.killing import KINDS, ROUTES
from tests.faults.table import Row, rows, table
from tests.faults.test_kills import SECTION
from tests.needs import ROOT

SECTIONS = ("Pages", "Deadlines", "Search engines", "Held by tests elsewhere")


def test_there_are_enough() -> None:
    """Thirty faults at least, each told once."""
    told = [(section, row.test) for section in SECTIONS for row in rows(section)]
    assert len(set(told)) == len(told) >= 30


@pytest.mark.parametrize("row", rows("Held by tests elsewhere"), ids=lambda row: row.test)
def test_tests_elsewhere_exist(row: Row) -> None:
    """A test that is renamed takes its row along."""
    file, name = row.test.split("::")
    assert re.search(rf"def {re.escape(name)}\(", (ROOT / file).read_text(encoding="utf-8"))


def test_deadlines_are_those_tested() -> None:
    """Each row is a test of the file or a parameter of one, and each test has its row."""
    source = (ROOT / "tests/faults/test_deadlines.py").read_text(encoding="utf-8")
    tests = set(re.findall(r"(?:def |\")(test_\w+)", source)) - {"test_hanging_pages"}
    assert tests == {row.test for row in rows("Deadlines")}


def test_each_upstream_is_killed() -> None:
    """Each has its row, and each route its cell in it."""
    assert {*KINDS, "redis"} == {killed for killed, *_ in table(SECTION)}
    assert {len(ROUTES)} == {len(cells) for _, *cells in table(SECTION)}
