"""The filtering proxy, asked by clients that mean well and by others."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from app.fetch import ConnectionFailed, Guard, Refused
from app.fetch.browser.proxy import FilteringProxy, Pass
from app.fetch.browser.way_out import WayOut
from app.fetch.errors import ProxyFailed
from app.fetch.proxies import Proxies
from tests.app.fetch.conftest import Site, answer, endless

pytestmark = pytest.mark.anyio

PAGE = b"<p>Pears"
HOST = "pears.example"
StartSite = Callable[..., Awaitable[Site]]


@pytest.fixture
async def proxy(site: Site) -> AsyncIterator[FilteringProxy]:
    """A proxy that may reach `site`."""
    made = FilteringProxy(WayOut(Guard(allowed_hosts=frozenset({site.host}))))
    await made.start()
    yield made
    await made.aclose()


def client(proxy: FilteringProxy, shown: Pass, verify: ssl.SSLContext | bool = False) -> httpx.AsyncClient:
    """A client that shows the pass."""
    way = httpx.Proxy(proxy.url, auth=(shown.user, shown.password))
    return httpx.AsyncClient(proxy=way, verify=verify, trust_env=False, timeout=30)


async def raw(proxy: FilteringProxy, data: bytes) -> bytes:
    """What the proxy answers to these bytes, after which nothing more comes."""
    url = httpx.URL(proxy.url)
    assert url.port is not None
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(30):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_request_is_forwarded(proxy: FilteringProxy, site: Site) -> None:
    """With its headers and its body, less what concerns the proxy; the answer comes as the site gave it."""
    bodies: list[bytes] = []

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append(await reader.readexactly(5))
        writer.write(answer(PAGE, "text/html", "x-pear: green", status="201 Created"))

    site.answers["/form?a=1"] = read
    async with client(proxy, proxy.admit(1000)) as asked:
        response = await asked.post(f"{site.url}/form?a=1", content=b"cut=1", headers={"x-asks": "tests"})

    headers = site.requests[0][1]
    assert (201, PAGE, "green") == (response.status_code, response.content, response.headers["x-pear"])
    assert ([b"cut=1"], "tests", site.host) == (bodies, headers["x-asks"], headers["host"])
    assert [] == [name for name in headers if name.startswith("proxy-")]


async def test_a_body_of_unknown_length_is_forwarded(proxy: FilteringProxy, site: Site) -> None:
    """In either direction."""

    async def stream() -> AsyncIterator[bytes]:
        yield b"cut"

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"0\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n" + PAGE + b"\r\n0\r\n\r\n")

    site.answers["/"] = read
    async with client(proxy, proxy.admit(1000)) as asked:
        assert PAGE == (await asked.post(site.url, content=stream())).content


async def test_tls_goes_through_a_tunnel(start_site: StartSite) -> None:
    """Unread: the client sees the site's own certificate."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    trusting = ssl.create_default_context()
    site = await start_site(tls(trusting))
    site.answers["/"] = answer(PAGE)
    proxy = FilteringProxy(WayOut(Guard(frozenset({HOST}), resolver=resolve)))
    await proxy.start()
    shown = proxy.admit(10_000)
    async with client(proxy, shown, trusting) as asked:
        assert PAGE == (await asked.get(f"https://{HOST}:{site.port}/")).content
    await proxy.aclose()

    assert 0 < shown.bytes_left < 10_000


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_only_who_has_a_pass_is_served(scheme: str, proxy: FilteringProxy, site: Site) -> None:
    """No pass, a wrong one, one that is over: the site hears nothing of it."""
    over = proxy.admit(1000)
    proxy.dismiss(over)
    for shown in (over, Pass(1000)):
        async with client(proxy, shown) as asked:
            with pytest.raises(httpx.ProxyError, match="407") if scheme == "https" else pytest.MonkeyPatch.context():
                assert 407 == (await asked.get(f"{scheme}://{site.host}/")).status_code
    plain = await raw(proxy, f"GET {site.url}/ HTTP/1.1\r\nhost: {site.host}\r\n\r\n".encode())

    assert plain.startswith(b"HTTP/1.1 407 ")
    assert b'proxy-authenticate: Basic realm="secateurs"' in plain
    assert 0 == site.connections


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:8080/", "loopback"),
        ("https://127.0.0.1/", "loopback"),
        ("http://inside.example.com/", "loopback"),
        ("https://inside.example.com/", "loopback"),
        ("http://169.254.169.254/latest/", "link-local"),
        ("http://2130706433/", "four decimal numbers"),
        ("https://example.com:22/", "port 22"),
    ],
)
async def test_the_guard_decides(url: str, problem: str) -> None:
    """Who is refused gets no answer at all, and the reason stands in the pass."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"] if host == "inside.example.com" else [host]

    proxy = FilteringProxy(WayOut(Guard(resolver=resolve)))
    await proxy.start()
    shown = proxy.admit(1000)
    async with client(proxy, shown) as asked:
        with pytest.raises(httpx.TransportError):
            await asked.get(url)
    await proxy.aclose()

    failure = shown.failures[httpx.URL(url).host]
    assert isinstance(failure, Refused)
    assert problem in failure.problem


async def test_the_checked_address_is_the_one_that_is_connected_to(site: Site) -> None:
    """A name that leads elsewhere the next time is looked up once for each connection."""
    site.answers["/"] = answer(PAGE)
    asked_for: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked_for.append(host)
        return ["127.0.0.1" if len(asked_for) == 1 else "127.0.0.66"]

    proxy = FilteringProxy(WayOut(Guard(allowed_hosts=frozenset({"rebind.example"}), resolver=resolve)))
    await proxy.start()
    async with client(proxy, proxy.admit(1000)) as asked:
        assert PAGE == (await asked.get(f"http://rebind.example:{site.port}/")).content
    await proxy.aclose()

    assert ["rebind.example"] == asked_for


async def test_a_page_that_has_spent_its_bytes_is_cut_off(proxy: FilteringProxy, site: Site) -> None:
    """In the middle of an answer without end."""
    site.answers["/"] = endless(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n")
    spent = asyncio.Event()
    shown = proxy.admit(100_000)
    shown.on_spent = spent.set
    async with client(proxy, shown) as asked:
        with pytest.raises(httpx.RemoteProtocolError):
            await asked.get(site.url)

    assert shown.is_spent
    assert spent.is_set()


async def test_a_page_that_is_over_has_no_connections(proxy: FilteringProxy, site: Site) -> None:
    """Those that it still has are closed at both ends."""
    began = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        began.set()
        await reader.read()

    site.answers["/"] = hang
    shown = proxy.admit(1000)
    async with client(proxy, shown) as asked:
        waiting = asyncio.create_task(asked.get(site.url))
        await began.wait()
        proxy.dismiss(shown)
        with pytest.raises(httpx.RemoteProtocolError):
            await waiting
    await asyncio.wait_for(site.all_closed.wait(), 30)


async def test_a_site_that_fails_is_told(proxy: FilteringProxy, site: Site) -> None:
    """In the pass; the client sees its connection closed."""
    site.answers["/"] = b"nonsense\r\n\r\n"
    shown = proxy.admit(1000)
    async with client(proxy, shown) as asked:
        with pytest.raises(httpx.RemoteProtocolError):
            await asked.get(site.url)

    assert ConnectionFailed is type(shown.failures["127.0.0.1"])


async def test_a_forward_proxy_is_gone_through(start_site: StartSite) -> None:
    """By requests and by tunnels: it looks up the names, the guard still has its say on them."""
    trusting = ssl.create_default_context()
    plain, secret = await start_site(), await start_site(tls(trusting))
    plain.answers["/"] = secret.answers["/"] = answer(PAGE)
    ports = frozenset({plain.port, secret.port})

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    upstream = FilteringProxy(WayOut(Guard(frozenset({HOST}), ports, resolve)))
    await upstream.start()
    let_in = upstream.admit(100_000)
    forward = httpx.Proxy(upstream.url, auth=(let_in.user, let_in.password))
    proxy = FilteringProxy(WayOut(Guard(ports=ports, resolver=unasked), Proxies({"all": forward})))
    await proxy.start()
    shown = proxy.admit(100_000)
    async with client(proxy, shown, trusting) as asked:
        assert PAGE == (await asked.get(f"http://{HOST}:{plain.port}/")).content
        assert PAGE == (await asked.get(f"https://{HOST}:{secret.port}/")).content
        for inside in (f"http://127.0.0.1:{plain.port}/", f"https://localhost:{secret.port}/"):
            with pytest.raises(httpx.TransportError):
                await asked.get(inside)
    upstream.dismiss(let_in)
    async with client(proxy, shown, trusting) as asked:
        with pytest.raises(httpx.TransportError):
            await asked.get(f"https://{HOST}:{secret.port}/")
    await proxy.aclose()
    await upstream.aclose()

    assert {"127.0.0.1": Refused, "localhost": Refused, HOST: ProxyFailed} == {
        host: type(failure) for host, failure in shown.failures.items()
    }


def tls(trusting: ssl.SSLContext) -> ssl.SSLContext:
    """The context of a server under HOST that the given one then trusts."""
    authority, server = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(server)
    authority.configure_trust(trusting)
    return server


async def unasked(host: str, port: int) -> list[str]:
    """A resolver that nobody asks."""
    raise AssertionError(host)


@given(st.binary(max_size=200), st.sampled_from([b"", b"GET ", b"CONNECT ", b"POST http://127.0.0.1:1/ HTTP/1.1\r\n"]))
async def test_any_bytes_get_an_answer_of_ours_or_none(data: bytes, start: bytes) -> None:
    """Nothing that a stranger sends is forwarded, breaks the proxy or is left unanswered."""
    proxy = FilteringProxy(WayOut(Guard()))
    await proxy.start()
    said = await raw(proxy, start + data)
    await proxy.aclose()

    assert said == b"" or said.startswith(b"HTTP/1.1 407 ")
