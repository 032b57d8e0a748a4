"""`secateurs config`: what is wrong with the settings, and what they are. Nothing that is secret is ever written."""

import argparse
import asyncio
import errno
import os
import re
from pathlib import Path

import httpx
from pydantic import SecretStr

from app.cli.files import write
from app.cli.serve import listen
from app.configuration import idle, mistakes, silent
from app.mistakes import PREFIX, Misconfigured, unknown_names, variable
from app.settings import Settings, load_what_can_be
from pruning.errors import InvalidInput

# As of grep and diff: 2 is trouble of the command itself.
WRONG = 1
_USER_OF_URL = re.compile(r"(?<=://)[^/\s]+@")  # to the last @: a password may have one
# Nothing shorter is a secret, and it would be found in any text.
_SHORTEST_SECRET = 4
_SECONDS = 2.0


def check(arguments: argparse.Namespace) -> int:
    """Write a line for each thing that is wrong, and return 1 where there is one."""
    settings, told = load_what_can_be()
    told += unknown_names(os.environ, Settings.model_fields)
    wrong = [line.partition(":")[0] for line in told]
    later = [*idle(settings), *asyncio.run(mistakes(settings)), *_port(settings)]
    # What is said to follow from a setting that is wrong anyhow may not be true.
    told += [line for line in later if not any(re.search(rf"{name}\b", line) for name in wrong)]
    if arguments.connect:
        told += _silent(settings)
    for line in told:
        write(f"{masked(line, settings)}\n")
    if not told:
        write("The settings are in order.\n")
    return WRONG if told else 0


def show(arguments: argparse.Namespace) -> None:
    """Write every setting with its value, as for a file of them. Raises InvalidInput where one is wrong."""
    settings, told = load_what_can_be()
    if told:
        raise Misconfigured(told)
    for name in Settings.model_fields:
        write(f"{variable(name)}={masked(_shown(getattr(settings, name)), settings)}\n")


def masked(text: str, settings: Settings) -> str:
    """The text without what the settings keep secret, and without users and passwords in addresses."""
    values = (getattr(settings, name) for name in Settings.model_fields)
    secrets = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "…")
    return _USER_OF_URL.sub("…@", text)


def _silent(settings: Settings) -> list[str]:
    try:
        return asyncio.run(silent(settings))
    except Misconfigured:  # which is told already
        return []


def _port(settings: Settings) -> list[str]:
    """What is wrong with the address to listen on; that this very service listens there is not."""
    try:
        listen(settings).close()
    except (InvalidInput, OSError) as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE and _is_ours(settings):
            return []
        return [f"{PREFIX}PORT: {error}"]
    return []


def _is_ours(settings: Settings) -> bool:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        answer = httpx.get(f"http://{host}:{settings.port}/healthz", timeout=_SECONDS, trust_env=False)
        return bool(answer.json() == {"status": "ok"})
    except (httpx.HTTPError, ValueError):
        return False


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return "…" if value.get_secret_value() else ""
        case tuple():
            return ",".join(map(str, value))
        case bool():
            return str(value).lower()
        case Path() | str() | int() | float():
            return str(value)
    raise TypeError(f"settings have no values of {type(value).__name__}")
