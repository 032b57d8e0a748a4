"""The guard: what may be asked, whose address is used, and that no hop of a redirect gets round it."""

from collections.abc import Awaitable, Callable, Sequence

import httpx
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from app.fetch import Fetcher, FetchError, Guard, Refused, TlsFailed
from tests.app.fetch.certificates import server_of, trusting
from tests.app.fetch.conftest import QUIET, Site

pytestmark = pytest.mark.anyio

PAGE = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<p>x"
CONTEXT = httpx.create_ssl_context()


def problem_of(url: str) -> str:
    with pytest.raises(Refused) as caught:
        Guard().check_url(httpx.URL(url))
    return caught.value.problem


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com/", "gopher://example.com", "data:,x"])
def test_only_http_and_https_are_fetched(url: str) -> None:
    """Other schemes are refused by name."""
    assert f"only http and https are fetched, not {url.partition(':')[0]}" == problem_of(url)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0x7f.0.0.1", "1.2.3.0x4", "1.2.3"])
def test_an_ipv4_address_is_only_read_in_its_common_spelling(host: str) -> None:
    """Decimal, hexadecimal and shortened spellings, which resolvers read as addresses, are refused."""
    assert "an IPv4 address must be written as four decimal numbers" == problem_of(f"http://{host}/")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://example.com./", "a host name with a dot at its end is not fetched"),
        ("http://localhost./", "a host name with a dot at its end is not fetched"),
        ("http://localhost/", "the address of this host is not on the open web: loopback; "),
        ("http://metadata.google.internal/", "the address of this host is not on the open web: private or cloud metad"),
        ("http://wiki/", "the address of this host is not on the open web: private (a name without a dot)"),
        ("http://printer.local/", "the address of this host is not on the open web: private; "),
        ("http://10.0.0.1/", "the address of this host is not on the open web: private; "),
        ("http://[fd00::1]/", "the address of this host is not on the open web: private or cloud metadata; "),
        ("http://me@example.com/", "a URL with a user name or password is not fetched"),
        ("http:///x", "the URL names no host"),
    ],
)
def test_hosts_that_are_inside_by_their_spelling_are_refused_before_any_lookup(url: str, problem: str) -> None:
    """Behind a forward proxy there is no lookup of ours, so names and addresses written out are judged as they are."""
    assert problem_of(url).startswith(problem)


@pytest.mark.parametrize("port", [0, 22, 25, 6379, 9200, 65535])
def test_ports_of_other_services_are_refused(port: int) -> None:
    """Only the ports that web servers use are asked."""
    assert f"port {port} is not fetched from; SECATEURS_FETCH_PORTS lists the ports that are" == problem_of(
        f"http://example.com:{port}/"
    )


@pytest.mark.parametrize("url", ["http://example.com/", "https://example.com:8443/x", "http://1.2.3.4:8080"])
def test_a_common_url_passes(url: str) -> None:
    """The guard has nothing against the URLs of the open web."""
    Guard().check_url(httpx.URL(url))


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    """The message shows the URL without its secret."""
    with pytest.raises(Refused) as caught:
        Guard().check_url(httpx.URL("http://me:secret@example.com/"))
    assert "secret" not in str(caught.value)


def test_one_port_of_a_host_can_be_allowed_or_all_of_them() -> None:
    """`host:port` frees that port alone, `host` the whole host; a final dot or capitals change nothing."""
    guard = Guard(allowed_hosts=frozenset({"wiki.corp", "127.0.0.1:9", "[::1]:7"}))
    cases = [
        ("WIKI.corp.", 1),
        ("127.0.0.1", 9),
        ("::1", 7),
        ("127.0.0.1", 8),
        ("::1", 8),
        ("a.wiki.corp", 1),
    ]
    assert [True, True, True, False, False, False] == [guard.is_allowed(*case) for case in cases]


async def test_a_host_with_one_address_inside_is_refused() -> None:
    """A public address beside a private one doesn't help."""
    guard = Guard(resolver=answering([["1.1.1.1", "127.0.0.1"]]))
    with pytest.raises(Refused, match=r"not on the open web: loopback; SECATEURS_FETCH_ALLOWED_HOSTS"):
        await guard.addresses("both.test", 80)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "localhost", "169.254.169.254", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"]
)
async def test_an_address_inside_is_never_connected_to(host: str, site: Site) -> None:
    """A URL that leads to the loopback is refused although a server listens there."""
    guard = Guard(ports=frozenset({site.port}))
    async with Fetcher(guard, manners=QUIET) as fetcher:
        with pytest.raises(Refused, match="not on the open web"):
            await fetcher.fetch(f"http://{host}:{site.port}/")
    assert 0 == site.connections


