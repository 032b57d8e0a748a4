"""How long a caller waits for an answer, in whichever header its client or proxy says it.

The headers are those in use. A caller writes `X-Request-Timeout` (seconds) or `Request-Timeout-Ms`; gateways add
`grpc-timeout` and Envoy `X-Envoy-Expected-Rq-Timeout-Ms`; OpenAI's own clients send how long they wait for the next
byte, which bounds an answer that comes whole, but not how long a stream may take. The shortest counts, and none makes
the time longer than the settings allow. What can't be read is ignored: libraries and proxies send such headers unasked,
so callers could not mend them, and the settings bound the request all the same. A body's `deadline_ms` is checked.
"""

import math
import re
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.clock import CALLER, Clock, Patience

# Milliseconds need no more digits for any time that a service allows.
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,9})?")
_GRPC_TIMEOUT = re.compile(r"(\d{1,8})([HMSmun])")
_GRPC_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}

# From a header's value to seconds; infinity for what says nothing.
Read = Callable[[str], float]


def _seconds(value: str) -> float:
    """Zero stands for no limit, as in Envoy."""
    return (float(value) or math.inf) if _NUMBER.fullmatch(value) else math.inf


def _milliseconds(value: str) -> float:
    return _seconds(value) / 1000


def _grpc(value: str) -> float:
    found = _GRPC_TIMEOUT.fullmatch(value)
    return int(found[1]) * _GRPC_UNITS[found[2]] if found else math.inf


_FOR_ALL: tuple[tuple[str, Read], ...] = (
    ("x-request-timeout", _seconds),
    ("request-timeout-ms", _milliseconds),
    ("x-envoy-expected-rq-timeout-ms", _milliseconds),
    ("grpc-timeout", _grpc),
)
_FOR_A_BYTE: tuple[tuple[str, Read], ...] = (("x-stainless-read-timeout", _seconds), ("x-stainless-timeout", _seconds))


class Deadline:
    """Sets how long the caller of each request waits, from the moment at which its headers have come."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        whole, byte = patience_of(Headers(scope=scope))
        now = Clock.now()
        token = CALLER.set(Patience(whole=now + whole, begun=now + min(whole, byte)))
        try:
            await self.app(scope, receive, send)
        finally:
            CALLER.reset(token)


def patience_of(headers: Headers) -> tuple[float, float]:
    """Seconds that the caller waits for the whole answer, and for a byte of it.

    >>> patience_of(Headers({"X-Request-Timeout": "20", "grpc-timeout": "1500m", "X-Stainless-Read-Timeout": "soon"}))
    (1.5, inf)
    """
    whole, byte = (
        min((read(headers[name].strip()) for name, read in known if name in headers), default=math.inf)
        for known in (_FOR_ALL, _FOR_A_BYTE)
    )
    return whole, byte
