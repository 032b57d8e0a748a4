"""`secateurs serve`: the service, with the sample site indexed at its first start."""

import argparse
import asyncio
import errno
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial

from prometheus_client import start_http_server

from app import logs, metrics
from app.auth import KeyRing
from app.cli.sample import index_sample
from app.cli.server import Server
from app.cli.workers import Supervisor, shared_metrics
from app.configuration import mistakes
from app.mistakes import Misconfigured, unknown_names
from app.settings import Settings, load_settings
from pruning.errors import InvalidInput

log = logging.getLogger("secateurs")

# What the sample site answers.
QUESTION = "How is the token budget counted?"


def run(arguments: argparse.Namespace) -> None:
    """Serve until a signal says stop; what is in flight then is finished."""
    chosen = {name: value for name in ("host", "port", "workers") if (value := getattr(arguments, name)) is not None}
    settings = load_settings(**chosen)
    logs.configure(settings.log_level, settings.log_format)
    for line in unknown_names(os.environ, Settings.model_fields):
        log.warning("%s", line)
    several = shared_metrics() if settings.workers > 1 else nullcontext()
    with listen(settings) as listening, several, _metrics_served(settings), suppress(KeyboardInterrupt):
        asyncio.run(_check(settings))
        # The first process of a container has no default for it, and would not stop while it is still starting.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        index_sample(settings)
        log.info("listening on %s, loading models", _address(listening))
        ready = partial(_announce, _address(listening), KeyRing.of(settings) if settings.keys_required else None)
        if settings.workers > 1:
            Supervisor(settings, listening, ready).run()
        else:
            Server(settings, ready).run(sockets=[listening])


@contextmanager
def _metrics_served(settings: Settings) -> Iterator[None]:
    """`/metrics` at an address of its own, where the settings name one. Raises InvalidInput."""
    if settings.metrics in ("main", "off"):
        yield
        return
    host, _, port = settings.metrics.rpartition(":")
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), metrics.registry())
    except OSError as error:
        why = _REFUSALS.get(error.errno or 0, f"{error.strerror or error}").partition("; ")[0]
        raise InvalidInput(f"SECATEURS_METRICS: can't listen on {settings.metrics}: {why}") from error
    log.info("metrics on http://%s:%s/metrics", host, server.server_port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def _check(settings: Settings) -> None:
    """Raises Misconfigured for what will never heal: no restart helps, and uvicorn would tell it in a traceback."""
    if found := await mistakes(settings):
        raise Misconfigured(found)


def listen(settings: Settings) -> socket.socket:
    """The listening socket, before anything slow happens. Raises InvalidInput where the address can't be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        why = _REFUSALS.get(error.errno or 0, f"{error.strerror or error}")
        raise InvalidInput(f"can't listen on port {settings.port} of {settings.host}: {why}") from error


_OTHER_PORT = "choose another with --port or SECATEURS_PORT"
_REFUSALS = {
    errno.EADDRINUSE: f"another program does already; {_OTHER_PORT}",
    errno.EACCES: f"ports below 1024 need rights that this user lacks; {_OTHER_PORT}",
    errno.EADDRNOTAVAIL: "this machine has no such address; choose another with --host or SECATEURS_HOST",
}


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(address: str, keys: KeyRing | None) -> None:
    sys.stdout.write(announcement(address, keys))
    sys.stdout.flush()


def announcement(address: str, keys: KeyRing | None = None) -> str:
    """What is printed when the service is ready: where it is, and a command that works as printed.

    Where keys are asked for, it takes one from the shell's KEY, and tells how to make the first.
    """
    body = json.dumps({"query": QUESTION, "max_tokens": 512})
    key = "" if keys is None else ' -H "Authorization: Bearer $KEY"'
    command = f"curl -s {address}/v1/search{key} -H 'Content-Type: application/json' -d '{body}'"
    first = "" if keys is None or keys.current() else "KEY=$(secateurs key add me)\n"
    return f"Secateurs is ready on {address} (API: {address}/docs). Ask it about itself:\n\n{first}{command}\n\n"
