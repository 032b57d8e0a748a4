"""What an error means to whoever watches the service: one of a few kinds, whatever failed and however it says so."""

import asyncio
from collections.abc import Iterator

import httpx
import httpx2

from app import fetch
from app.errors import Busy, DeadlineExceeded
from app.fetch.errors import BrowserUnavailable
from app.models.chat import ChatBusy, ChatMisconfigured, ChatRefused, ChatTimeout
from app.search import NotOffered, ProviderBusy
from pruning.errors import InvalidInput, PageTimeout

# From exception class to kind; the nearest base class in the method resolution order counts.
_KINDS: dict[type[BaseException], str] = {
    asyncio.CancelledError: "cancelled",
    GeneratorExit: "cancelled",
    TimeoutError: "timeout",
    httpx.TimeoutException: "timeout",
    httpx2.TimeoutException: "timeout",
    fetch.FetchTimeout: "timeout",
    PageTimeout: "timeout",
    ChatTimeout: "timeout",
    DeadlineExceeded: "timeout",
    OSError: "unreachable",
    httpx.TransportError: "unreachable",
    httpx2.TransportError: "unreachable",
    fetch.ConnectionFailed: "unreachable",
    BrowserUnavailable: "unreachable",
    Busy: "busy",
    fetch.RateLimited: "busy",
    ProviderBusy: "busy",
    ChatBusy: "busy",
    fetch.Refused: "refused",
    fetch.DisallowedByRobots: "refused",
    ChatMisconfigured: "refused",
    ChatRefused: "refused",
    NotOffered: "refused",
    InvalidInput: "refused",
    fetch.BadStatus: "status",
}
# Something else than was asked for, or an error that says no more.
_OTHER = "failed"
# Nobody's failure: whoever asked has gone, or needs the answer no longer.
CANCELLED = "cancelled"
KINDS = frozenset({*_KINDS.values(), _OTHER})


def kind_of(error: BaseException) -> str:
    """The kind of an error, one of `KINDS`: its own, or that of the error that it was made from."""
    bases = (base for one in _causes(error) for base in type(one).__mro__)
    return next((_KINDS[base] for base in bases if base in _KINDS), _OTHER)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, then what led to it, also where that is not to be shown."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        yield one
        seen.add(id(one))
        one = one.__cause__ or one.__context__
