"""Forward proxies: who names them, for which pages they count, and what is asked of a real one."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest

from app.fetch import Fetcher, Guard, Proxies, ProxyFailed, Refused
from pruning.errors import InvalidInput
from tests.app.fetch.conftest import PAGE, QUIET, Site, answer, failure_of
from tests.app.fetch.http2 import HTML, http2_site
from tests.app.fetch.proxy import Proxy, proxy

pytestmark = pytest.mark.anyio

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxies but those that a test names."""
    for name in (*PROXY_VARIABLES, "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def way() -> AsyncIterator[Proxy]:
    """A proxy that leads every host to the loopback."""
    async with proxy() as made:
        yield made


async def unresolved(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


def behind(way: Proxy, port: int, **more: object) -> Fetcher:
    """A fetcher behind the proxy, with the port of a site on the loopback for one of the web's."""
    guard = Guard(ports=frozenset({port}), resolver=unresolved)
    return Fetcher(guard, manners=QUIET, proxies=Proxies.configured(way.url), **more)  # type: ignore[arg-type]


async def test_a_page_comes_through_the_proxy(way: Proxy, site: Site) -> None:
    """The proxy is given the host's name, and we look up nothing."""
    site.answers["/"] = answer(PAGE)
    async with behind(way, site.port) as fetcher:
        assert PAGE == (await fetcher.fetch(f"http://page.example:{site.port}/")).html
    assert [f"GET http://page.example:{site.port}/ HTTP/1.1"] == way.requests
    assert [f"page.example:{site.port}"] == [headers["host"] for _, headers in site.requests]


async def test_a_page_with_tls_comes_through_a_tunnel(way: Proxy) -> None:
    """Certificate and HTTP/2 are the site's affair and ours: the proxy only passes bytes on."""
    async with http2_site("page.example") as (site, trusting), behind(way, site.port, verify=trusting) as fetcher:
        site.answers["/"] = (HTML, PAGE)
        for _ in range(2):
            assert PAGE == (await fetcher.fetch(f"https://page.example:{site.port}/")).html
        assert ([f"CONNECT page.example:{site.port} HTTP/1.1"], 1) == (way.requests, site.connections)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "wiki", "db.internal"])
async def test_hosts_inside_are_refused_behind_a_proxy_too(host: str, way: Proxy, site: Site) -> None:
    """What its mere spelling says is inside is not asked of the proxy, on a first hop or a later one."""
    url = f"http://{host}:{site.port}/"
    site.answers["/"] = f"HTTP/1.1 302 Found\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n".encode()
    async with behind(way, site.port) as fetcher:
        for start in (url, f"http://page.example:{site.port}/"):
            assert isinstance(await failure_of(fetcher, start), Refused)
    assert 1 == len(way.requests)


async def test_a_user_name_and_password_go_to_the_proxy(way: Proxy, site: Site) -> None:
    """They stand in the proxy's URL."""
    site.answers["/"] = answer(PAGE)
    named = Proxies.configured(way.url.replace("//", "//me:secret@"))
    async with Fetcher(Guard(ports=frozenset({site.port})), manners=QUIET, proxies=named) as fetcher:
        await fetcher.fetch(f"http://page.example:{site.port}/")
    assert [f"basic {base64.b64encode(b'me:secret').decode()}".lower()] == way.authorizations


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_fails_is_told_from_a_site_that_fails(scheme: str, way: Proxy, site: Site) -> None:
    """One that wants a password, and one that isn't there."""
    way.refuses = True
    async with behind(way, site.port) as fetcher:
        error = await failure_of(fetcher, f"{scheme}://page.example:{site.port}/")
        assert ProxyFailed is type(error)
    nowhere = Proxies.configured("http://127.0.0.1:9")
    async with Fetcher(Guard(), manners=QUIET, proxies=nowhere) as fetcher:
        error = await failure_of(fetcher, f"{scheme}://page.example/")
        assert (ProxyFailed, True) == (type(error), error.problem.startswith("the proxy can't be reached"))


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        ({"HTTP_PROXY": "http://p:1"}, "http://a.example/", "http://p:1"),
        ({"HTTP_PROXY": "p:1"}, "http://a.example/", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "https://a.example/", None),
        ({"https_proxy": "http://p:1", "HTTP_PROXY": "http://p:2"}, "https://a.example/", "http://p:1"),
        ({"ALL_PROXY": "http://p:1"}, "https://a.example/", "http://p:1"),
        ({"ALL_PROXY": "http://p:1", "HTTPS_PROXY": "http://p:2"}, "https://a.example/", "http://p:2"),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "*"}, "https://a.example/", None),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "b.example, A.example"}, "https://www.a.example/", None),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": ".a.example"}, "https://a.example/", None),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "a.example"}, "https://aa.example/", "http://p:1"),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "a.example:8443"}, "https://a.example/", "http://p:1"),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "a.example:443"}, "https://a.example/", None),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8,::1"}, "http://10.9.8.7/", None),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8,::1"}, "http://[::1]/", None),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8,::1"}, "http://11.9.8.7/", "http://p:1"),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": ""}, "http://a.example/", "http://p:1"),
        ({}, "http://a.example/", None),
    ],
)
def test_the_environment_names_proxies_as_for_other_programs(
    variables: dict[str, str], url: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By scheme, for all, and for none; names mean their subdomains too, networks their addresses."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    chosen = Proxies.configured(environment=True).proxy_for(httpx.URL(url))
    assert expected == (None if chosen is None else str(chosen.url))
    assert Proxies.configured(environment=False).proxy_for(httpx.URL(url)) is None


def test_the_setting_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is named for this service counts for all pages; NO_PROXY goes on saying what is asked directly."""
    monkeypatch.setenv("HTTPS_PROXY", "http://other:2")
    monkeypatch.setenv("NO_PROXY", "near.example")
    proxies = Proxies.configured("https://mine:1", environment=True)
    chosen = [proxies.proxy_for(httpx.URL(f"{host}.example")) for host in ("http://far", "https://far", "http://near")]
    assert ["https://mine:1", "https://mine:1", None] == [None if one is None else str(one.url) for one in chosen]


@pytest.mark.parametrize("url", ["socks5://me:secret@p:1", "ftp://p", "http://", "http://p:port"])
def test_a_proxy_that_cannot_be_used_is_refused_at_the_start(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line that names the variable and does not repeat the value, which may hold a password."""
    with pytest.raises(InvalidInput, match=r"^SECATEURS_FETCH_PROXY is no proxy .*: it must begin with http://") as one:
        Proxies.configured(url)
    monkeypatch.setenv("ALL_PROXY", url)
    with pytest.raises(InvalidInput, match=r"^ALL_PROXY is .*; SECATEURS_FETCH_PROXY_ENVIRONMENT=false") as other:
        Proxies.configured(environment=True)
    assert "secret" not in f"{one.value}{other.value}"
