"""What stands in the log, and what never does: questions, pages and keys, whatever happens."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app import logs
from app.account import Account, current
from tests.app.serving import served
from tests.needs import ROOT

CANARY = "canary"
MESSAGES = [{"role": "user", "content": f"Who sings, the {CANARY}?"}]
PAGE = f"<p>The {CANARY} sings."
URL = f"http://{CANARY}.invalid/{CANARY}"


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    """What the root logger is told."""
    heard: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = heard.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    yield heard
    logging.getLogger().removeHandler(handler)


def failed(message: str) -> Exception:
    """An error that was raised, because of another."""
    try:
        try:
            raise KeyError(message)
        except KeyError as error:
            raise ValueError(message) from error
    except ValueError as error:
        return error


@pytest.mark.parametrize("formatter", [logs.TextFormatter(), logs.JsonFormatter()], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("logger", ["secateurs", "asyncio"])
def test_an_unforeseen_error_is_told_by_its_places(
    formatter: logging.Formatter, logger: str, records: list[logging.LogRecord]
) -> None:
    """And by its class and that of its cause, not by what it says; other packages may say so in their second line."""
    told = "it failed" + (f"\nfuture: {CANARY}" if logger == "asyncio" else "")
    logging.getLogger(logger).error(told, exc_info=failed(CANARY))

    line = formatter.format(records[-1])
    assert CANARY not in line
    assert "it failed" in line
    assert line.index("builtins.KeyError") < line.index("builtins.ValueError")
    assert "in failed" in line


def test_a_json_line_knows_its_request(records: list[logging.LogRecord]) -> None:
    """By the id, which the text has too; facts of the record are members of their own."""
    token = current.set(Account("abc"))
    try:
        logging.getLogger("secateurs").warning("embed degraded: %s", "no model", extra={"facts": {"status": 200}})
        told = json.loads(logs.JsonFormatter().format(records[-1]))
        text = logs.TextFormatter().format(records[-1])
    finally:
        current.reset(token)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", told.pop("time"))
    assert {
        "level": "warning",
        "logger": "secateurs",
        "message": "embed degraded: no model",
        "request_id": "abc",
        "status": 200,
    } == told
    assert "WARNING secateurs embed degraded: no model request=abc" == text


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x1b[2K", "\x85", "\u2028"], ids=ascii)
def test_a_message_is_one_line(end: str, records: list[logging.LogRecord]) -> None:
    """What somebody else has named can't forge a line of the log."""
    logging.getLogger("secateurs").warning("no page: %s", f"a{end}ERROR forged")
    told = (logs.TextFormatter().format(records[-1]), json.loads(logs.JsonFormatter().format(records[-1]))["message"])

    assert (f"WARNING secateurs no page: a{ascii(end)[1:-1]}ERROR forged", f"no page: a{end}ERROR forged") == told


