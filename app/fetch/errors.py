"""The errors of fetching. Each names the page and says in one line what went wrong.

FetchError
├── Refused               our own rules: scheme, port, credentials, or an address that isn't on the open web
├── ConnectionFailed      no such host, no connection, TLS failed, or the connection broke in the middle
├── FetchTimeout          the page had not arrived when its time, or that of the whole search, was over
├── BadStatus             the server answered with something else than a page: 404, 429, 503 …
├── TooManyRedirects      more hops than `FetchLimits.redirects`
├── BodyTooLarge          more bytes than `FetchLimits.bytes`, on the wire or decompressed
└── UnreadableBody        not a page that can be read: an image, an archive, nothing at all
"""

from pruning.errors import SecateursError

LONGEST_URL_SHOWN = 200


class FetchError(SecateursError):
    """A page that can't be had. `url` is the page asked for, `problem` the message without it."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(url, problem)
        self.url = url
        self.problem = " ".join(problem.split())

    def __str__(self) -> str:
        url = " ".join(self.url.split())
        shown = url if len(url) <= LONGEST_URL_SHOWN else url[: LONGEST_URL_SHOWN - 1] + "…"
        return f"{shown}: {self.problem}"

    def reached_from(self, url: str) -> None:
        """Make it the error of `url`, which led to the page that failed."""
        self.problem, self.url = f"on the way, {self}", url
        self.args = (url, self.problem, *self.args[2:])


class Refused(FetchError):
    """Our own rules forbid this URL or the address behind it."""


class ConnectionFailed(FetchError):
    """The server can't be reached, or broke off."""


class FetchTimeout(FetchError):
    """The page did not arrive in time."""


class BadStatus(FetchError):
    """The server's answer is no page. `status` is its HTTP status."""

    def __init__(self, url: str, problem: str, status: int = 0) -> None:
        super().__init__(url, problem)
        self.args = (url, problem, status)
        self.status = status


class TooManyRedirects(FetchError):
    """The server sends us on and on."""


class BodyTooLarge(FetchError):
    """The page has more bytes than the limit allows."""


class UnreadableBody(FetchError):
    """The answer is nothing that can be read as a page."""
