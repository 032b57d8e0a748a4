"""What a page may do in the browser, and what is read of it: one real Chromium, pages of ours."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.server import ServerConnection, serve

from app.fetch import BadStatus, BodyTooLarge, ConnectionFailed, FetchError, FetchTimeout, Guard, Refused
from app.fetch.browser import Browser
from tests.app.fetch.browser.conftest import AGENT, Start
from tests.app.fetch.conftest import Site, answer

pytestmark = pytest.mark.anyio

PEAR = "\N{PEAR}"

# What a page tries to reach: MARK is what must not be reached, and how each try ended is drawn.
ATTACK = """<!doctype html><body><p>Pears</p><ul></ul><script>
const tell = (how, what) => { const item = document.createElement('li'); item.textContent = how + ' ' + what;
  document.querySelector('ul').append(item); };
for (const url of URLS) {
  fetch(url, {mode: 'no-cors'}).then(() => tell('answered', url), () => tell('refused', url));
  const image = new Image(); image.src = url + '?img'; document.body.append(image);
  const frame = document.createElement('iframe'); frame.src = url + '?frame'; document.body.append(frame);
  const script = document.createElement('script'); script.src = url + '?script'; document.body.append(script);
  if (url.startsWith('http')) {
    navigator.sendBeacon(url + '?beacon');
    const socket = new WebSocket(url.replace('http', 'ws'));
    socket.onopen = () => tell('answered', 'socket'); socket.onerror = () => tell('refused', 'socket');
  }
}
const worker = new Worker(URL.createObjectURL(new Blob([`fetch("${URLS[0]}?worker", {mode: 'no-cors'})`])));
document.head.innerHTML += `<link rel=preconnect href="${URLS[0]}"><link rel=prefetch href="${URLS[0]}?prefetch">`;
const inner = document.createElement('iframe'); document.body.append(inner);
for (const world of [self, inner.contentWindow]) try {
  const peer = new world.RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:UDP'}]});
  peer.createDataChannel('x'); peer.createOffer().then(offer => peer.setLocalDescription(offer));
} catch (error) { tell('refused', 'webrtc by ' + (world === self ? 'page' : 'frame')); }
</script>"""


async def drawn(browser: Browser, site: Site, html: str, path: str = "/") -> str:
    """The page at this path of the site, as the browser draws it."""
    site.answers[path] = answer(html.encode())
    return str((await browser.render(site.url + path)).html)


async def failure(browser: Browser, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await browser.render(url)
    assert url == caught.value.url
    return caught.value


async def test_text_that_scripts_fetch_is_drawn(start: Start, site: Site) -> None:
    """The page waits for what its scripts wait for; open shadow trees and their slots are read as they are shown."""
    site.answers["/data"] = answer(b"Cut in <b>late winter</b>.")
    page = """<!doctype html><title>Pears</title><div id=root></div><my-note><i slot=name>Pruning</i></my-note><script>
    customElements.define('my-note', class extends HTMLElement { connectedCallback() {
      this.attachShadow({mode: 'open'}).innerHTML = '<p>A note on <slot name=name></slot>.</p>'; } });
    setTimeout(() => fetch('/data').then(data => data.text()).then(text => {
      document.querySelector('#root').innerHTML = '<p>' + text; }), 200);</script>"""
    html = await drawn(start(), site, page)

    assert html.startswith("<!DOCTYPE html>\n<html><head><title>Pears</title></head>")
    assert '<div id="root"><p>Cut in <b>late winter</b>.</p></div>' in html
    assert '<my-note><p>A note on <slot name="name"><i slot="name">Pruning</i></slot>.</p></my-note>' in html


async def test_a_long_page_is_read_whole(start: Start, site: Site) -> None:
    """In slices, that part no character; what is half of one becomes a replacement."""
    page = r"""<body><script>document.body.innerHTML = '<p>x' + '\u{1f350}'.repeat(300000) + '\ud83c!</p>'</script>"""

    assert f"<p>x{PEAR * 300_000}\ufffd!</p>" in await drawn(start(), site, page)


async def test_the_browser_says_who_asks(start: Start, site: Site) -> None:
    """Its User-Agent is a browser's, for sites that serve each its own scripts, and names us."""
    await drawn(start(), site, "<p>Pears")

    agent = site.requests[0][1]["user-agent"]
    assert agent.startswith("Mozilla/5.0 ")
    assert f"compatible; {AGENT})" in agent
    assert "Headless" not in agent


