"""Who may ask the service, and how often: API keys, and the limits of each."""

from app.auth.allowance import Allowance
from app.auth.hosts import OwnNames
from app.auth.keys import Key, KeyFile, KeyRing
from app.auth.limits import REST_SECONDS, KeyLimits
from app.auth.middleware import OPEN, Auth, is_of_this_machine, warn_of_openness

__all__ = [
    "OPEN",
    "REST_SECONDS",
    "Allowance",
    "Auth",
    "Key",
    "KeyFile",
    "KeyLimits",
    "KeyRing",
    "OwnNames",
    "is_of_this_machine",
    "warn_of_openness",
]
