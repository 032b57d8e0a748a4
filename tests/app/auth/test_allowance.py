"""So many requests in each minute, day or the like."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth.allowance import Allowance

moments = st.integers(946_684_800_000, 4_102_444_800_000).map(lambda milliseconds: milliseconds / 1000)  # to 2100
allowances = st.builds(
    Allowance, st.integers(1, 10**12 - 1), st.sampled_from(["second", "minute", "hour", "day", "month"])
)


@given(allowances)
def test_what_is_written_is_read(allowance: Allowance) -> None:
    """As one writes it."""
    assert allowance == Allowance.parse(str(allowance))


@pytest.mark.parametrize(
    "text", ["", "60", "60/", "/minute", "0/minute", "-1/day", "1.5/day", "60/week", "٦/day", "1/day "]
)
def test_anything_else_is_refused(text: str) -> None:
    """With an example of how it is written."""
    with pytest.raises(ValueError, match="such as 60/minute or 10000/month"):
        Allowance.parse(text)


@given(allowances, moments)
def test_windows_follow_each_other(allowance: Allowance, now: float) -> None:
    """Each has an end, and the next one begins there; no two have the same name."""
    window = allowance.window(now)
    longest = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "month": 31 * 86_400}[allowance.unit]
    following = allowance.window(now + window.left + 1e-3)

    assert 0 < window.left <= longest
    assert window.name == allowance.window(now + window.left / 2).name
    assert window.name != following.name


def test_windows_are_those_of_the_calendar() -> None:
    """Months as long as they are, all of it in UTC."""
    now = datetime(2028, 2, 28, 23, 59, 30, tzinfo=UTC).timestamp()

    assert ("2028-02", 86_400.0 + 30) == (
        Allowance(1, "month").window(now).name,
        Allowance(1, "month").window(now).left,
    )
    assert [30.0, 30.0, 30.0] == [Allowance(1, unit).window(now).left for unit in ("minute", "hour", "day")]  # type: ignore[arg-type]