async def test_text_that_comes_by_a_websocket_is_drawn(start: Start, site: Site) -> None:
    """Through a tunnel of the proxy; a port of its own has to be allowed as any other."""

    async def tell(socket: ServerConnection) -> None:
        await socket.send("Cut in late winter.")

    async with serve(tell, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        page = f"""<p>Pears: <script>new WebSocket('ws://{place}').onmessage = message =>
        document.body.append(message.data)</script>"""
        html = await drawn(start(Guard(allowed_hosts=frozenset({site.host, place}))), site, page)

    assert "</script></p>Cut in late winter.</body>" in html


async def test_what_draws_no_text_is_not_loaded(start: Start, site: Site) -> None:
    """Images, media, fonts and frames; style sheets are."""
    page = """<link rel=stylesheet href=/s.css><img src=/img><video src=/video></video><iframe src=/frame></iframe>
    <style>@font-face { font-family: f; src: url(/font) } p { font-family: f }</style><p>Pears"""
    await drawn(start(), site, page)

    assert {"/", "/s.css"} == {path for path, _ in site.requests} - {"/favicon.ico"}


async def test_nothing_inside_is_reached(start: Start, site: Site, start_site: Callable[..., Awaitable[Site]]) -> None:
    """By no kind of request, neither by address nor by a name that leads there; WebRTC asks nobody."""
    inside = await start_site()
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if host.endswith(".example.com") else [host]

    class Stun(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            asked.append("webrtc")

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Stun, local_addr=("127.0.0.1", 0))
    urls = [
        f"http://127.0.0.1:{inside.port}/",
        f"http://inside.example.com:{inside.port}/",
        f"http://[::1]:{inside.port}/",
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "file:///etc/hostname",
    ]
    guard = Guard(allowed_hosts=frozenset({site.host}), ports=frozenset({80, 443, inside.port}), resolver=resolve)
    page = ATTACK.replace("URLS", str(urls)).replace("UDP", str(transport.get_extra_info("sockname")[1]))
    html = await drawn(start(guard), site, page)
    transport.close()

    assert 0 == inside.connections
    assert "webrtc" not in asked
    assert "inside.example.com" in asked
    assert "<p>Pears</p>" in html
    assert "<li>answered" not in html
    assert "<li>refused webrtc by page</li>" in html
    assert "<li>refused webrtc by frame</li>" in html
    assert all(f"<li>refused {url}</li>" in html for url in urls)


async def test_a_page_that_leads_inside_is_refused(start: Start, site: Site) -> None:
    """By a script as by a redirect of the server; the error is that of the page that was asked for."""
    targets = ["http://169.254.169.254/latest/", "https://127.0.0.1/", "http://localhost:8080/"]
    for number, target in enumerate(targets):
        site.answers[f"/script{number}"] = answer(f"<p>Pears<script>location = '{target}'</script>".encode())
    site.answers["/server"] = answer(b"", "text/html", f"location: {targets[0]}", status="302 Found")
    browser = start(pages=4)

    failures = await asyncio.gather(*(failure(browser, site.url + path) for path in site.answers))
    assert [Refused] * 4 == list(map(type, failures))


async def test_a_page_that_leads_to_a_file_stays_where_it_is(start: Start, site: Site) -> None:
    """The browser itself forbids it, and so do we."""
    html = await drawn(start(), site, "<p>Pears<script>location = 'file:///etc/passwd'</script>")

    assert "<p>Pears" in html
    assert "root:" not in html


async def test_a_page_may_lead_to_another(start: Start, site: Site) -> None:
    """The address is that of the page which was read in the end."""
    site.answers["/"] = answer(b"<script>location = '/end'</script>")
    site.answers["/end"] = answer(b"<p>Pears")
    page = await start().render(site.url)

    assert f"{site.url}/end" == page.url
    assert "<p>Pears" in str(page.html)


async def test_a_script_that_never_ends_is_ended(start: Start, site: Site) -> None:
    """At the end of its time, and what was drawn before is read."""
    page = "<p>Pears<script>setTimeout(() => { document.body.append('!'); while (true); })</script>"

    assert "!" in await drawn(start(seconds=4), site, page)


async def test_a_page_that_keeps_loading_is_read_all_the_same(start: Start, site: Site) -> None:
    """A request that gets no answer costs the page's time, not the page."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    site.answers["/hang"] = hang
    assert "<p>Pears" in await drawn(start(seconds=3), site, "<p>Pears<script src=/hang async></script>")


async def test_dialogs_and_windows_hold_nothing_up(
    start: Start, site: Site, contexts: Callable[[], Awaitable[list[str]]]
) -> None:
    """Dialogs are dismissed, and every window beside the page's own is closed."""
    page = """<script>alert(1); const said = confirm('?') + ' ' + prompt('?');
    onbeforeunload = event => event.preventDefault();
    const opened = [open('/window'), open('about:blank', '', 'noopener')];
    setTimeout(() => document.body.append(said + ', closed: ' + opened[0].closed), 1000)</script>"""
    site.answers["/window"] = answer(b"<script>setInterval(() => open('/window'), 100)</script>")

    assert "false null, closed: true" in await drawn(start(), site, page)
    await empty(contexts)


async def test_permissions_and_downloads_are_denied(start: Start, site: Site) -> None:
    """Without anybody being asked."""
    page = """<script>navigator.geolocation.getCurrentPosition(() => {}, error => document.body.append(error.message));
    Notification.requestPermission().then(said => document.body.append(' ' + said));</script>"""
    site.answers["/file"] = answer(b"x" * 1000, "application/octet-stream", "content-disposition: attachment")
    browser = start()

    assert "User denied Geolocation denied" in await drawn(browser, site, page)
    assert "net::ERR_ABORTED" in (await failure(browser, f"{site.url}/file")).problem


async def test_a_page_that_grows_too_long_is_refused_before_it_is_sent(start: Start, site: Site) -> None:
    """One that grows without end as well, at the end of its time."""
    page = """<body><script>setInterval(() => document.body.append('more '.repeat(99)), 10)</script>"""
    site.answers["/"] = answer(page.encode())

    error = await failure(start(seconds=6, characters=10_000), site.url)
    assert isinstance(error, BodyTooLarge)
    assert "characters, the limit is 10,000" in error.problem


async def test_what_a_page_loads_is_bounded(start: Start, site: Site) -> None:
    """In bytes, all that it loads together."""
    site.answers["/large"] = answer(b"x" * 200_000)
    site.answers["/"] = answer(b"<p>Pears<script>fetch('/large').then(() => location = '/more')</script>")
    site.answers["/more"] = answer(b"<p>" + b"x" * 200_000)

    error = await failure(start(wire_bytes=300_000), site.url)
    assert isinstance(error, BodyTooLarge)
    assert "larger than a page may be" in error.problem


async def test_a_page_that_says_too_much_disturbs_no_other(start: Start, site: Site) -> None:
    """What it posts goes through the browser's events, in one message."""
    site.answers["/loud"] = answer(b"<p>Pears<script>fetch('/', {method: 'POST', body: 'x'.repeat(2e7)})</script>")
    site.answers["/"] = answer(b"<p>Pears<script>setTimeout(() => document.body.append('!'), 1500)</script>")
    browser = start()
    other = asyncio.create_task(browser.render(site.url))
    loud = await failure(browser, f"{site.url}/loud")

    assert "message too big" in loud.problem
    assert "<p>Pears" in str((await other).html)


async def test_a_failing_server_is_told(start: Start, site: Site) -> None:
    """By its status, or by what became of the connection."""
    site.answers["/reset"] = b"nonsense\r\n\r\n"
    browser = start()

    missing = await failure(browser, f"{site.url}/missing")
    assert isinstance(missing, BadStatus)
    assert 404 == missing.status
    broken = await failure(browser, f"{site.url}/reset")
    assert isinstance(broken, ConnectionFailed)
    assert broken.problem.startswith("the connection failed: ")


async def test_a_server_that_does_not_answer_costs_its_time(start: Start, site: Site) -> None:
    """And no more than that."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    site.answers["/"] = hang
    assert isinstance(await failure(start(seconds=1), site.url), FetchTimeout)


async def empty(contexts: Callable[[], Awaitable[list[str]]]) -> None:
    """Wait until nothing of ours is left in the browser."""
    async with asyncio.timeout(30):
        while await contexts():
            await asyncio.sleep(0.02)
