"""What happened to a request: an id, one log line with the time of each stage, and the same in `Server-Timing`."""

import logging
import re
import time
import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import INTERNAL, Explained, Tell, as_problem
from pruning.observe import Event

log = logging.getLogger("secateurs")

# A caller's id ends up in our log: only what can't forge a line of it.
_SAFE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(slots=True)
class Account:
    """What one request has been through so far."""

    id: str
    started: float = field(default_factory=time.perf_counter)
    stages: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def milliseconds(self) -> float:
        return 1000 * (time.perf_counter() - self.started)

    def server_timing(self) -> str:
        """The stages as a `Server-Timing` value: `fetch;dur=12.1, embed;dur=80.4, total;dur=95.0`."""
        times = self.stages | {"total": self.milliseconds}
        return ", ".join(f"{stage};dur={milliseconds:.1f}" for stage, milliseconds in times.items())


_account: ContextVar[Account | None] = ContextVar("account", default=None)


def observe(event: Event) -> None:
    """The observer of the whole service: adds an event to the account of the request that it happened in."""
    account = _account.get()
    if event.kind == "degraded":
        log.warning("%s degraded: %s request=%s", event.stage, event.detail, account.id if account else "-")
    if account is None:
        return
    if event.kind == "cache":
        for name, number in event.counts.items():
            account.counts[f"{event.stage}_{name}"] = account.counts.get(f"{event.stage}_{name}", 0) + number
    if event.kind != "finished":
        return
    account.stages[event.stage] = account.stages.get(event.stage, 0.0) + (event.milliseconds or 0.0)


class RequestLog:
    """Gives each request an id and writes its one line; an exception that nobody foresaw ends here, as an error."""

    def __init__(self, app: ASGIApp, tell: Tell = as_problem) -> None:
        self.app = app
        self.tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        account = Account(_request_id(Headers(scope=scope).get("x-request-id", "")))
        token = _account.set(account)
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = account.id
                headers["Server-Timing"] = account.server_timing()
            await send(message)

        try:
            await self.app(scope, receive, send_marked)
        except Exception:  # the last line of defence: the log has all of it, the caller none
            log.exception("unforeseen error request=%s", account.id)
            if not status:
                failure = Explained(INTERNAL, "The service failed in a way that was not foreseen.")
                await self.tell(scope, failure)(scope, receive, send_marked)
        finally:
            _account.reset(token)
            level = logging.DEBUG if scope["path"] in _QUIET else logging.INFO
            told = " ".join((account.server_timing(), *(f"{name}={number}" for name, number in account.counts.items())))
            # %r: a path may hold line breaks.
            status = status or _GONE
            log.log(level, "%s %r %s request=%s %s", scope["method"], scope["path"], status, account.id, told)


# Nothing was answered: the caller has hung up. The number is nginx's.
_GONE = 499
# Asked every few seconds by whatever watches the service.
_QUIET = frozenset({"/healthz", "/readyz"})


def _request_id(given: str) -> str:
    return given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
