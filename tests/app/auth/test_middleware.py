"""The door: what is closed without a key, whatever is sent as one, and what happens before anything is read."""

import base64
import json
import logging
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Mount

from app.auth import OPEN, KeyFile, KeyRing, warn_of_openness
from app.main import create_app
from app.settings import Settings
from tests.app.redis_process import running_redis
from tests.app.serving import served

GIVEN = "the-key-of-the-environment"
BODY = {"html": "<p>text"}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service's state folder."""
    return tmp_path_factory.mktemp("closed")


@pytest.fixture(scope="module")
def app(state: Path) -> FastAPI:
    """A service that asks for keys."""
    return create_app(Settings(state_dir=state, embedder="none", keys_required=True, api_key=GIVEN))


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[tuple[str, int]]:
    """Where it is."""
    with served(app) as where:
        yield where


@pytest.fixture(scope="module")
def client(address: tuple[str, int]) -> Iterator[httpx.Client]:
    """Asks it, without a key."""
    with httpx.Client(base_url="http://{}:{}".format(*address), timeout=60) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    """The usual header."""
    return {"Authorization": f"Bearer {key}"}


def addresses(router: Any) -> set[str]:
    """Every address that has a route, with something in place of its parameters; of mounts, a file's name."""
    found = set()
    for route in router.routes:
        if hasattr(route, "original_router"):  # one that was included
            found |= addresses(route.original_router)
        else:
            path = re.sub(r"\{[^}]+\}", "x", route.path)
            found.add(f"{path}/swagger-ui.css" if isinstance(route, Mount) else path)
    return found


def test_every_address_is_closed(app: FastAPI, client: httpx.Client) -> None:
    """Whatever the method: but for those that tell whether the service works, and those alone."""
    all_addresses = addresses(app)
    assert {"/", "/docs", "/openapi.json", "/mcp", "/v1/models", "/v1/search", "/r/x", "/v2/x"} <= all_addresses

    open_ones = set()
    for path in all_addresses | {"/metrics", "/nothing", "/healthz/", "/healthz/x", "//healthz"}:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            answer = client.request(method, path)
            if answer.status_code != 401:
                open_ones.add(path)
            else:
                assert answer.headers["www-authenticate"].startswith(("Bearer", "Basic ")), (method, path)
    assert set(OPEN) == open_ones


def test_with_a_key_they_are_open(app: FastAPI, client: httpx.Client) -> None:
    """None of them asks for anything else."""
    for path in addresses(app):
        with client.stream("GET", path, headers=bearer(GIVEN)) as answer:  # /mcp's stream doesn't end
            assert 401 != answer.status_code, path


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {GIVEN}"},
        {"Authorization": f"bearer   {GIVEN}"},
        {"Authorization": GIVEN},
        {"X-API-Key": GIVEN},
        {"Authorization": "Basic cHJveHk6cGFzc3dvcmQ=", "X-API-Key": GIVEN},
        {"Authorization": f"Bearer {GIVEN}", "X-API-Key": "of another service"},
    ],
)
def test_where_clients_send_it(client: httpx.Client, headers: dict[str, str]) -> None:
    """As OpenAI's, Tavily's and most others do; without `Bearer`, as Open WebUI's Jina; or in a header by itself."""
    assert 200 == client.post("/v1/clean", json=BODY, headers=headers).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Token {GIVEN}"},
        {"Authorization": f"Bearer {GIVEN}, Bearer {GIVEN}"},
        {"Authorization": f"Bearer {GIVEN[:-1]}"},
        {"Authorization": "Basic " + base64.b64encode(f"user:{GIVEN}".encode()).decode()},
        {"Cookie": f"key={GIVEN}"},
        {"X-API-Key": ""},
    ],
)
def test_what_is_no_key(client: httpx.Client, headers: dict[str, str]) -> None:
    """A password that a browser would send by itself is none, but for the documentation."""
    assert 401 == client.post(f"/v1/clean?key={GIVEN}&api_key={GIVEN}", json=BODY, headers=headers).status_code


def test_the_documentation_in_a_browser(client: httpx.Client) -> None:
    """The browser asks for a password, which is a key."""
    asked = client.get("/docs")
    assert (401, 'Basic realm="the password is a key"') == (asked.status_code, asked.headers["www-authenticate"])
    for path in ("/", "/docs", "/docs/assets/swagger-ui.css", "/openapi.json"):
        assert 400 > client.get(path, auth=("anybody", GIVEN)).status_code
        assert 401 == client.get(path, auth=("anybody", "wrong")).status_code
        assert 401 == client.get(path, headers={"Authorization": "Basic ~"}).status_code


