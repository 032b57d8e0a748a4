"""robots.txt by RFC 9309, fetched from real sites."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from app.fetch import (
    ConnectionFailed,
    DisallowedByRobots,
    Fetcher,
    FetchError,
    FetchLimits,
    FirstByteTimeout,
    Guard,
    Manners,
    Refused,
)
from app.fetch import robots as module
from tests.app.fetch.conftest import PAGE, Handler, Site, all_of, answer, endless, failure_of

pytestmark = pytest.mark.anyio

TEXT = "text/plain"
ALL_FORBIDDEN = answer(b"User-agent: *\nDisallow: /\n", TEXT)
LIMITS = FetchLimits(retry_seconds=0.0)


@pytest.fixture
async def polite(site: Site) -> AsyncIterator[Fetcher]:
    """A fetcher that obeys robots.txt, and a site with one page."""
    site.answers["/page"] = answer(PAGE)
    async with Fetcher(Guard(allowed_hosts=frozenset({site.host})), LIMITS) as fetcher:
        yield fetcher


async def paths_after(fetcher: Fetcher, site: Site) -> tuple[type[FetchError] | None, list[str]]:
    """What became of the page, and what was asked of the site."""
    try:
        await fetcher.fetch(f"{site.url}/page")
    except FetchError as error:
        return type(error), [path for path, _ in site.requests]
    return None, [path for path, _ in site.requests]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("User-agent: *\nDisallow: /page", DisallowedByRobots),
        ("User-agent: *\nDisallow: /\nAllow: /page$", None),
        ("User-agent: *\nDisallow: /*ag", DisallowedByRobots),
        ("User-agent: secateurs\nDisallow:\n\nUser-agent: *\nDisallow: /", None),
        ("User-agent: *\nDisallow:\n\nUser-agent: Secateurs\nDisallow: /", DisallowedByRobots),
        ("User-agent: secateursbot\nDisallow: /", None),
        ("\ufeffUser-agent: *\nDisallow: /page", DisallowedByRobots),
        ("<!doctype html><title>Not found</title>", None),
        ("", None),
    ],
)
async def test_the_rules_are_obeyed(rules: str, expected: type[FetchError] | None, polite: Fetcher, site: Site) -> None:
    """The group that names us, else that for all; the longest rule that matches."""
    site.answers["/robots.txt"] = answer(rules.encode(), TEXT)
    asked = ["/robots.txt"] if expected else ["/robots.txt", "/page"]
    assert (expected, asked) == await paths_after(polite, site)
    assert 1 == site.connections


async def test_the_error_says_who_forbids_and_which_setting_decides(polite: Fetcher, site: Site) -> None:
    """One line, for whoever asked for the page."""
    site.answers["/robots.txt"] = ALL_FORBIDDEN
    error = await failure_of(polite, f"{site.url}/page")
    expected = "the site's robots.txt forbids this page to secateurs; SECATEURS_FETCH_ROBOTS=false ignores it"
    assert expected == error.problem


async def test_a_site_is_asked_once(polite: Fetcher, site: Site) -> None:
    """All of its pages share what it said, also those that are asked for at the same time."""
    site.answers["/robots.txt"] = answer(b"User-agent: *\nDisallow: /no", TEXT)
    pages = await all_of(polite, [f"{site.url}/{path}" for path in ("page", "no", "page?again", "no/more")])
    assert [False, True, False, True] == [isinstance(page, DisallowedByRobots) for page in pages]
    assert 1 == [path for path, _ in site.requests].count("/robots.txt")


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "401 Unauthorized", "429 Too Many Requests"])
async def test_a_site_without_rules_allows_everything(status: str, polite: Fetcher, site: Site) -> None:
    """RFC 9309: any 4xx means that there are none."""
    site.answers["/robots.txt"] = answer(b"User-agent: *\nDisallow: /", TEXT, status=status)
    assert (None, ["/robots.txt", "/page"]) == await paths_after(polite, site)


@pytest.mark.parametrize("status", ["500 Internal Server Error", "503 Service Unavailable"])
async def test_a_site_whose_rules_fail_allows_nothing_for_a_while(status: str, polite: Fetcher, site: Site) -> None:
    """RFC 9309: a server error forbids all."""
    site.answers["/robots.txt"] = answer(b"", TEXT, status=status)
    for _ in range(2):
        error = await failure_of(polite, f"{site.url}/page")
        assert error.problem.startswith(f"the site's robots.txt can't be had: the server answers {status[:3]}; ")
    assert ["/robots.txt"] * 2 == [path for path, _ in site.requests]  # the second one is the retry


async def test_a_failure_is_forgotten_soon(polite: Fetcher, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that has recovered is fetched from again."""
    monkeypatch.setattr(module, "KEEP_FAILURE_SECONDS", 0.0)
    site.answers["/robots.txt"] = answer(b"", TEXT, status="500 Internal Server Error")
    await failure_of(polite, f"{site.url}/page")
    site.answers["/robots.txt"] = answer(b"", TEXT)
    assert PAGE == (await polite.fetch(f"{site.url}/page")).html


