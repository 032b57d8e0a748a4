"""What Prometheus is told: numbers of every stage, under labels that are few."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import metrics
from app.main import create_app
from app.settings import Settings
from pruning.observe import Event
from tests.app.asgi import get
from tests.app.conftest import client_of
from tests.app.metrics import counted, samples
from tests.needs import ROOT

SECRET = "canary-of-the-metrics"
SEARCH = {"query": "How is the token budget counted?", "max_tokens": 300}


def test_a_search_is_counted_stage_by_stage(plain: httpx.Client) -> None:
    """Its request, the time of each stage, what was asked of others, and the blocks and tokens of the step."""
    with counted(plain) as added:
        answer = plain.post("/v1/search", json=SEARCH).json()

    labels = {"route": "/v1/search", "wire": "secateurs"}
    assert 1 == added("requests_total", method="POST", status="200", **labels)
    assert 1 == added("request_seconds_count", **labels) == added("first_byte_seconds_count", **labels)
    for stage in ("search", "read", "embed", "fit"):
        assert 1 == added("stage_seconds_count", stage=stage), stage
    assert 1 == added("upstream_seconds_count", upstream="local")
    assert 0 < added("upstream_seconds_count", upstream="store")
    (step,) = answer["steps"]
    for direction in ("in", "out"):
        assert step[f"blocks_{direction}"] == added("blocks_total", stage="embed", direction=direction)
        assert step[f"tokens_{direction}"] == added("tokens_total", stage="embed", direction=direction)
    looked_up = [added("cache_lookups_total", stage="read", result=result) for result in ("hit", "miss")]
    assert len(answer["results"]) == sum(looked_up)


def test_an_answer_is_degraded_once(plain: httpx.Client) -> None:
    """However often a stage says so."""
    with counted(plain) as added:
        assert plain.post("/v1/search", json=SEARCH).json()["degraded"]
    assert 1 == added("degraded_answers_total", stage="embed")


def test_labels_are_our_own_words(plain: httpx.Client) -> None:
    """Whatever a caller sends: addresses, queries, keys, methods."""
    with counted(plain) as added:
        plain.get(f"/{SECRET}", params={"key": SECRET})
        plain.get(f"/r/https://{SECRET}.invalid/{SECRET}")
        plain.get(f"/v1/models/{SECRET}", headers={"Authorization": f"Bearer {SECRET}"})
        plain.request("PROPFIND", "/v1/search")
        plain.post("/v1/search", json={"query": SECRET, "provider": SECRET, "tokenizer": SECRET})
        plain.post("/v1/search", json={"query": SECRET})

    assert SECRET not in plain.get("/metrics").text.lower()
    seen = {(row["method"], row["route"], row["status"]) for row in added.labels("requests_total")}
    assert {
        ("GET", "unknown", "404"),
        ("GET", "/r/{url:path}", "502"),
        ("GET", "/v1/models/{name:path}", "404"),
        ("other", "/v1/search", "405"),
        ("POST", "/v1/search", "422"),
        ("POST", "/v1/search", "200"),
    } <= seen


def test_each_wire_format_has_its_label(plain: httpx.Client) -> None:
    """Every route that there is; nobody asks one by TRACE, so nothing is done."""
    paths = [*plain.get("/openapi.json").json()["paths"], "/mcp"]
    with counted(plain) as added:
        for path in paths:
            plain.request("TRACE", re.sub(r"{\w+(:path)?}", "x", path))

    wire_of = {row["route"]: row["wire"] for row in added.labels("requests_total") if row["method"] == "other"}
    assert {
        "/v1/search": "secateurs",
        "/v1/chat/completions": "openai",
        "/tavily/search": "tavily",
        "/open-webui/load": "open-webui",
        "/r/{url:path}": "jina",
        "/v2/scrape": "firecrawl",
        "/mcp": "mcp",
        "/readyz": "operation",
    }.items() <= wire_of.items()
    assert "unknown" not in wire_of
    assert "none" not in wire_of.values()


@pytest.fixture(scope="module")
def failing(sample_state: Path) -> Iterator[httpx.Client]:
    """A service whose servers are all down."""
    nowhere = "http://127.0.0.1:9"
    yield from client_of(
        state_dir=sample_state,
        providers=("searxng",),
        searxng_url=nowhere,
        embedder=f"{nowhere}/v1/embeddings",
        chat_model_url=nowhere,
        cache=False,
    )


def test_failures_of_others_are_counted_by_kind(failing: httpx.Client) -> None:
    """Of a search engine, of models, and of pages."""
    chat = {"model": "secateurs", "messages": [{"role": "user", "content": "Who?"}], "secateurs": {"retrieval": False}}
    with counted(failing) as added:
        assert 502 == failing.post("/v1/search", json=SEARCH | {"provider": "searxng"}).status_code
        assert failing.post("/v1/search", json=SEARCH).json()["degraded"]
        assert 503 == failing.post("/v1/chat/completions", json=chat).status_code
        failing.post("/v1/prune", json={"query": "q", "urls": ["http://127.0.0.1/"]})

    for upstream in ("searxng", "embedder", "chat_model"):
        assert 1 <= added("upstream_errors_total", upstream=upstream, kind="unreachable"), upstream
    assert 1 == added("upstream_errors_total", upstream="web", kind="refused")
    assert 1 == added("stage_failures_total", stage="search", kind="unreachable")


def test_nobody_fails_where_the_caller_goes() -> None:
    """What is cancelled is not counted: how long it would have taken, nobody knows."""
    before = samples(metrics.exposition()[0].decode())
    for kind in ("failed", "answered"):
        metrics.observe(Event("never", kind, milliseconds=1.0, error=GeneratorExit()))
    assert before.keys() == samples(metrics.exposition()[0].decode()).keys()


def test_queues_have_a_depth() -> None:
    """As admission tells it, and what it refuses."""
    metrics.observe(Event("test", "queue", {"depth": 3, "limit": 64}))
    metrics.observe(Event("test", "refused"))
    found = samples(metrics.exposition()[0].decode())
    of_test = {name: value for (name, labels), value in found.items() if dict(labels) == {"stage": "test"}}
    assert {"depth": 3, "limit": 64} == {name: of_test[f"secateurs_queue_{name}"] for name in ("depth", "limit")}
    assert 1 == of_test["secateurs_refused_total"]


def test_a_client_may_want_openmetrics(plain: httpx.Client) -> None:
    """Prometheus asks for it; a browser gets plain text."""
    asked = plain.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert asked.headers["content-type"].startswith("application/openmetrics-text")
    assert asked.text.endswith("# EOF\n")
    assert plain.get("/metrics").headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("where", ["off", "127.0.0.1:0"])
def test_metrics_can_be_elsewhere(where: str) -> None:
    """Then the service's own port has none."""
    app = create_app(Settings(embedder="none", metrics=where))
    assert 404 == get(app, "/metrics").status_code
    assert "/metrics" not in app.openapi()["paths"]