@pytest.mark.parametrize(
    "path", ["/v1/search", "/v1/models", "/tavily/search", "/v2/scrape", "/r/x", "/mcp", "/nothing"]
)
def test_nothing_is_done_without_a_key(client: httpx.Client, address: tuple[str, int], path: str) -> None:
    """The refusal comes though not one byte of a large body was sent; the connection can be used again."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n"
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 401"
    assert 401 == client.post(path, content=b"x" * 1_000_000).status_code
    assert 200 == client.get("/healthz").status_code


def raw(address: tuple[str, int], *headers: bytes) -> bytes:
    """The status of a request with these headers, byte by byte; nothing where the server ends the connection."""
    request = b"\r\n".join((b"GET /v1/models HTTP/1.1", b"Host: localhost", b"Connection: close", *headers, b"", b""))
    with socket.create_connection(address, timeout=60) as connection:
        try:
            connection.sendall(request)
            return connection.makefile("rb").read()[9:12]
        except ConnectionError:
            return b""


@pytest.mark.parametrize(
    "headers",
    [
        [b"Authorization: Bearer " + b"x" * 1_000_000],
        [b"X-API-Key: " + GIVEN.encode() * 10_000],
        [b"Authorization: Bearer wrong"] * 5_000,
        [b"Authorization: Bearer \xff\xfe\x80"],
        ["Authorization: Bearer ключ".encode()],
        [b"Authorization: Basic " + b"A" * 100_000],
        [b"Authorization:"],
        [b"Authorization: Bearer \x00" + GIVEN.encode()],
    ],
    ids=["a million bytes", "many times the key", "many headers", "bytes", "unicode", "basic", "empty", "nul"],
)
def test_hostile_headers(address: tuple[str, int], headers: list[bytes]) -> None:
    """Refused, here or by the server, and the next request is served."""
    assert raw(address, *headers) in (b"401", b"400", b"431", b"")
    assert b"200" == raw(address, b"Authorization: Bearer " + GIVEN.encode())


def test_whatever_a_header_holds(client: httpx.Client) -> None:
    """Is a key or isn't, and never a failure."""

    @given(st.binary(max_size=100).filter(lambda value: not set(value) & set(b"\r\n\0")))
    def holds(value: bytes) -> None:
        for name in (b"authorization", b"x-api-key"):
            try:
                answer = client.get("/docs", headers=[(name, value)])
            except httpx.LocalProtocolError:  # the client won't send it
                continue
            assert answer.status_code in (400, 401)

    holds()


def test_revoking_works_at_once(state: Path, client: httpx.Client) -> None:
    """While the service runs, and so does adding."""
    file = KeyFile(state / "keys.json")
    made = file.add("brief")
    assert 200 == client.get("/v1/models", headers=bearer(made)).status_code
    file.revoke("brief")
    answer = client.get("/v1/models", headers=bearer(made))

    assert (401, "invalid_api_key") == (answer.status_code, answer.json()["error"]["code"])


def test_a_rate_is_told_in_the_clients_own_words(state: Path, client: httpx.Client) -> None:
    """With the time to wait, and nothing else is refused."""
    made = KeyFile(state / "keys.json").add("slow", quota="1/month")
    first = client.get("/v1/models", headers=bearer(made))
    openai = client.get("/v1/models", headers=bearer(made))
    ours = client.post("/v1/clean", json=BODY, headers=bearer(made))

    assert [200, 429, 429] == [answer.status_code for answer in (first, openai, ours)]
    assert "insufficient_quota" == openai.json()["error"]["code"]
    assert "/problems/insufficient-quota" == ours.json()["type"]
    assert 0 < int(ours.headers["retry-after"]) <= 31 * 86_400
    assert 200 == client.post("/v1/clean", json=BODY, headers=bearer(GIVEN)).status_code