async def test_rules_that_do_not_come_are_told_as_what_they_are(site: Site) -> None:
    """A site that is silent about its rules is silent about its page."""

    async def silent(reader, writer) -> None:  # type: ignore[no-untyped-def]
        await reader.read()

    site.answers["/robots.txt"] = silent
    async with Fetcher(Guard(allowed_hosts=frozenset({site.host})), FetchLimits(first_byte_seconds=0.2)) as fetcher:
        error = await failure_of(fetcher, f"{site.url}/page")
    assert FirstByteTimeout is type(error)
    assert "the site's robots.txt can't be had: the server did not answer within 0.2 s" == error.problem


async def test_nobody_there_is_a_failed_connection(site: Site) -> None:
    """A dead host, and one that may not be asked, are no matter of rules."""
    async with Fetcher(Guard(allowed_hosts=frozenset({"127.0.0.99"}))) as fetcher:
        assert ConnectionFailed is type(await failure_of(fetcher, f"http://127.0.0.99:{site.port}/"))
        error = await failure_of(fetcher, "http://127.0.0.1/")
        assert (Refused, True) == (type(error), error.problem.startswith("the address of this host is not"))


async def test_redirects_to_the_rules_are_followed_under_the_guard(
    polite: Fetcher, site: Site, start_site: Callable[..., Awaitable[Site]]
) -> None:
    """Up to five of them, not into our own network, and a loop is as good as no rules."""
    inside = await start_site()
    site.answers["/robots.txt"] = answer(b"", TEXT, "location: /rules", status="301 Moved Permanently")
    site.answers["/rules"] = ALL_FORBIDDEN
    assert (DisallowedByRobots, ["/robots.txt", "/rules"]) == await paths_after(polite, site)
    for target, expected in ((f"{inside.url}/robots.txt", Refused), (f"{site.url}/robots.txt", None)):
        site.answers["/robots.txt"] = answer(b"", TEXT, f"location: {target}", status="302 Found")
        async with Fetcher(Guard(allowed_hosts=frozenset({site.host})), LIMITS) as fetcher:
            assert expected is (await paths_after(fetcher, site))[0]
    assert 0 == inside.connections


@pytest.mark.parametrize(
    "rules",
    [
        answer(b"User-agent: *\nDisallow: /page\n" + b"# padding\n" * 60_000, TEXT),
        endless(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nUser-agent: *\nDisallow: /page\n", b"# padding\n"),
    ],
    ids=["long", "endless"],
)
async def test_only_the_beginning_of_long_rules_counts(rules: bytes | Handler, polite: Fetcher, site: Site) -> None:
    """500 KiB and no more, whether the rest is sent or never ends."""
    site.answers["/robots.txt"] = rules
    assert (DisallowedByRobots, ["/robots.txt"]) == await paths_after(polite, site)


async def test_what_is_remembered_is_bounded(
    polite: Fetcher, start_site: Callable[..., Awaitable[Site]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site that was asked for least recently is forgotten, by number and by bytes."""
    monkeypatch.setattr(module, "MOST_SITES", 2)
    sites = [await start_site() for _ in range(3)]
    for one in sites:
        one.answers["/robots.txt"] = ALL_FORBIDDEN
    async with Fetcher(Guard(allowed_hosts=frozenset({"127.0.0.1"})), LIMITS) as fetcher:
        for index in (0, 1, 0, 2, 0, 1):
            await failure_of(fetcher, f"{sites[index].url}/")
        assert [1, 2, 1] == [len(one.requests) for one in sites]
        monkeypatch.setattr(module, "MOST_BYTES", 30)
        await failure_of(fetcher, f"{sites[2].url}/")
        await failure_of(fetcher, f"{sites[0].url}/")
        assert 2 == len(sites[0].requests)


async def test_rules_can_be_ignored(site: Site) -> None:
    """By setting, for those who may."""
    site.answers = {"/robots.txt": ALL_FORBIDDEN, "/page": answer(PAGE)}
    async with Fetcher(Guard(allowed_hosts=frozenset({site.host})), manners=Manners(robots=False)) as fetcher:
        assert (None, ["/page"]) == await paths_after(fetcher, site)


async def test_each_hop_of_a_redirect_is_asked_for_under_its_own_rules(
    polite: Fetcher, site: Site, start_site: Callable[..., Awaitable[Site]]
) -> None:
    """What leads to a page that its site forbids is not fetched either."""
    other = await start_site()
    other.answers["/robots.txt"] = ALL_FORBIDDEN
    site.answers["/page"] = answer(b"", "text/html", f"location: {other.url}/there", status="302 Found")
    async with Fetcher(Guard(allowed_hosts=frozenset({"127.0.0.1"})), LIMITS) as fetcher:
        error = await failure_of(fetcher, f"{site.url}/page")
    assert (DisallowedByRobots, True) == (type(error), error.problem.startswith(f"on the way, at {other.url}/there"))
