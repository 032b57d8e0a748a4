"""A real service, its upstreams as processes that can be killed, and steady traffic whose every answer is judged."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import redis

from tests.app.redis_process import running_redis
from tests.faults.upstream import PAGES
from tests.needs import ROOT
from tests.pruning import tokenizing
from tests.site import site_of
from tests.waiting import PATIENCE, until

# Those that are killed, but for the store.
KINDS = ("chat", "embedder", "pruner", "search")
# An address of this process's own: nobody else takes a port there while its owner is dead.
HOST = f"127.77.{os.getpid() // 254 % 254 + 1}.{os.getpid() % 254 + 1}"
DEADLINE_SECONDS = 30.0
CHAT_SECONDS = 30.0
# Callers of each route at once.
CALLERS = int(os.environ.get("SECATEURS_TESTS_CALLERS", "1"))


class Killable(Protocol):
    """A server that can be killed and started again at the same address."""

    def start(self) -> None:
        """Start, and wait until it listens."""
        ...

    def kill(self) -> None:
        """Kill it in the middle of whatever it does."""
        ...


class Upstream:
    """One of KINDS, on a port that stays its own."""

    def __init__(self, kind: str, site: str) -> None:
        with socket.create_server((HOST, 0)) as taken:
            self._port = taken.getsockname()[1]
        module = "tests.faults.upstream"
        self._command = [sys.executable, "-m", module, kind, HOST, str(self._port), *([site] * (kind == "search"))]
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://{HOST}:{self._port}"

    def start(self) -> None:
        """See `Killable`."""
        self.launch()
        until(self.listens)

    def launch(self) -> None:
        """Start it: soon it listens."""
        self._process = subprocess.Popen(self._command, cwd=ROOT, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """See `Killable`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def listens(self) -> bool:
        """Whether it takes connections."""
        with suppress(OSError), socket.create_connection((HOST, self._port), timeout=5):
            return True
        return False


# How each route is asked: path, and body.
QUESTION = "When are old roses cut back?"
_CHAT = {"model": "secateurs", "messages": [{"role": "user", "content": QUESTION}]}
_PAGE = "".join(f"<div><h2>Bed {n}</h2><p>In bed {n} the roses are cut in week {n}.</p></div>" for n in range(12))
ROUTES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "search": ("/v1/search", {"query": QUESTION, "max_tokens": 100}),
    "sub-questions": ("/v1/search", {"query": QUESTION, "max_tokens": 100, "sub_questions": 2}),
    "prune": ("/v1/prune", {"query": QUESTION, "max_tokens": 100, "pages": [{"html": _PAGE}]}),
    "chat": ("/v1/chat/completions", _CHAT),
    "chat-stream": ("/v1/chat/completions", _CHAT | {"stream": True}),
    "tavily": ("/tavily/search", {"query": QUESTION, "max_tokens": 100}),
}
# What differs between two right answers: times, ids, and whether a page was fetched once more; or is judged apart.
_PASSING = {"took_ms", "response_time", "id", "created", "degraded", "choices"}
_PASSING_WITHIN = {"from_cache", "milliseconds"}


@dataclass(frozen=True, slots=True)
class Told:
    """One answer: when it was asked for, when it was there, and how it is judged.

    Attributes:
        caller: who asked: each keeps a connection, so one process of the service answers all of it.
        verdict: `right`, `degraded: ` and the notes, or a status, `: ` and the message; or what is wrong with it.
    """

    route: str
    caller: int
    begun: float
    ended: float
    verdict: str


