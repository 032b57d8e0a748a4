"""The fetcher as the settings want it, and the page of the documentation that explains them."""

import re

import pytest

import app.fetch
from app.fetch import FetchLimits, Guard, Manners, Proxies
from app.fetch.configured import guard_of, limits_of, manners_of, proxies_of
from app.settings import PREFIX, Settings, load_settings
from pruning.errors import InvalidInput
from tests.needs import ROOT

TEXT = (ROOT / "docs/fetching.md").read_text()


def test_the_settings_reach_the_fetcher() -> None:
    """Each of them, under another name than its default's."""
    settings = Settings(
        page_bytes=1_001,
        fetch_seconds=1.5,
        fetch_redirects=2,
        fetch_connect_seconds=2.5,
        fetch_first_byte_seconds=3.5,
        fetch_pace_seconds=4.5,
        fetch_pace_bytes=5,
        fetch_header_bytes=6_000,
        fetch_headers=70,
        fetch_allowed_hosts=("wiki.corp",),
        fetch_ports=(81,),
        fetch_contact="me@example.org",
        fetch_robots=False,
        fetch_per_host=9,
        fetch_connections=10,
        fetch_host_delay_seconds=11.5,
        fetch_crawl_delay_seconds=12.5,
        fetch_proxy="http://me:secret@proxy:3128",
    )
    limits = FetchLimits(1_001, 2, 1.5, 2.5, 3.5, 4.5, 5, 6_000, 70)
    assert limits == limits_of(settings)
    assert Guard(frozenset({"wiki.corp"}), frozenset({81})) == guard_of(settings)
    manners = manners_of(settings)
    assert Manners(manners.user_agent, False, 9, 10, 11.5, 12.5) == manners
    assert manners.user_agent.endswith(" (+me@example.org)")
    assert {"all": "http://proxy:3128"} == {k: str(v.url) for k, v in proxies_of(settings).by_scheme.items()}


def test_the_defaults_are_those_of_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetcher that is made without settings is the one that a service has, but for its whole time."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    settings = Settings()
    assert FetchLimits(seconds=settings.fetch_seconds) == limits_of(settings)
    assert (Guard(), Manners(), Proxies()) == (guard_of(settings), manners_of(settings), proxies_of(settings))


def test_allowed_hosts_are_hosts() -> None:
    """Capitals don't matter; what could never match is refused rather than ignored."""
    assert {"wiki.corp", "10.0.0.7:80"} == guard_of(
        Settings(fetch_allowed_hosts=("Wiki.Corp", "10.0.0.7:80"))
    ).allowed_hosts
    for wrong in ("http://wiki.corp", "*.corp", "me@wiki.corp", "wiki corp"):
        with pytest.raises(
            InvalidInput, match=r"^SECATEURS_FETCH_ALLOWED_HOSTS: '.*' is no host; write wiki.corp, or "
        ):
            guard_of(Settings(fetch_allowed_hosts=(wrong,)))


def test_a_proxy_of_the_environment_counts_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does for other programs."""
    monkeypatch.setenv("ALL_PROXY", "http://proxy:1")
    assert {"all"} == set(proxies_of(Settings()).by_scheme)
    assert set() == set(proxies_of(Settings(fetch_proxy_environment=False)).by_scheme)


@pytest.mark.parametrize("contact", ["two words", "a)b", "line\nbreak", "é@x"])
def test_a_contact_that_no_header_can_carry_is_refused(contact: str) -> None:
    """At the start, naming the variable."""
    with pytest.raises(InvalidInput, match=r"^SECATEURS_FETCH_CONTACT: "):
        load_settings(fetch_contact=contact)


def test_the_documentation_names_settings_and_errors_that_there_are() -> None:
    """Every setting of fetching is explained where fetching is, and every name of an error is one."""
    named = set(re.findall(rf"{PREFIX}([A-Z_]+[A-Z])", TEXT))
    known = {name.upper() for name in Settings.model_fields}
    assert set() == named - known
    elsewhere = {"FETCH_ENOUGH", "FETCH_GRACE_SECONDS", "FETCH_QUEUE"}
    assert set() == {name for name in known if name.startswith("FETCH_")} - named - elsewhere
    errors = set(re.findall(r"`([A-Z][a-z]+[A-Za-z]+)`", TEXT)) - {"Retry-After"}
    assert set() == errors - set(app.fetch.__all__)
