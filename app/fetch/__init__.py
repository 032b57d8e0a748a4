"""Fetching pages of the open web, safely: `Fetcher` and its errors."""

from app.fetch.errors import (
    BadStatus,
    BodyTooLarge,
    ConnectionFailed,
    FetchError,
    FetchTimeout,
    Refused,
    TooManyRedirects,
    UnreadableBody,
)
from app.fetch.fetcher import Fetcher, FetchLimits
from app.fetch.guard import Guard

__all__ = [
    "BadStatus",
    "BodyTooLarge",
    "ConnectionFailed",
    "FetchError",
    "FetchLimits",
    "FetchTimeout",
    "Fetcher",
    "Guard",
    "Refused",
    "TooManyRedirects",
    "UnreadableBody",
]
