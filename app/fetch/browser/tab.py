"""One page in the browser: a new incognito context with one tab, its way to the page's text, and its end.

What the tab may do is decided here, request by request, before the proxy decides where it may go: no frames within the
page, no images, media and fonts, which no reader of text misses; no downloads, dialogs, permissions, service workers.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import httpx

from app.fetch.browser.connection import CommandFailed, Connection, Params, TabGone
from app.fetch.browser.proxy import Pass
from app.fetch.errors import BadStatus, BodyTooLarge, ConnectionFailed, FetchError, FetchTimeout

# What no text is drawn from. Style sheets are not among them: some loaders of scripts give up without theirs.
_BLOCKED = frozenset({"CSPViolationReport", "Font", "Image", "Manifest", "Media", "Ping", "Prefetch", "TextTrack"})
# Ways to the network that no proxy sees. The browser's own flags forbid them as well; docs/browser.md.
_NO_DIRECT_NETWORK = (
    "for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection', 'WebTransport']) delete self[name];"
)

_WORLD = "secateurs"
_POLL_SECONDS = 0.1
# Nothing was drawn for so long: with text there and an idle network the page is done; else there may come more.
_QUIET_SECONDS = 0.3
_QUIET_SECONDS_IN_DOUBT = 2.0
# Characters that are read at once: messages of megabytes would hold up everybody else while they are parsed.
_SLICE = 200_000
# Of the page's time, what is kept for reading it at the end; and not more than so many seconds.
_READING_SHARE = 0.25
_READING_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """A page as its scripts drew it, and the address that it has in the end."""

    html: str
    url: str


class Tab:
    """A tab in a context of its own, good for one page. Disposing of the context ends it, whatever state it is in."""

    def __init__(self, browser: Connection, connection: Connection, frame: str, given: Pass) -> None:
        self._browser = browser
        self._connection = connection
        self._frame = frame
        self._pass = given
        given.on_spent = lambda: connection.give_up("it has used up its bytes")
        self._world: int | None = None
        self._at = ""
        self._known: set[str] = set()
        self._status = 200
        self._is_idle = False
        self._has_stopped = False

    @classmethod
    async def open(cls, browser: Connection, context: str, given: Pass) -> "Tab":
        """A tab that waits for `prepare`. Raises BrowserDown, CommandFailed."""
        target = await browser.command("Target.createTarget", url="about:blank", browserContextId=context)
        frame = target["targetId"]
        return cls(browser, await browser.to_tab(frame), frame, given)

    async def prepare(self, user_agent: str) -> None:
        """Set the rules for whatever page will come. Raises BrowserDown, CommandFailed."""
        self._listen()
        call = self._connection.command
        await asyncio.gather(
            call("Page.enable"),
            call("Page.setLifecycleEventsEnabled", enabled=True),
            call("Page.addScriptToEvaluateOnNewDocument", source=_NO_DIRECT_NETWORK),
            call("Network.setBypassServiceWorker", bypass=True),
            call("Emulation.setUserAgentOverride", userAgent=user_agent),
            call("Fetch.enable", handleAuthRequests=True, patterns=_PATTERNS),
        )

    async def aclose(self) -> None:
        """Hang up."""
        await self._connection.aclose()

    async def draw(self, url: str, until: float, max_characters: int) -> Drawn:
        """Go to the page and read it once its scripts have drawn it, or when the time on the loop's clock is nearly up.

        Raises FetchError, BrowserDown.
        """
        now = asyncio.get_running_loop().time()
        stop = until - min(_READING_SECONDS, _READING_SHARE * (until - now))
        try:
            await self._navigate(url, stop)
            await self._settle(stop)
            async with asyncio.timeout_at(until):
                read = await self._read(max_characters)
        except CommandFailed as error:
            await self._browser.command("Browser.getVersion")  # the whole browser may be gone
            raise self._failure(url, f"the browser gave up on it: {error}") from error
        except TimeoutError:
            raise FetchTimeout(url, "the page's scripts left no time to read it") from None
        if self._status >= 400 or not read["url"].startswith(("http://", "https://")):
            raise self._failure(url, "the page could not be loaded")
        if not read["length"]:
            raise self._failure(url, "the page broke off before its first element")
        if read["length"] > max_characters:
            raise BodyTooLarge(url, f"the page has {read['length']:,} characters, the limit is {max_characters:,}")
        return Drawn(html=read["html"], url=read["url"])

    async def _navigate(self, url: str, stop: float) -> None:
        """Raises FetchError, also when the server has not answered by then."""
        try:
            async with asyncio.timeout_at(stop):
                answer = await self._connection.call("Page.navigate", url=url)
        except TimeoutError:
            raise FetchTimeout(url, "the page did not arrive in time") from None
        if error := answer.get("errorText"):
            raise self._failure(url, f"the browser says {error}")

    async def _settle(self, stop: float) -> None:
        """Wait until the page has loaded and nothing more is drawn, or until then."""
        try:
            async with asyncio.timeout_at(stop):
                await self._until(self._is_done, "secateurs.state()")
        except TimeoutError:
            # A script that never ends would keep the page from being read as well.
            self._connection.post("Runtime.terminateExecution")

    def _is_done(self, state: Params) -> bool:
        if state["failed"] or self._status >= 400:
            return True
        if not (state["complete"] or self._has_stopped):
            return False
        patience = _QUIET_SECONDS if self._is_idle and state["text"] else _QUIET_SECONDS_IN_DOUBT
        return bool(state["quiet"] >= 1000 * patience)

    async def _read(self, max_characters: int) -> Params:
        """The page's address, its length and, unless it is too long, its HTML. Raises CommandFailed, BrowserDown."""
        while True:
            read = await self._until(_anything, "secateurs.read()")
            if read["length"] > max_characters:
                return read
            slices = [await self._ask(f"secateurs.slice({at}, {_SLICE})") for at in range(0, read["length"], _SLICE)]
            if None not in slices:
                return read | {"html": "".join(part["html"] for part in slices if part)}

    async def _until(self, good: Callable[[Params], bool], expression: str) -> Params:
        """What the expression gives, once it is good. Raises CommandFailed, BrowserDown."""
        while True:
            value = await self._ask(expression)
            if value is not None and good(value):
                return value
            await asyncio.sleep(_POLL_SECONDS)

    async def _ask(self, expression: str) -> Params | None:
        """What an expression gives in our own world within the page; None while one page follows another."""
        try:
            if self._world is None:
                self._world = await self._make_world()
            answer = await self._connection.call(
                "Runtime.evaluate", expression=expression, contextId=self._world, returnByValue=True
            )
        except TabGone:
            raise
        except CommandFailed:
            self._world = None
            return None
        value = answer["result"].get("value")
        return value if isinstance(value, dict) else None

    async def _make_world(self) -> int:
        made = await self._connection.call("Page.createIsolatedWorld", frameId=self._frame, worldName=_WORLD)
        world = int(made["executionContextId"])
        await self._connection.call("Runtime.evaluate", expression=_script(), contextId=world)
        return world

    def _failure(self, url: str, problem: str) -> FetchError:
        """Why the page can't be had: what our own proxy did counts more than what the browser made of it."""
        if self._pass.is_spent:
            return BodyTooLarge(url, "the page and what it loads are larger than a page may be")
        if self._status >= 400:
            return BadStatus(url, f"the server answers {self._status}", self._status)
        if failure := self._pass.failures.get(httpx.URL(self._at).host):
            return type(failure)(url, failure.problem)
        return ConnectionFailed(url, problem)

    def _listen(self) -> None:
        self._connection.on("Inspector.targetCrashed", lambda _: self._connection.give_up("the tab crashed"))
        self._connection.on("Fetch.requestPaused", self._on_request)
        self._connection.on("Fetch.authRequired", self._on_auth)
        self._connection.on("Page.lifecycleEvent", self._on_lifecycle)
        self._connection.on("Page.frameStoppedLoading", self._on_stop)
        self._connection.on("Page.javascriptDialogOpening", self._on_dialog)

    def _on_request(self, event: Params) -> None:
        kind, url = event["resourceType"], event["request"]["url"]
        is_frame = kind == "Document" and event["frameId"] != self._frame
        if kind == "Document" and not is_frame:
            self._at, self._status = url, event.get("responseStatusCode", 200)
        if is_frame or kind in _BLOCKED or not url.startswith(("http://", "https://", "data:", "blob:")):
            self._connection.post("Fetch.failRequest", requestId=event["requestId"], errorReason="BlockedByClient")
        else:
            self._connection.post("Fetch.continueRequest", requestId=event["requestId"])

    def _on_auth(self, event: Params) -> None:
        answer: Params = {"response": "CancelAuth"}
        is_ours = event["authChallenge"].get("source") == "Proxy" and event["requestId"] not in self._known
        self._known.add(event["requestId"])  # who is not content with it will not be the next time
        if is_ours:
            answer = {
                "response": "ProvideCredentials",
                "username": self._pass.user,
                "password": self._pass.password,
            }
        self._connection.post("Fetch.continueWithAuth", requestId=event["requestId"], authChallengeResponse=answer)

    def _on_lifecycle(self, event: Params) -> None:
        if event["frameId"] == self._frame and event["name"] in {"init", "networkIdle"}:
            self._is_idle = event["name"] == "networkIdle"
            self._has_stopped = self._has_stopped and self._is_idle

    def _on_stop(self, event: Params) -> None:
        """Where a document breaks off there is no load event."""
        self._has_stopped = self._has_stopped or event["frameId"] == self._frame

    def _on_dialog(self, _: Params) -> None:
        self._connection.post("Page.handleJavaScriptDialog", accept=False)


def _anything(_: Params) -> bool:
    return True


# Everything before it is sent, and answers with a page when they have come.
_PATTERNS = [
    {"urlPattern": "*", "requestStage": "Request"},
    {"urlPattern": "*", "resourceType": "Document", "requestStage": "Response"},
]


@cache
def _script() -> str:
    return files("app.fetch.browser").joinpath("reading.js").read_text(encoding="utf-8")
