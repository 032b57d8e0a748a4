"""Asks for an API key before anything else is done with a request: its body isn't read, no route is looked for.

What is open without a key stands in `OPEN`; all else is closed, also what is added later.
"""

import logging
import math
from base64 import b64decode
from collections.abc import Iterator
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.account import current
from app.auth.keys import Key, KeyRing
from app.auth.limits import KeyLimits
from app.errors import Explained, RetryLater, Tell, Unauthorized, problem_for
from app.settings import Settings
from pruning.errors import SecateursError

log = logging.getLogger("secateurs")

# Whoever watches the service has no key; they tell nothing but whether it works.
OPEN = frozenset({"/healthz", "/readyz"})
# Opened in a browser, which asks its user for a name and a password: the password is a key. Nowhere else, since a
# browser sends such a password by itself, also when another site makes it ask.
_IN_BROWSERS = frozenset({"/", "/docs", "/openapi.json"})
_BROWSERS_BELOW = "/docs/"


class Auth:
    """Lets a request pass that has a key whose limits allow it."""

    def __init__(self, app: ASGIApp, ring: KeyRing, limits: KeyLimits, tell: Tell) -> None:
        self.app = app
        self.ring = ring
        self.limits = limits
        self.tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["path"] in OPEN):
            return await self.app(scope, receive, send)
        if scope["type"] != "http":  # a WebSocket, which no route has
            return await send({"type": "websocket.close", "code": 1008})
        try:
            key = self._key(scope)
            if account := current.get():
                account.key = key.name
            await self.limits.count(key)
        except SecateursError as error:
            return await self.tell(scope, _refusal(scope, error))(scope, receive, send)
        return await self.app(scope, receive, send)

    def _key(self, scope: Scope) -> Key:
        """The key of the request. Raises Unauthorized, KeysUnavailable."""
        presented = list(_presented(scope))
        for value in presented:
            if key := self.ring.find(value):
                return key
        if presented:
            raise Unauthorized("this API key is not known here, or was revoked")
        if not self.ring.current():
            raise Unauthorized("there is no API key yet: `secateurs key add NAME` makes one")
        raise Unauthorized("this service asks for an API key: send the header `Authorization: Bearer KEY`")


def _presented(scope: Scope) -> Iterator[bytes]:
    """What may be a key: after `Bearer`, without any such word as some of Jina's clients send it, or by itself.

    Bytes as they came: whatever else a header holds is simply no key.
    """
    headers = Headers(scope=scope)
    if own := headers.get("x-api-key", "").strip():
        yield own.encode("latin-1")
    scheme, _, rest = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "basic" and _in_browser(scope):
        yield _password(rest)
    elif scheme.lower() == "bearer" and rest:
        yield rest.strip().encode("latin-1")
    elif scheme and not rest:
        yield scheme.encode("latin-1")


def _password(credentials: str) -> bytes:
    try:
        return b64decode(credentials, validate=True).partition(b":")[2]
    except ValueError:
        return b""


def _in_browser(scope: Scope) -> bool:
    return scope["path"] in _IN_BROWSERS or scope["path"].startswith(_BROWSERS_BELOW)


def _refusal(scope: Scope, error: SecateursError) -> Explained:
    headers = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = 'Basic realm="the password is a key"' if _in_browser(scope) else "Bearer"
    if isinstance(error, RetryLater):
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    return Explained(problem_for(error), str(error), headers)


def warn_of_openness(settings: Settings, ring: KeyRing) -> None:
    """Say at the start who may ask the service, where that is everybody or nobody. Raises KeysUnavailable."""
    if settings.keys_required:
        if not ring.current():
            log.warning(
                "there is no API key in %s yet, so every request is refused: `secateurs key add NAME` makes one",
                settings.key_file(),
            )
    elif is_of_this_machine(settings.host):
        log.warning("no API key is asked for (SECATEURS_KEYS_REQUIRED=false): every program on this machine may ask")
    else:
        log.warning(
            "NO API KEY IS ASKED FOR (SECATEURS_KEYS_REQUIRED=false) AND THE SERVICE LISTENS ON %s: whoever reaches "
            "port %d may search, fetch pages and use the chat model at your cost; listen on 127.0.0.1, or ask for keys",
            settings.host,
            settings.port,
        )


def is_of_this_machine(host: str) -> bool:
    """Whether who listens there is reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
