"""Alive, and ready only when the models are loaded."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.app.conftest import client_of
from tests.app.serving import served


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[httpx.Client]:
    """A service whose model does not exist."""
    yield from client_of(state_dir=tmp_path, embedder="/nowhere/model")


def test_alive(plain: httpx.Client) -> None:
    """The process answers."""
    assert {"status": "ok"} == plain.get("/healthz").json()


def wait_until_ready(client: httpx.Client) -> httpx.Response:
    """The first answer that says ready; the test's own time limit ends the wait."""
    while (answer := client.get("/readyz")).status_code == 503:
        time.sleep(0.05)
    return answer


def test_ready_when_the_models_are_loaded(sample_state: Path) -> None:
    """First alive and not ready; then ready, naming what is loaded."""
    app = create_app(Settings(state_dir=sample_state))
    with served(app) as (host, port), httpx.Client(base_url=f"http://{host}:{port}", timeout=60) as client:
        first = client.get("/readyz")
        alive = client.get("/healthz")
        ready = wait_until_ready(client)

    assert (503, "/problems/not-ready") == (first.status_code, first.json()["type"])
    assert 200 == alive.status_code
    assert {
        "status": "ready",
        "embedder": "all-MiniLM-L6-v2",
        "tokenizer": "tekken",
        "providers": ["local"],
    } == ready.json()


def test_a_missing_model_keeps_the_service_from_being_ready(broken: httpx.Client) -> None:
    """The reason is told; requests are answered without the model, visibly."""
    answer = broken.post("/v1/prune", json={"query": "Sunday", "pages": [{"html": "<p>Sunday: 10 to 14"}]})
    while "not loaded yet" in (problem := broken.get("/readyz").json())["detail"]:
        time.sleep(0.05)

    assert 503 == problem["status"]
    assert "the embedding model can't be loaded; the log says why" == problem["detail"]
    assert "10 to 14" in answer.json()["content"]
    assert "/nowhere/model" in answer.json()["degraded"][0]


def test_requests_wait_for_the_models(sample_state: Path) -> None:
    """A request that comes too early is answered well, only later."""
    app = create_app(Settings(state_dir=sample_state))
    with served(app) as (host, port), httpx.Client(base_url=f"http://{host}:{port}", timeout=120) as client:
        answer = client.post("/v1/prune", json={"query": "Sunday", "pages": [{"html": "<p>Sunday: 10 to 14"}]})

    assert [] == answer.json()["degraded"]
    assert "all-MiniLM-L6-v2" == answer.json()["steps"][0]["model"]
