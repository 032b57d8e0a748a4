"""What happens to requests, told: as metrics, as one log line each, and in the answer's own headers."""

import logging
import re
import uuid
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import metrics
from app.account import Account, current
from app.errors import INTERNAL, Explained, Tell, as_problem
from app.failures import CANCELLED, kind_of
from app.fetch import FetchError
from app.tracing import Tracing
from pruning.errors import PageError, own_words
from pruning.observe import Event

log = logging.getLogger("secateurs")

# A caller's id ends up in our log and in other servers': only what can't forge a line of it.
_SAFE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def observe(event: Event) -> None:
    """The observer of the whole service: counts an event, and adds it to the account of the request it happened in."""
    metrics.observe(event)
    account = current.get()
    if event.kind == "degraded":
        log.warning("%s degraded: %s", event.stage, own_words(event.detail or ""))
    if event.kind == "failed" and event.error is not None and kind_of(event.error) != CANCELLED:
        # Pages fail all the time.
        level = logging.DEBUG if isinstance(event.error, PageError | FetchError) else logging.WARNING
        log.log(level, "%s failed: %s", event.stage, own_words(str(event.error)))
    if account is not None:
        _enter(account, event)
        if account.trace is not None:
            account.trace.observe(event)


def _enter(account: Account, event: Event) -> None:
    match event.kind:
        case "degraded":
            account.degraded.add(event.stage)
        case "cache":
            for name, number in event.counts.items():
                account.counts[f"{event.stage}_{name}"] = account.counts.get(f"{event.stage}_{name}", 0) + number
        case "finished":
            account.stages[event.stage] = account.stages.get(event.stage, 0.0) + (event.milliseconds or 0.0)


class RequestLog:
    """Gives each request an id, counts it and writes its one line; an exception that nobody foresaw ends here.

    Neither has the request's path or query, which may hold what was asked: only the route that they led to.
    """

    def __init__(self, app: ASGIApp, tell: Tell = as_problem, tracing: Tracing | None = None) -> None:
        self.app = app
        self.tracing = tracing
        self.tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        given = Headers(scope=scope)
        trace = self.tracing.begin(given) if self.tracing else None
        account = Account(_request_id(given.get("x-request-id", "")), trace=trace)
        token = current.set(account)
        status = 0
        first_byte: float | None = None

        async def send_marked(message: Message) -> None:
            nonlocal status, first_byte
            if message["type"] == "http.response.start":
                status, first_byte = message["status"], account.milliseconds
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = account.id
                headers["Server-Timing"] = account.server_timing()
            await send(message)

        try:
            with metrics.IN_FLIGHT.track_inprogress():
                await self.app(scope, receive, send_marked)
        except Exception:  # the last line of defence: the log has where it was, the caller nothing
            log.exception("unforeseen error")
            if not status:
                failure = Explained(INTERNAL, "The service failed in a way that was not foreseen.")
                await self.tell(scope, failure)(scope, receive, send_marked)
        finally:
            route, wire = _route(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            status = status or _GONE
            metrics.request(method, route, wire, status, account, first_byte)
            _tell(account, method, route, wire, status)
            if trace is not None:
                trace.end(method, route, wire, status, account.id)
            current.reset(token)


def _tell(account: Account, method: str, route: str, wire: str, status: int) -> None:
    """The request's line."""
    level = logging.DEBUG if route in _QUIET else logging.INFO
    counted = {**account.counts, **({"key": account.key} if account.key else {})}
    told = " ".join((account.server_timing(), *(f"{name}={number}" for name, number in counted.items())))
    facts = {
        "method": method,
        "route": route,
        "wire": wire,
        "status": status,
        "milliseconds": round(account.milliseconds, 1),
        "stages": {stage: round(milliseconds, 1) for stage, milliseconds in account.stages.items()},
        "counts": dict(account.counts),
        "degraded": sorted(account.degraded),
        "key": account.key,
    }
    log.log(level, "%s %s %s %s", method, route, status, told, extra={"facts": facts})


def _route(scope: Scope) -> tuple[str, str]:
    """The template of the route that a request came to, and the wire format that it speaks."""
    route = scope.get("route") or _foreign_route(scope)
    if route is None:
        return "unknown", "none"
    path: str = route.path
    tags = getattr(route, "tags", None) or [path.strip("/").partition("/")[0]]
    return path, _WIRES.get(str(tags[0]), "none")


def _foreign_route(scope: Scope) -> Any:
    """The route that was taken where the framework doesn't say it, as of those that are another package's."""
    endpoint = scope.get("endpoint")
    routes = scope["app"].routes if endpoint is not None and "app" in scope else ()
    taken = (one for one in routes if endpoint in (getattr(one, "endpoint", None), getattr(one, "app", None)))
    return next(taken, None)


# From the tags of our routers, and the path of the one that is another package's.
_WIRES = {
    "pruning": "secateurs",
    "OpenAI": "openai",
    "Tavily": "tavily",
    "Open WebUI": "open-webui",
    "Jina Reader": "jina",
    "Firecrawl": "firecrawl",
    "mcp": "mcp",
    "operation": "operation",
}
# Others are whatever a client likes to send.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Nothing was answered: the caller has hung up. The number is nginx's.
_GONE = 499
# Asked every few seconds by whatever watches the service.
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


def _request_id(given: str) -> str:
    return given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