@pytest.mark.parametrize("wrong", ["", "on", "9090", "host:", "host:port", "host:65536", ":9090"])
def test_a_place_that_is_none_is_refused(wrong: str) -> None:
    """With what there is instead."""
    with pytest.raises(ValueError, match=r"main, off, or an address such as 127\.0\.0\.1:9090"):
        Settings(metrics=wrong)


WORKER = """
import sys
from app import metrics
from pruning.observe import Event
metrics.observe(Event("embed", "finished", {"blocks_in": 5}, milliseconds=100.0))
metrics.IN_FLIGHT.inc()
print("counted", flush=True)
if sys.stdin.read():
    print(metrics.exposition()[0].decode())
"""


def worker(folder: Path) -> "subprocess.Popen[str]":
    """A process that has counted one stage, and waits."""
    environment = {"PATH": "", metrics.FOLDER: str(folder)}
    process: Any = subprocess.Popen(
        [sys.executable, "-c", WORKER], cwd=ROOT, env=environment, stdin=-1, stdout=-1, text=True
    )
    assert "counted\n" == process.stdout.readline()
    return process


def test_whichever_worker_is_asked_answers_for_all(tmp_path: Path) -> None:
    """What they counted is added up, also of one that has ended; what is under way, only of those that live."""
    first, second, third = (worker(tmp_path) for _ in range(3))
    third.communicate("")
    metrics.forget(third.pid, tmp_path)
    text, _ = first.communicate("tell")
    second.communicate("")

    found = samples(text)
    assert 3 == found["secateurs_stage_seconds_count", frozenset({("stage", "embed")})]
    assert 15 == found["secateurs_blocks_total", frozenset({("stage", "embed"), ("direction", "in")})]
    assert 2 == found["secateurs_requests_in_flight", frozenset()]
    assert 1 == sum(value for (name, _), value in found.items() if name == "secateurs_build_info")