@dataclass
class Traffic:
    """Callers of all routes, each of whom asks again as soon as it is answered; from its start until `stop`."""

    address: str
    right: Mapping[str, Any]
    told: list[Told] = field(default_factory=list)
    asked: int = 0

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        callers = enumerate(route for route in ROUTES for _ in range(CALLERS))
        self._threads = [threading.Thread(target=self._call, args=caller) for caller in callers]
        for thread in self._threads:
            thread.start()

    def since(self, moment: float) -> dict[str, list[Told]]:
        """Answers to what was asked after that moment, by route, in the order in which they came."""
        told = [one for one in list(self.told) if one.begun >= moment]
        return {route: [one for one in told if one.route == route] for route in ROUTES}

    def is_well(self, moment: float) -> bool:
        """Whether the last answer of each caller is right, of what was asked for after that moment."""
        last = {one.caller: one.verdict for one in list(self.told) if one.begun >= moment}
        return len(last) == len(self._threads) and set(last.values()) == {"right"}

    def stop(self) -> None:
        """Let each caller have its last answer."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def _call(self, caller: int, route: str) -> None:
        with httpx.Client(base_url=self.address, timeout=PATIENCE, trust_env=False) as client:
            while not self._stopping.is_set():
                with self._lock:
                    self.asked += 1
                begun = time.monotonic()
                verdict = judged(route, client, self.right)
                ended = time.monotonic()
                if ended - begun > DEADLINE_SECONDS + CHAT_SECONDS * route.startswith("chat") + 5:
                    verdict = f"beyond its deadline: {verdict}"
                with self._lock:
                    self.told.append(Told(route, caller, begun, ended, verdict))
                self._stopping.wait(0.05)


def judged(route: str, client: httpx.Client, right: Mapping[str, Any]) -> str:
    """Ask, and judge what comes: see `Told`."""
    try:
        status, answer = asked(route, client)
    except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        return f"lost: {error!r}"
    try:
        return _verdict(route, status, answer, right)
    except (LookupError, TypeError, AttributeError) as error:
        return f"of no shape: {error!r}: {answer}"


def asked(route: str, client: httpx.Client) -> tuple[int, dict[str, Any]]:
    """The status and the answer; a stream as the whole answer that it makes, or as the error that ends it."""
    path, body = ROUTES[route]
    response = client.post(path, json=body)
    answer = _joined(response.text) if body.get("stream") and response.is_success else response.json()
    return 503 if response.is_success and "error" in answer else response.status_code, answer


def _joined(stream: str) -> dict[str, Any]:
    *lines, end = [line.removeprefix("data: ") for line in stream.split("\n\n") if line]
    if end != "[DONE]":
        raise ValueError(f"a stream that ends in {end!r}")
    whole: dict[str, Any] = {}
    said, marks, finish = "", [], None
    for chunk in map(json.loads, lines):
        if "error" in chunk:
            return {"error": chunk["error"]}
        for choice in chunk.pop("choices"):
            said += choice["delta"].get("content") or ""
            marks += choice["delta"].get("annotations") or []
            finish = choice.get("finish_reason") or finish
        whole |= chunk
    message = {"role": "assistant", "content": said, "annotations": marks}
    return whole | {"choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def _verdict(route: str, status: int, answer: dict[str, Any], right: Mapping[str, Any]) -> str:
    if status != 200:
        return f"{status}: {_error(route, status, answer)}"
    about = answer["secateurs"] if route.startswith("chat") else answer
    said = stable(answer)
    if about["degraded"]:
        content = [choice["message"]["content"] for choice in answer["choices"]] if "choices" in answer else said
        whole = content and said.keys() == right[route].keys()
        return f"degraded: {'; '.join(about['degraded'])}" if whole else f"of no shape: {answer}"
    return "right" if said == right[route] else f"wrong: {said}"


def _error(route: str, status: int, answer: dict[str, Any]) -> str:
    """The message, in the route's own shape of an error."""
    if route.startswith("chat"):
        return str(answer["error"]["code"] and answer["error"]["type"] and answer["error"]["message"])
    if route == "tavily":
        return str(answer["detail"]["error"])
    if answer["status"] != status or not answer["type"].startswith("/problems/"):
        raise TypeError("no problem")
    return str(answer["detail"])


