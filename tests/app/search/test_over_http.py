"""What all engines behind HTTP share: failures told, limits held, rests kept, connections reused."""

import asyncio
import gzip
import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.search import ProviderBusy, SearchError, SearchQuery
from app.search.over_http import MOST_BYTES
from tests.app.search.engine_server import ENGINES, KEY, Reply, brave
from tests.app.search.test_engines import opened

pytestmark = pytest.mark.anyio

QUERY = SearchQuery("a private question")
HTML = b"<!doctype html><title>Sign in</title>"
GOOD = {"type": "search", "web": {"results": []}}


def soon(seconds: float) -> float:
    """So many seconds from now, on the event loop's clock."""
    return asyncio.get_running_loop().time() + seconds


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(HTML), "the answer is no JSON; check SECATEURS_BRAVE_URL"),
        (Reply(b""), "the answer is no JSON"),
        (Reply(b'{"type": "search", "web": {"results": ['), "the answer is no JSON"),
        (Reply(b"[" * 100_000), "the answer is no JSON"),
        (Reply([]), "the answer is other JSON than expected, at its top"),
        (Reply({"results": []}), "other JSON than expected, at type"),
        (
            Reply({"type": "search", "web": {"results": [{"link": 1}]}}),
            "other JSON than expected, at web.results.0",
        ),
        (Reply(HTML, 401), "it refuses the key: check SECATEURS_BRAVE_KEY (status 401)"),
        (
            Reply({"error": f"no credit for {KEY}"}, 402),
            "the account has no credit left (status 402); it says: no credit",
        ),
        (Reply(HTML, 403), "it refuses the request: check SECATEURS_BRAVE_KEY and what the account's plan includes"),
        (Reply(HTML, 404), "there is nothing at this address: check SECATEURS_BRAVE_URL (status 404)"),
        (Reply({"error": {"detail": "bad q"}}, 400), "it refuses the request (status 400); it says: bad q"),
        (Reply(HTML, 302, {"location": "/login"}), "it points to another address, which is not followed: check"),
        (Reply({"message": "oops"}, 500), "it fails (status 500); it says: oops"),
        (Reply(HTML, 503), "it fails (status 503)"),
        (Reply(HTML, 204), "the answer is no JSON"),
        (Reply(GOOD, fault="truncate"), "it can't be reached: peer closed connection"),
        (Reply(GOOD, fault="reset"), "it can't be reached"),
        (Reply(b"no gzip", headers={"content-encoding": "gzip"}), "it can't be reached: Error"),
        (Reply(b"a" * (MOST_BYTES + 1)), f"the answer has more than {MOST_BYTES:,} bytes"),
        (Reply(gzip.compress(b"a" * (MOST_BYTES + 1)), headers={"content-encoding": "gzip"}), "has more than"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
async def test_a_failure_names_the_provider_and_what_to_do(
    reply: Reply, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In one line, without the key, and never as an answer without results."""
    caplog.set_level(logging.DEBUG)
    async with opened("brave", lambda _: reply) as (search, _):
        with pytest.raises(SearchError) as caught:
            await search(QUERY)
    assert str(caught.value).startswith("brave: ")
    assert expected in str(caught.value)
    assert KEY not in str(caught.value) + caplog.text


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "searxng"])
async def test_a_wrong_key_is_told(name: str) -> None:
    """As each engine says it; the key itself is not told."""
    async with opened(name, **{f"{name}_key": "wrong"}) as (search, _):
        with pytest.raises(SearchError, match=f"^{name}: .*SECATEURS_{name.upper()}_KEY") as caught:
            await search(QUERY)
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(("status", "expected"), [(432, "quota is used up"), (433, "limit that was set for paying")])
async def test_tavilys_own_statuses_are_told(status: int, expected: str) -> None:
    """They are none of HTTP's."""
    async with opened("tavily", lambda _: Reply({"detail": {"error": "limit"}}, status)) as (search, _):
        with pytest.raises(SearchError, match=f"^tavily: .*{expected}.*it says: limit"):
            await search(QUERY)


async def test_nobody_at_the_address_is_told() -> None:
    """The server is gone."""
    async with opened("brave", brave_url="http://127.0.0.1:1/") as (search, _):
        with pytest.raises(SearchError, match=r"^brave: it can't be reached: "):
            await search(QUERY)


async def test_a_hanging_engine_ends_at_the_deadline() -> None:
    """With an error, and no request left running."""
    async with opened("brave", lambda _: Reply(fault="hang")) as (search, _):
        with pytest.raises(SearchError, match=r"^brave: no answer in the time"):
            await search(QUERY, deadline=soon(0.1))
        assert not [task for task in asyncio.all_tasks() if "search" in repr(task.get_coro())]


async def test_a_dropped_connection_is_made_anew() -> None:
    """A server may close an idle one just as we write to it; connections are kept otherwise."""
    async with opened("brave") as (search, server):
        for _ in range(3):
            await search(QUERY)
        assert 1 == server.connections
        breaks = iter([Reply(fault="reset")])
        server.answer = lambda request: next(breaks, brave(request))
        assert 10 == len((await search(QUERY)).hits)
        server.drop()
        assert 10 == len((await search(QUERY)).hits)


@pytest.mark.parametrize(("status", "told"), [(429, "0"), (429, "date"), (429, None), (503, "0"), (503, "date")])
async def test_a_busy_engine_is_asked_once_more_if_there_is_time(told: str | None, status: int) -> None:
    """After the time that it names, as a number or a date, or a second where it names none."""
    header = format_datetime(datetime.now(UTC), usegmt=True) if told == "date" else told
    replies = iter([Reply({}, status, {"retry-after": header} if header is not None else {})])
    async with opened("brave", lambda request: next(replies, brave(request))) as (search, server):
        assert 10 == len((await search(QUERY)).hits)
    assert 2 == len(server.seen)


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_a_busy_engine_is_left_alone_if_there_is_none(form: str) -> None:
    """The error says when; until then nobody asks it."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True)
    reply = Reply({"error": "slow down"}, 429, {"retry-after": "120" if form == "seconds" else date})
    async with opened("brave", lambda _: reply) as (search, server):
        for _ in range(3):
            with pytest.raises(ProviderBusy, match=r"^brave: .*try again in 1[12]\d s$") as caught:
                await search(QUERY)
            assert 110 < (caught.value.retry_after or 0) <= 120
    assert 1 == len(server.seen)


async def test_an_engine_that_stays_busy_is_an_error() -> None:
    """After the second time; without a time of its own, none is told."""
    replies = iter([Reply({}, 429, {"retry-after": "0"}), Reply({}, 429)])
    async with opened("searxng", lambda _: next(replies)) as (search, _):
        with pytest.raises(ProviderBusy, match=r"^searxng: its limiter takes us for a bot") as caught:
            await search(QUERY)
    assert caught.value.retry_after is None


async def test_an_engine_that_is_down_is_left_alone_for_a_while() -> None:
    """After three failures in a row its callers fail at once, and are told why."""
    async with opened("brave", lambda _: Reply({}, 500)) as (search, server):
        for _ in range(3):
            with pytest.raises(SearchError, match=r"^brave: it fails \(status 500\)$"):
                await search(QUERY)
        with pytest.raises(SearchError, match=r"^brave: it fails \(status 500\); it is asked again in \d+ s$"):
            await search(QUERY)
    assert 3 == len(server.seen)


@pytest.mark.parametrize("reply", [Reply({}, 401), Reply(b"<html>"), Reply(fault="hang")])
async def test_what_says_nothing_about_the_next_request_is_no_reason(reply: Reply) -> None:
    """A refusal, an odd answer, a caller in a hurry."""
    async with opened("brave", lambda _: reply) as (search, _):
        for _ in range(5):
            with pytest.raises(SearchError) as caught:
                await search(QUERY, deadline=soon(0.1 if reply.fault else 60))
            assert "asked again" not in str(caught.value)


async def test_the_rate_of_the_settings_is_kept() -> None:
    """Who comes too early waits if there is time, and is told when there is none."""
    async with opened("brave", brave_rate=0.01) as (search, server):
        await search(QUERY)
        with pytest.raises(ProviderBusy, match="more requests than SECATEURS_BRAVE_RATE lets through") as caught:
            await search(QUERY)
        assert 90 < (caught.value.retry_after or 0) <= 100
    assert 1 == len(server.seen)
    async with opened("brave", brave_rate=50.0) as (search, server):
        await asyncio.gather(*(search(QUERY) for _ in range(60)))
    assert 60 == len(server.seen)
