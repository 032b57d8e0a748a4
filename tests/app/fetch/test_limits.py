"""The minimum speed: what its windows say about bytes that arrive."""

from hypothesis import given
from hypothesis import strategies as st

from app.fetch.limits import Pace

arrivals = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 30)), max_size=40)


def test_nothing_at_all_is_given_up_after_one_window() -> None:
    """Bytes that are too few don't move the end of the window."""
    pace = Pace(minimum=10, seconds=5.0, now=100.0)
    assert 105.0 == pace.deadline
    pace.arrived(9, now=104.0)
    assert 105.0 == pace.deadline


def test_without_a_minimum_there_is_no_deadline() -> None:
    """Zero switches it off."""
    assert float("inf") == Pace(minimum=0, seconds=5.0, now=0.0).deadline


@given(arrivals, st.integers(1, 50), st.integers(1, 30))
def test_the_deadline_is_the_end_of_the_first_window_with_too_few_bytes(
    steps: list[tuple[int, int]], minimum: int, seconds: int
) -> None:
    """As if every window were counted anew."""
    pace, now, seen = Pace(minimum, seconds, now=0), 0, []
    for pause, size in steps:
        now += pause
        if now >= pace.deadline:
            break
        pace.arrived(size, now)
        seen.append((now, size))
    end = int(pace.deadline)
    assert sum(size for moment, size in seen if moment > end - seconds) < minimum
    for moment in range(seconds, end):
        assert sum(size for at, size in seen if moment - seconds < at <= moment) >= minimum or moment > now