def stable(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What of an answer must be the same each time."""
    kept = {name: _stable(value) for name, value in answer.items() if name not in _PASSING}
    if "choices" in answer:
        kept["said"] = answer["choices"][0]["message"]
    return kept


def _stable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _stable(inner) for name, inner in value.items() if name not in _PASSING_WITHIN}
    return [_stable(inner) for inner in value] if isinstance(value, list) else value


@dataclass
class World:
    """A service and what it lives on.

    Attributes:
        upstreams: by name, `redis` among them.
        right: route -> what of its answer must be the same each time.
    """

    address: str
    store_url: str
    upstreams: Mapping[str, Killable]
    right: Mapping[str, Any]

    def is_kept(self) -> bool:
        """Whether anything is in the store: Redis comes back empty."""
        with redis.Redis.from_url(self.store_url) as client:
            return bool(client.dbsize())

    @contextmanager
    def traffic(self) -> Iterator[Traffic]:
        """Steady traffic until the end of the block."""
        traffic = Traffic(self.address, self.right)
        try:
            yield traffic
        finally:
            traffic.stop()


@contextmanager
def world(redis_server: Path, folder: Path, **settings: str) -> Iterator[World]:
    """A service with all its upstreams running, once it gives the same answers twice."""
    pages = {
        f"/{n}": f"<title>Garden {n}</title>{_PAGE.replace('roses', f'roses of garden {n}')}" for n in range(PAGES)
    }
    with site_of(pages) as site, running_redis(redis_server) as store:
        upstreams = {kind: Upstream(kind, site) for kind in KINDS}
        environment = os.environ | _environment(upstreams, site, folder) | {"SECATEURS_STORE_URL": store.url} | settings
        try:
            for upstream in upstreams.values():
                upstream.launch()  # and the service beside them
            with _serving(environment, folder / "log") as address:
                until(lambda: all(upstream.listens() for upstream in upstreams.values()))
                yield World(address, store.url, {**upstreams, "redis": store}, _right(address))
        finally:
            for upstream in upstreams.values():
                upstream.kill()


def _environment(upstreams: Mapping[str, Upstream], site: str, folder: Path) -> dict[str, str]:
    """What the service is told of its upstreams."""
    tokenizer = tokenizing.train("byte_level", folder).rename(folder / "tokenizer.json")
    settings = {
        "chat_model_url": upstreams["chat"].url,
        "embedder": upstreams["embedder"].url,
        "path_model": upstreams["pruner"].url,
        "path_model_tokenizer": str(tokenizer),
        "steps": "embed,generate",
        "provider": "searxng",
        "searxng_url": upstreams["search"].url,
        "state_dir": str(folder / "state"),
        "fetch_allowed_hosts": "127.0.0.1",
        "fetch_ports": site.rpartition(":")[2],
        "fetch_per_host": "100",
        "fetch_proxy_environment": "false",
        "context_tokens": "100",
        "deadline_seconds": str(DEADLINE_SECONDS),
        "chat_seconds": str(CHAT_SECONDS),
    }
    return {f"SECATEURS_{name.upper()}": value for name, value in settings.items()}


@contextmanager
def _serving(environment: Mapping[str, str], log: Path) -> Iterator[str]:
    """The address of `secateurs serve`, once it is ready."""
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "app.cli", "serve", "--host", HOST, "--port", str(port)]
    with log.open("wb") as told:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=told)
        try:
            until(lambda: process.poll() is not None or _is_ready(f"http://{HOST}:{port}"))
            assert process.poll() is None, log.read_text()
            yield f"http://{HOST}:{port}"
        finally:
            process.kill()
            process.wait()


def _is_ready(address: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{address}/readyz", timeout=PATIENCE, trust_env=False).is_success
    return False


def _right(address: str) -> dict[str, Any]:
    """What each route answers while all is well, the second time as the first."""
    right = {}
    with httpx.Client(base_url=address, timeout=PATIENCE, trust_env=False) as client:
        for route in ROUTES:
            once, again = asked(route, client), asked(route, client)
            assert (200, stable(once[1])) == (again[0], stable(again[1])), (once, again)
            right[route] = stable(once[1])
    return right