def test_warnings_and_other_packages_go_the_same_way() -> None:
    """Through the one handler; what is below a warning of theirs is not told."""
    script = (
        "import logging, warnings; from app import logs; logs.configure('debug', 'json'); warnings.warn('old');"
        "logging.getLogger('uvicorn.error').warning('odd'); logging.getLogger('httpx').info('GET /'); "
        "logging.getLogger('secateurs').debug('small')"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert ["py.warnings", "uvicorn.error", "secateurs"] == [line["logger"] for line in lines]


class Talkative:
    """Whatever is asked of it, it fails, and repeats the question with all its headers."""

    def __init__(self) -> None:
        self.statuses: Iterator[int] = iter(())
        self.ids: set[str] = set()
        self.app = Starlette(routes=[Route("/{path:path}", self._fail, methods=["GET", "POST"])])

    async def _fail(self, request: Request) -> JSONResponse:
        self.ids.add(request.headers.get("x-request-id", ""))
        secret = [value for value in request.headers.values() if CANARY in value]  # first: long answers are cut
        asked = f"{secret} {request.url} {dict(request.headers)} {(await request.body()).decode()}"
        return JSONResponse({"error": {"message": f"no: {asked}"}}, next(self.statuses, 400))


@contextmanager
def serving(folder: Path, server: str) -> Iterator[tuple[str, Path]]:
    """The address of a service whose every server is that one, and the file that it logs to."""
    key = f"{CANARY}-key"
    settings = {
        "state_dir": str(folder / "state"),
        "log_level": "debug",
        "log_format": "json",
        "providers": "searxng,tavily,brave",
        "searxng_url": server,
        "tavily_url": server,
        "tavily_key": key,
        "brave_url": server,
        "brave_key": key,
        "chat_model_url": server,
        "chat_model_key": key,
        "embedder": f"{server}/v1/embeddings",
        "embedder_key": key,
        "path_model": server,
        "path_model_key": key,
        "tokenizers": server,
        "tokenizer_key": key,
        "fetch_proxy": server.replace("://", f"://user:{key}@"),
        "fetch_robots": "false",
    }
    environment = os.environ | {f"SECATEURS_{name.upper()}": value for name, value in settings.items()}
    told = folder / "log"
    with told.open("w") as log:
        command = [sys.executable, "-m", "app.cli", "serve", "--port", "0"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=log)
    try:
        until = time.monotonic() + 60
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", told.read_text())):
            assert process.poll() is None, told.read_text()
            assert time.monotonic() < until, told.read_text()
            time.sleep(0.05)
        yield found[0], told
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(60)
    finally:
        process.kill()
        process.wait()


def asked(server: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Requests in every wire format: good ones, wrong ones, and some to nowhere."""
    question = f"Who sings, the {CANARY}?"
    tool = {"name": "search_web", "arguments": {"query": question}}
    return [
        *(("POST", "/v1/search", {"json": {"query": question, "provider": name}}) for name in ("searxng", "tavily")),
        ("POST", "/v1/search", {"json": {"query": question, "provider": "brave", "sub_questions": 2}}),
        ("POST", "/v1/search", {"json": {"query": question, "steps": ["embed", "generate"]}}),
        ("POST", "/v1/search", {"json": {"query": question, "tokenizer": server}}),
        ("POST", "/v1/search", {"json": {"query": question, "tokenizer": CANARY}}),
        ("POST", "/v1/prune", {"json": {"query": question, "urls": [URL], "pages": [{"html": PAGE}]}}),
        ("POST", "/v1/clean", {"json": {"html": PAGE}}),
        ("POST", "/v1/clean", {"content": f'{{"html": "{CANARY}'}),
        ("POST", "/v1/chat/completions", {"json": {"model": "secateurs", "messages": MESSAGES}}),
        ("POST", "/v1/chat/completions", {"json": {"model": "secateurs", "messages": MESSAGES, "stream": True}}),
        ("GET", f"/v1/models/{CANARY}", {}),
        ("POST", "/tavily/search", {"json": {"query": question, "api_key": CANARY}}),
        ("POST", "/tavily/extract", {"json": {"urls": [URL]}}),
        ("POST", "/open-webui/search", {"json": {"query": question, "count": 3}}),
        ("POST", "/open-webui/load", {"json": {"urls": [URL]}}),
        ("GET", f"/r/{URL}?key={CANARY}", {}),
        ("POST", "/s/", {"json": {"q": question}}),
        ("POST", "/v2/scrape", {"json": {"url": URL}}),
        ("POST", "/v2/search", {"json": {"query": question}}),
        ("POST", "/mcp", {"json": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": tool}}),
        ("POST", "/mcp", {"json": {"jsonrpc": "2.0", "id": CANARY, "method": CANARY}}),
        ("POST", "/mcp", {"content": CANARY}),
        ("GET", f"/{CANARY}", {"params": {"key": CANARY}}),
        ("PROPFIND", f"/v1/search/{CANARY}", {}),
    ]


def test_nothing_that_was_asked_or_is_secret_stands_in_the_log(tmp_path: Path) -> None:
    """At debug level, with servers that fail in every way and repeat all that they were told, keys among it."""
    talkative = Talkative()
    with served(talkative.app) as (host, port):
        server = f"http://{host}:{port}"
        headers = {
            "Authorization": f"Bearer {CANARY}",
            "X-API-Key": CANARY,
            "Accept": "application/json, text/event-stream",
        }
        with serving(tmp_path, server) as (address, told), httpx.Client(base_url=address, timeout=60) as client:
            for number, (method, path, options) in enumerate(asked(server)):
                talkative.statuses = iter([(400, 401, 404, 500, 503)[number % 5]] * 9)
                answer = client.request(method, path, headers=headers | {"X-Request-ID": f"id-{number}"}, **options)
                assert f"id-{number}" == answer.headers["x-request-id"]
        text = told.read_text()

    assert CANARY not in text.lower()
    lines = [json.loads(line) for line in text.splitlines()]
    assert {f"id-{number}" for number in range(len(asked(server)))} <= {line.get("request_id") for line in lines}
    assert any(re.search("degraded: .* answered with status", line["message"]) for line in lines)
    assert {"id-0", "id-9"} & talkative.ids == {"id-9"}, "models are told the request's id, search engines are not"
