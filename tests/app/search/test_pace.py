"""The token bucket: never more requests than it allows, whoever asks when."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.search.pace import Pace

moments = st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=60).map(sorted)


@given(moments, st.floats(0.1, 20), st.floats(0, 5))
def test_no_window_has_more_requests_than_allowed(comes: list[float], rate: float, patience: float) -> None:
    """In any stretch of time at most the burst and what the rate lets through; nobody starts before coming."""
    pace = Pace(rate)
    starts = []
    for now in comes:
        start = pace.reserve(now, now + patience)
        assert start >= now
        if start <= now + patience:
            starts.append(start)
    for first, begin in enumerate(starts):
        for count, end in enumerate(starts[first:], 1):
            assert count <= pace.burst + rate * (end - begin) + 1e-6


@given(moments)
def test_without_a_rate_nobody_waits(comes: list[float]) -> None:
    """But for a rest."""
    pace = Pace()
    assert comes == [pace.reserve(now, now) for now in comes]
    pace.rest(30.0)
    pace.rest(25.0)
    assert 30.0 == pace.reserve(1.0, 100.0)
    assert 31.0 == pace.reserve(31.0, 100.0)


def test_who_can_t_wait_takes_no_token() -> None:
    """The next one who can is not later for it."""
    pace = Pace(1.0)
    assert [0.0, 1.0, 1.0, 1.0] == [pace.reserve(0.0, until) for until in (0.0, 0.0, 0.5, 1.0)]


@pytest.mark.anyio
async def test_a_turn_is_waited_for_or_told() -> None:
    """On the event loop's clock."""
    now = asyncio.get_running_loop().time
    pace = Pace(0.01)
    assert 0.0 == await pace.turn(now())
    assert 0 < await pace.turn(now()) <= 100
    pace = Pace()
    rested = now() + 0.05
    pace.rest(rested)
    assert 0.0 == await pace.turn(rested)
    assert now() >= rested