def test_keys_are_told_to_nobody(state: Path, client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the log nor in an answer, be they good or bad, and whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    made = KeyFile(state / "keys.json").add("quiet", rate="1/hour")
    answers = [
        client.post("/v1/clean", json=BODY, headers=headers)
        for headers in (bearer(made), bearer(made), bearer("wrong-" + made), {"X-API-Key": "wrong-" + made})
    ]

    assert [200, 429, 401, 401] == [answer.status_code for answer in answers]
    told = caplog.text + "".join(answer.text + repr(answer.headers) for answer in answers)
    assert made.removeprefix("secateurs_") not in told
    assert GIVEN not in told


def test_the_name_of_the_key_stands_in_the_log(
    state: Path, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """In the request's line and among its facts, also where its rate refuses; a wrong key has no name."""
    caplog.set_level(logging.INFO, "secateurs")
    made = KeyFile(state / "keys.json").add("team-a", quota="1/month")
    for key in (made, made, "wrong", GIVEN):
        client.post("/v1/clean", json=BODY, headers=bearer(key))

    records = [record for record in caplog.records if hasattr(record, "facts")]
    names = [record.facts["key"] for record in records]
    assert ["team-a", "team-a", None, "environment"] == names
    written = [re.findall(r" key=(\S+)", record.getMessage()) for record in records]
    assert [["team-a"], ["team-a"], [], ["environment"]] == written


def test_a_websocket_is_refused(address: tuple[str, int]) -> None:
    """There is no route for one, and none would be open."""
    upgrade = [b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"]
    key = b"Sec-WebSocket-Key: " + base64.b64encode(b"0" * 16)
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(b"\r\n".join((b"GET /healthz HTTP/1.1", b"Host: localhost", *upgrade, key, b"", b"")))
        assert connection.recv(12) in (b"HTTP/1.1 401", b"HTTP/1.1 403")


def test_without_any_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The service runs, closed, and says how to make the first one; then that one works."""
    caplog.set_level(logging.WARNING, "secateurs")
    settings = Settings(state_dir=tmp_path, embedder="none", keys_required=True)
    with (
        served(create_app(settings)) as (host, port),
        httpx.Client(base_url=f"http://{host}:{port}", timeout=60) as client,
    ):
        refused = client.get("/openapi.json")
        made = KeyFile(settings.key_file()).add("first")
        allowed = client.get("/openapi.json", headers=bearer(made))

    assert (401, 200) == (refused.status_code, allowed.status_code)
    assert "`secateurs key add NAME`" in refused.json()["detail"]
    told = "yet, so every request is refused: `secateurs key add NAME` makes one"
    assert f"there is no API key in {tmp_path / 'keys.json'} {told}" in caplog.text


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("127.0.0.1", "every program on this machine may ask"),
        ("::1", "every program on this machine may ask"),
        ("localhost", "every program on this machine may ask"),
        ("0.0.0.0", "AND THE SERVICE LISTENS ON 0.0.0.0: whoever reaches port 8000"),
        ("::", "AND THE SERVICE LISTENS ON ::"),
        ("secateurs.example", "AND THE SERVICE LISTENS ON secateurs.example"),
    ],
)
def test_no_keys_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture, host: str, told: str) -> None:
    """Off only by the setting, and loudly where others than this machine may ask."""
    caplog.set_level(logging.WARNING, "secateurs")
    settings = Settings(state_dir=tmp_path, keys_required=False, host=host)
    warn_of_openness(settings, KeyRing.of(settings))

    (warning,) = [record.getMessage() for record in caplog.records]
    assert "(SECATEURS_KEYS_REQUIRED=false)" in warning
    assert told in warning


def test_keys_are_asked_for_by_default() -> None:
    """Nobody opens the service by forgetting something."""
    assert Settings.model_fields["keys_required"].default is True


def test_redis_killed_in_the_middle(redis_server: Path, tmp_path: Path) -> None:
    """Keys stay keys: without limits and with rates they go on, with quotas they get 503 until Redis is back."""
    file = KeyFile(tmp_path / "keys.json")
    plain, rated, bounded = file.add("plain"), file.add("rated", rate="100/minute"), file.add("quota", quota="9/day")
    with running_redis(redis_server) as redis:
        settings = Settings(state_dir=tmp_path, embedder="none", keys_required=True, store_url=redis.url)
        with (
            served(create_app(settings, store_rest_seconds=0.1)) as (host, port),
            httpx.Client(base_url=f"http://{host}:{port}", timeout=60) as client,
        ):

            def ask(path: str = "/v1/clean") -> list[Any]:
                keys = (plain, rated, bounded, "wrong")
                return [client.post(path, json=BODY, headers=bearer(key)).status_code for key in keys]

            assert [200, 200, 200, 401] == ask()
            redis.kill()
            assert [200, 200, 503, 401] == ask()
            told = client.post("/v1/clean", json=BODY, headers=bearer(bounded))
            assert ("/problems/quota-unavailable", "1") == (told.json()["type"], told.headers["retry-after"])
            redis.start()
            until = time.monotonic() + 60
            while ask() == [200, 200, 503, 401]:
                assert time.monotonic() < until, "the quota is not counted again"
                time.sleep(0.02)
            assert [200, 200, 200, 401] == ask()


def test_a_damaged_file_of_keys(tmp_path: Path) -> None:
    """503, and not that the key is wrong."""
    settings = Settings(state_dir=tmp_path, embedder="none", keys_required=True)
    made = KeyFile(settings.key_file()).add("one")
    with (
        served(create_app(settings)) as (host, port),
        httpx.Client(base_url=f"http://{host}:{port}", timeout=60) as client,
    ):
        assert 200 == client.post("/v1/clean", json=BODY, headers=bearer(made)).status_code
        settings.key_file().write_text(json.dumps({"keys": "none"}))
        answer = client.post("/v1/clean", json=BODY, headers=bearer(made))

    assert (503, "/problems/keys-unavailable") == (answer.status_code, answer.json()["type"])
