"""Refuses web pages that had their own name pointed at this machine (DNS rebinding), where no key would stop them.

A browser takes such a page and a service on 127.0.0.1 for one site, so CORS doesn't count. What it can't change is the
name that it was given: it stands in the `Host` header.
"""

from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth.middleware import OPEN
from app.errors import Explained, ForeignName, Tell, problem_for


class OwnNames:
    """Lets a request pass that asks for `localhost` or an address, which nobody can point elsewhere."""

    def __init__(self, app: ASGIApp, tell: Tell) -> None:
        self.app = app
        self.tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN or _is_own(Headers(scope=scope).get("host", "")):
            return await self.app(scope, receive, send)
        error = ForeignName(
            "this service listens on this machine alone and asks for no API key, so it is asked as localhost or "
            "127.0.0.1 only; with API keys it answers to every name"
        )
        return await self.tell(scope, Explained(problem_for(error), str(error)))(scope, receive, send)


def _is_own(host: str) -> bool:
    """Whether a `Host` header names an address or `localhost`; without one, no browser asks."""
    name = host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    try:
        return bool(ip_address(name))
    except ValueError:
        return name.lower() in {"", "localhost"}
