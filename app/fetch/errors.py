"""The errors of fetching. Each knows the page asked for and says in one line what went wrong.

FetchError
├── Refused               our own rules: scheme, port, credentials, or an address that isn't on the open web
├── DisallowedByRobots    the site's robots.txt forbids it, or can't be had
├── ConnectionFailed      no connection, or it broke in the middle
│   ├── HostUnknown       the host's name has no address
│   ├── TlsFailed         no trustworthy TLS: an unknown signer, another host's certificate
│   └── ProxyFailed       the forward proxy can't be reached, or would not connect
├── FetchTimeout          the page had not arrived when its time, or that of the whole search, was over
│   ├── ConnectTimeout    no connection within its time
│   ├── FirstByteTimeout  connected, but no answer within its time
│   └── TooSlow           fewer bytes than the minimum speed asks for
├── BadStatus             the server answered with something else than a page: 404, 503 …
│   └── RateLimited       it asks us to come back later: 429, or 503 with Retry-After
├── TooManyRedirects      more hops than the limit
│   └── RedirectLoop      a hop leads back to where we were
├── HeadersTooLarge       more headers, or more bytes of them, than the limit
├── BodyTooLarge          more bytes on the wire than the limit
│   └── UnpackedTooLarge  more bytes after decompression than the limit: a bomb, or a large page
├── BrowserUnavailable    the browser that should draw the page is down; the page may be a good one
└── UnreadableBody        not a page that can be read: an image, an archive, damaged, nothing at all
"""

from pruning.errors import SecateursError

LONGEST_URL_SHOWN = 200


class FetchError(SecateursError):
    """A page that can't be had. `url` is the page asked for; the message, `problem`, does not repeat it."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(url, problem)
        self.url = url
        self.problem = " ".join(problem.split())

    def __str__(self) -> str:
        return self.problem

    def reached_from(self, url: str) -> None:
        """Make it the error of `url`, which led to the page that failed."""
        self.problem, self.url = f"on the way, at {_shortened(self.url)}: {self.problem}", url
        self.args = (url, self.problem, *self.args[2:])


def _shortened(url: str) -> str:
    url = " ".join(url.split())
    return url if len(url) <= LONGEST_URL_SHOWN else url[: LONGEST_URL_SHOWN - 1] + "…"


class Refused(FetchError):
    """Our own rules forbid this URL or the address behind it."""


class DisallowedByRobots(FetchError):
    """The robots.txt of the site forbids this page, or can't be had, which forbids all of its pages for a while."""


class ConnectionFailed(FetchError):
    """The server can't be reached, or broke off."""


class HostUnknown(ConnectionFailed):
    """The host's name has no address."""


class TlsFailed(ConnectionFailed):
    """The server can't prove that it is the host that was asked."""


class ProxyFailed(ConnectionFailed):
    """The forward proxy can't be reached, or does not connect to the host."""


class FetchTimeout(FetchError):
    """The page did not arrive in time."""


class ConnectTimeout(FetchTimeout):
    """The server did not accept the connection in time."""


class FirstByteTimeout(FetchTimeout):
    """The server accepted the connection, but did not answer in time."""


class TooSlow(FetchTimeout):
    """The page came in more slowly than the minimum speed."""


class BadStatus(FetchError):
    """The server's answer is no page. `status` is its HTTP status, `retry_after` the seconds it asks us to wait."""

    def __init__(self, url: str, problem: str, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(url, problem)
        self.args = (url, problem, status, retry_after)
        self.status = status
        self.retry_after = retry_after


class RateLimited(BadStatus):
    """The server wants no requests for now; after `retry_after` seconds, if it said so, it may answer."""


class TooManyRedirects(FetchError):
    """The server sends us on and on."""


class RedirectLoop(TooManyRedirects):
    """The server sends us back to where we came from."""


class HeadersTooLarge(FetchError):
    """The answer has more headers, or more bytes of them, than the limit allows."""


class BodyTooLarge(FetchError):
    """The page has more bytes on the wire than the limit allows."""


class UnpackedTooLarge(BodyTooLarge):
    """The page has more bytes after decompression than the limit allows."""


class UnreadableBody(FetchError):
    """The answer is nothing that can be read as a page."""


class BrowserUnavailable(FetchError):
    """The browser that should draw the page can't be had."""
