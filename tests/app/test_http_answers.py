"""What servers say when they refuse."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http_answers import message, retry_after


@given(st.text(max_size=40) | st.from_regex(r"\d{1,30}", fullmatch=True) | st.just("Wed, 21 Oct 99999 07:28:00 GMT"))
def test_any_header_is_a_time_or_none(header: str) -> None:
    """Never negative, never longer than a timer can be."""
    told = retry_after(header)
    assert told is None or 0 <= told <= 366 * 24 * 3600


def test_both_forms_are_read() -> None:
    """A number of seconds, and a date, with its zone or without."""
    assert [120.0, None, None] == [retry_after(" 120 "), retry_after(None), retry_after("-1")]
    date = datetime.now(UTC) + timedelta(seconds=100)
    for told in (format_datetime(date, usegmt=True), date.strftime("%a, %d %b %Y %H:%M:%S")):
        assert 90 < (retry_after(told) or 0) <= 100


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error": {"message": "a\\n b"}}', "a b"),
        (b'{"error": "a"}', "a"),
        (b'{"message": "a", "detail": "b"}', "a"),
        (b'{"detail": {"error": "a"}}', "a"),
        (b"<html>", ""),
        (b"{}", ""),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
        (b'"' + b"x" * 500 + b'"', "x" * 200),
    ],
)
def test_a_message_is_found(body: bytes, expected: str) -> None:
    """In one line of bounded length."""
    assert expected == message(body)