async def test_a_redirect_into_a_private_address_is_refused(
    fetcher: Fetcher, site: Site, start_site: Callable[..., Awaitable[Site]]
) -> None:
    """The second hop is checked like the first: another server on the loopback is not asked."""
    inside = await start_site()
    for target in (
        inside.url,
        f"http://localhost:{inside.port}/",
        "http://169.254.169.254/latest/meta-data/",
    ):
        site.answers["/"] = redirect_to(target)
        with pytest.raises(Refused) as caught:
            await fetcher.fetch(f"{site.url}/")
        assert f"{site.url}/" == caught.value.url
        assert "on the way, " in caught.value.problem
    assert 0 == inside.connections


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("file:///etc/passwd", "only http and https are fetched"),
        ("ftp://example.com/", "only http and https are fetched"),
        ("http://2130706433/", "an IPv4 address must be written as four decimal numbers"),
        ("http://example.com:6379/", "port 6379 is not fetched from"),
        ("http://me:secret@example.com/", "a user name or password"),
    ],
)
async def test_a_redirect_is_held_to_the_rules_on_urls(target: str, problem: str, site: Site) -> None:
    """On every hop, before anything is looked up."""
    site.answers["/"] = redirect_to(target)
    asked: list[str] = []
    guard = Guard(allowed_hosts=frozenset({site.host}), resolver=answering([["127.0.0.1"]], asked))
    async with Fetcher(guard, manners=QUIET) as fetcher:
        with pytest.raises(Refused, match=problem):
            await fetcher.fetch(f"{site.url}/")
    assert ["127.0.0.1"] == asked


async def test_the_checked_address_is_the_one_that_is_connected_to(site: Site) -> None:
    """DNS answers that change between the check and the connection change nothing: there is one lookup."""
    site.answers["/"] = PAGE
    asked: list[str] = []
    guard = Guard(
        allowed_hosts=frozenset({"rebind.test"}),
        resolver=answering([["127.0.0.1"], ["127.0.0.66"]], asked),
    )
    async with Fetcher(guard, manners=QUIET) as fetcher:
        await fetcher.fetch(f"http://rebind.test:{site.port}/")
    assert ["rebind.test"] == asked
    assert [f"rebind.test:{site.port}"] == [headers["host"] for _, headers in site.requests]


async def test_a_dead_address_leaves_its_place_to_the_next(site: Site) -> None:
    """A host whose first address refuses the connection is reached at its second one."""
    site.answers["/"] = PAGE
    guard = Guard(allowed_hosts=frozenset({"two.test"}), resolver=answering([["127.0.0.77", "127.0.0.1"]]))
    async with Fetcher(guard, manners=QUIET) as fetcher:
        assert b"<p>x" == (await fetcher.fetch(f"http://two.test:{site.port}/")).html


async def test_the_certificate_must_be_of_the_host_that_was_asked(
    start_site: Callable[..., Awaitable[Site]],
) -> None:
    """Connecting to an address changes nothing about TLS: the name is verified, and so is who signed."""
    authority = trustme.CA()
    site = await start_site(server_of(authority, "good.test"))
    site.answers["/"] = PAGE
    guard = Guard(allowed_hosts=frozenset({"good.test", "evil.test"}), resolver=answering([["127.0.0.1"]] * 3))
    async with Fetcher(guard, manners=QUIET, verify=trusting(authority)) as fetcher:
        await fetcher.fetch(f"https://good.test:{site.port}/")
        with pytest.raises(TlsFailed, match="certificate verify failed: Hostname mismatch"):
            await fetcher.fetch(f"https://evil.test:{site.port}/")
    async with Fetcher(guard, manners=QUIET) as fetcher:
        with pytest.raises(TlsFailed, match="unable to get local issuer certificate"):
            await fetcher.fetch(f"https://good.test:{site.port}/")


@given(st.text(max_size=40), st.sampled_from(["", "http://", "https://", "//", "http://[", "HTTP://a@"]))
async def test_any_text_as_a_url_gives_an_error_of_ours(text: str, start: str) -> None:
    """Whatever is given as a URL is refused or fails in one line; here no host has an address."""
    async with Fetcher(Guard(resolver=answering([[]] * 100)), manners=QUIET, verify=CONTEXT) as fetcher:
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(start + text)
    assert 1 == len(str(caught.value).splitlines())


def redirect_to(target: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n".encode()


def answering(
    answers: list[list[str]], asked: list[str] | None = None
) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """A resolver that gives one answer after the other."""
    left = iter(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        if asked is not None:
            asked.append(host)
        return next(left)

    return resolve
