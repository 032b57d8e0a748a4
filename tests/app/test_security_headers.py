"""What browsers are told: security headers, and who may ask from a page."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.security_headers import HEADERS
from app.settings import Settings, load_settings
from pruning.errors import InvalidInput
from tests.app.serving import served

ORIGIN = "https://chat.example"
KEY = "the-key-of-the-environment"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def client_of(state: Path, **settings: object) -> Iterator[httpx.Client]:
    """A client of a service that asks for keys."""
    chosen = Settings(state_dir=state, embedder="none", keys_required=True, api_key=KEY, **settings)
    with served(create_app(chosen)) as (host, port):
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=f"http://{host}:{port}", headers=headers, timeout=60) as client:
            yield client


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """By default."""
    yield from client_of(tmp_path_factory.mktemp("closed"))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """With an origin whose pages may ask."""
    yield from client_of(tmp_path_factory.mktemp("opened"), cors_origins=(ORIGIN,))


@pytest.mark.parametrize("path", ["/healthz", "/v1/models", "/v1/search", "/nothing", "/r/x", "/openapi.json"])
@pytest.mark.parametrize("key", [KEY, "wrong"])
def test_each_answer_has_them(closed: httpx.Client, path: str, key: str) -> None:
    """Good ones and refusals."""
    answer = closed.get(path, headers={"Authorization": f"Bearer {key}"})
    assert HEADERS == {name: answer.headers[name] for name in HEADERS}


def test_the_documentation_may_load_its_own(closed: httpx.Client) -> None:
    """Files of the service, and the one script in the page."""
    policy = closed.get("/docs").headers["content-security-policy"]
    assert "script-src 'self' 'sha256-" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy.partition("style-src")[0]


def test_closed_by_default(closed: httpx.Client) -> None:
    """No page of another origin may read an answer, and a preflight is refused."""
    answer = closed.get("/v1/models", headers={"Origin": ORIGIN})
    preflight = closed.request("OPTIONS", "/v1/search", headers={"Origin": ORIGIN, "Authorization": "", **PREFLIGHT})
    assert (200, 401) == (answer.status_code, preflight.status_code)
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-origin" not in preflight.headers


def test_opened_for_an_origin(opened: httpx.Client) -> None:
    """A preflight needs no key, the request does, and its page can read why it was refused; other origins may not."""
    preflight = opened.request("OPTIONS", "/v1/search", headers={"Origin": ORIGIN, "Authorization": "", **PREFLIGHT})
    asked = opened.get("/v1/models", headers={"Origin": ORIGIN})
    refused = opened.get("/v1/models", headers={"Origin": ORIGIN, "Authorization": ""})
    other = opened.get("/v1/models", headers={"Origin": "https://evil.example"})

    assert [200, 200, 401] == [answer.status_code for answer in (preflight, asked, refused)]
    assert [ORIGIN] * 3 == [answer.headers["access-control-allow-origin"] for answer in (preflight, asked, refused)]
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    "origin", ["chat.example", "https://chat.example/", "https://chat.example/x", "null", "ftp://a"]
)
def test_what_is_no_origin(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would never be sent by a browser, so it is a mistake."""
    monkeypatch.setenv("SECATEURS_CORS_ORIGINS", f"https://good.example:8443,{origin}")
    with pytest.raises(InvalidInput, match=r"SECATEURS_CORS_ORIGINS.*: must be an origin such as https://chat.example"):
        load_settings()
