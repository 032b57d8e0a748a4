"""A page of the web whose name was pointed at this machine: refused where no key stops it, and only there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.app.asgi import request
from tests.app.serving import served

PAGE = {"html": "<p>text"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ACCEPT = "application/json, text/event-stream"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of this machine that asks for no keys."""
    state = tmp_path_factory.mktemp("state")
    with served(create_app(Settings(state_dir=state, embedder="none", keys_required=False))) as (host, port):
        yield f"http://{host}:{port}"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8000", "[::1]:8000", "[::1]", "127.9.9.9"])
def test_its_own_names(url: str, host: str) -> None:
    """As programs of this machine ask it."""
    answer = httpx.post(f"{url}/v1/clean", json=PAGE, headers={"Host": host}, timeout=60)
    assert 200 == answer.status_code


@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:8000", "localhost.example", "127.0.0.1.example"])
@pytest.mark.parametrize(("path", "body"), [("/v1/clean", PAGE), ("/mcp", PING), ("/nothing", {})])
def test_other_names(url: str, path: str, body: dict[str, Any], host: str) -> None:
    """Anybody can point them here; the answer says what to do."""
    answer = httpx.post(f"{url}{path}", json=body, headers={"Host": host, "Accept": ACCEPT}, timeout=60)
    assert (421, True) == (answer.status_code, "API key" in answer.text)


def test_whether_it_works_is_told_under_every_name(url: str) -> None:
    """Whatever watches it may know it by another."""
    assert 200 == httpx.get(f"{url}/healthz", headers={"Host": "watched.example"}, timeout=60).status_code


@pytest.mark.parametrize(
    "settings", [{"keys_required": True, "api_key": "a-key-that-is-known-here"}, {"host": "0.0.0.0"}]
)
def test_services_that_have_names(tmp_path: Path, settings: dict[str, Any]) -> None:
    """A page has no key, and a service that others reach is reached by a name."""
    app = create_app(Settings(state_dir=tmp_path, embedder="none", **{"keys_required": False, **settings}))
    headers = {"Host": "secateurs.example", "X-API-Key": "a-key-that-is-known-here"}
    assert 404 == request(app, "GET", "/nothing", headers=headers).status_code
