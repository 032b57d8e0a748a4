"""What is asked for once more, and what is not."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import anyio
import pytest

from app.fetch import BadStatus, ConnectionFailed, Fetcher, FetchLimits, Guard, RateLimited
from tests.app.fetch.conftest import PAGE, QUIET, Handler, Site, answer, failure_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def patient(site: Site) -> AsyncIterator[Fetcher]:
    """A fetcher with a minute for each page."""
    limits = FetchLimits(seconds=60.0, retry_seconds=0.01)
    async with Fetcher(Guard(allowed_hosts=frozenset({site.host})), limits, QUIET) as fetcher:
        yield fetcher


def one_after_the_other(*answers: bytes) -> Handler:
    left = iter(answers)

    async def write(reader, writer) -> None:  # type: ignore[no-untyped-def]
        writer.write(next(left))

    return write


@pytest.mark.parametrize("status", ["500 X", "502 X", "503 X", "504 X"])
async def test_a_server_that_recovers_gives_its_page(status: str, patient: Fetcher, site: Site) -> None:
    """One more try after a moment, on the same connection."""
    site.answers["/"] = one_after_the_other(answer(b"", status=status), answer(PAGE))
    assert PAGE == (await patient.fetch(f"{site.url}/")).html
    assert (2, 1) == (len(site.requests), site.connections)


async def test_a_server_that_goes_on_failing_is_an_error(patient: Fetcher, site: Site) -> None:
    """There is one more try and no other."""
    site.answers["/"] = answer(b"", status="500 X")
    error = await failure_of(patient, f"{site.url}/")
    assert (BadStatus, "the server answers 500 X") == (type(error), error.problem)
    assert 2 == len(site.requests)


@pytest.mark.parametrize("status", ["400 X", "404 X", "410 X", "429 X", "501 X"])
async def test_other_errors_are_believed_at_once(status: str, patient: Fetcher, site: Site) -> None:
    """Asking again would not help, or is not wanted."""
    site.answers["/"] = answer(PAGE, status=status)
    await failure_of(patient, f"{site.url}/")
    assert 1 == len(site.requests)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_a_wait_that_there_is_time_for_is_waited(status: str, patient: Fetcher, site: Site) -> None:
    """The server says when to come back, in seconds or as a date; then it has the page."""
    for told in ("0", format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)):
        limited = answer(b"", "text/html", f"retry-after: {told}", status=status)
        site.answers["/"] = one_after_the_other(limited, answer(PAGE))
        assert PAGE == (await patient.fetch(f"{site.url}/")).html


async def test_a_wait_of_a_second_is_a_second(patient: Fetcher, site: Site) -> None:
    """Not less: the server counts."""
    limited = answer(b"", "text/html", "retry-after: 1", status="429 X")
    site.answers["/"] = one_after_the_other(limited, answer(PAGE))
    start = anyio.current_time()
    await patient.fetch(f"{site.url}/")
    assert anyio.current_time() - start >= 0.99


@pytest.mark.parametrize(("status", "told"), [("429 X", "3600"), ("503 X", "61"), ("429 X", "9" * 30)])
async def test_a_wait_that_there_is_no_time_for_is_told(status: str, told: str, patient: Fetcher, site: Site) -> None:
    """At once, with the seconds, so that the caller can come back."""
    site.answers["/"] = answer(b"", "text/html", f"retry-after: {told}", status=status)
    error = await failure_of(patient, f"{site.url}/")
    assert isinstance(error, RateLimited)
    assert error.retry_after is not None
    assert (int(status[:3]), True) == (error.status, error.retry_after >= 61)
    assert 1 == len(site.requests)


@pytest.mark.parametrize("told", ["", "soon", "-1", "1.5", "٣"])
async def test_a_wait_that_cannot_be_read_is_none(told: str, patient: Fetcher, site: Site) -> None:
    """Then 429 is an error without seconds."""
    site.answers["/"] = f"HTTP/1.1 429 X\r\nretry-after: {told}\r\ncontent-length: 0\r\n\r\n".encode()
    error = await failure_of(patient, f"{site.url}/")
    assert isinstance(error, RateLimited)
    assert error.retry_after is None


async def test_a_new_connection_that_breaks_is_not_tried_again(patient: Fetcher, site: Site) -> None:
    """Only one that had been kept may have been closed for its age."""

    async def hang_up(reader, writer) -> None:  # type: ignore[no-untyped-def]
        writer.transport.abort()

    site.answers = {"/": hang_up, "/good": answer(PAGE)}
    assert ConnectionFailed is type(await failure_of(patient, f"{site.url}/"))
    assert 1 == site.connections
    await patient.fetch(f"{site.url}/good")
    assert ConnectionFailed is type(await failure_of(patient, f"{site.url}/"))
    assert (["/", "/good", "/", "/"], 3) == ([path for path, _ in site.requests], site.connections)
