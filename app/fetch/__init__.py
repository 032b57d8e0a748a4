"""Fetching pages of the open web, safely: `Fetcher` and its errors."""

from app.fetch.errors import (
    BadStatus,
    BodyTooLarge,
    ConnectionFailed,
    ConnectTimeout,
    DisallowedByRobots,
    FetchError,
    FetchTimeout,
    FirstByteTimeout,
    HeadersTooLarge,
    HostUnknown,
    ProxyFailed,
    RateLimited,
    RedirectLoop,
    Refused,
    TlsFailed,
    TooManyRedirects,
    TooSlow,
    UnpackedTooLarge,
    UnreadableBody,
)
from app.fetch.fetcher import Fetcher
from app.fetch.guard import Guard
from app.fetch.limits import FetchLimits
from app.fetch.manners import Manners
from app.fetch.proxies import Proxies

__all__ = [
    "BadStatus",
    "BodyTooLarge",
    "ConnectTimeout",
    "ConnectionFailed",
    "DisallowedByRobots",
    "FetchError",
    "FetchLimits",
    "FetchTimeout",
    "Fetcher",
    "FirstByteTimeout",
    "Guard",
    "HeadersTooLarge",
    "HostUnknown",
    "Manners",
    "Proxies",
    "ProxyFailed",
    "RateLimited",
    "RedirectLoop",
    "Refused",
    "TlsFailed",
    "TooManyRedirects",
    "TooSlow",
    "UnpackedTooLarge",
    "UnreadableBody",
]
