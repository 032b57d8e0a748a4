"""The faulty server, and real services in front of it, each asked by REST over a real socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import httpx
import pytest
import trustme

from app.main import create_app
from app.settings import Settings
from tests.app.serving import NewLoop, served
from tests.faults.server import FAULTY, GOOD, HOSTS, FaultyServer, faulty_server

# Small enough that faults end soon, large enough that a busy machine serves a good page in time.
LIMITS: dict[str, Any] = {
    "fetch_seconds": 6.0,
    "fetch_connect_seconds": 2.0,
    "fetch_first_byte_seconds": 2.0,
    "fetch_pace_seconds": 2.0,
    "fetch_redirects": 5,
    "fetch_per_host": 100,
    "page_bytes": 1_000_000,
    "page_nodes": 50_000,
}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    """A certificate authority and its own certificate's file."""
    made = trustme.CA()
    file = tmp_path_factory.mktemp("tls") / "authority.pem"
    made.cert_pem.write_to_path(str(file))
    return made, file


@pytest.fixture(scope="module")
def faulty(authority: tuple[trustme.CA, Path]) -> Iterator[FaultyServer]:
    """The server with all faults."""
    ca, _ = authority
    past = datetime.now(UTC) - timedelta(days=30)
    certificates = {
        "unknown-signer": trustme.CA().issue_cert(FAULTY),
        "wrong-host": ca.issue_cert("other.example"),
        "expired": ca.issue_cert(FAULTY, not_before=past, not_after=past + timedelta(days=1)),
    }
    contexts = {name: SSLContext(PROTOCOL_TLS_SERVER) for name in certificates}
    for name, certificate in certificates.items():
        certificate.configure_cert(contexts[name])
    with faulty_server(contexts) as server:
        yield server


def service_settings(port: int) -> dict[str, Any]:
    """The settings of a service that searches, and fetches from, the faulty server on that port."""
    return LIMITS | {
        "embedder": "none",
        "provider": "searxng",
        "searxng_url": f"http://127.0.0.1:{port}",
        "fetch_allowed_hosts": tuple(host for host in HOSTS if host != "127.0.0.1"),
        "fetch_proxy_environment": False,
    }


@contextmanager
def service(faulty: FaultyServer, new_loop: NewLoop | None = None, **settings: Any) -> Iterator[httpx.Client]:
    """A client of such a service."""
    with (
        served(create_app(Settings(**service_settings(faulty.port) | settings)), new_loop) as (host, port),
        httpx.Client(base_url=f"http://{host}:{port}", timeout=120) as client,
    ):
        yield client


def good_pages(faulty: FaultyServer, number: int) -> list[tuple[str, str | None]]:
    """What the search engine finds of good pages."""
    return [(f"http://{GOOD}:{faulty.port}/good-{n}", None) for n in range(number)]
