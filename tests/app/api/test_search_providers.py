"""`/v1/search` over search engines: what a request may ask for, and their failures as problems."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.app.search.engine_server import KEY, Answer, EngineServer, Reply, Request, tavily

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio."""
    return "asyncio"


@asynccontextmanager
async def service(state: Path, answer: Answer = tavily, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service whose provider is Tavily, which delivers its pages."""
    async with EngineServer(answer).url() as url:
        chosen = {"provider": "tavily", "tavily_url": url, "tavily_key": KEY, "provider_pages": True, **settings}
        app = create_app(Settings(state_dir=state, embedder="none", **chosen))
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            yield client


async def test_what_is_found_is_answered(tmp_path: Path) -> None:
    """And what of the query could not be honoured stands in `degraded`."""
    body = {"query": "Page 3?", "max_results": 5, "page": 1, "safe_search": "strict", "language": "en"}
    async with service(tmp_path) as client:
        answer = (await client.post("/v1/search", json=body)).json()
    assert ["ok"] * 5 == [result["status"] for result in answer["results"]]
    assert "All of Page 3." in answer["content"]
    lost = [f"search: tavily: {name} can't be asked for, so it was left out" for name in ("language", "safe_search")]
    assert lost == answer["degraded"][:2]


@pytest.mark.parametrize(
    ("reply", "status", "kind", "after"),
    [
        (Reply({}, 500), 502, "search-provider-failed", None),
        (Reply(b"<html>"), 502, "search-provider-failed", None),
        (Reply({}, 503, {"retry-after": "900"}), 503, "search-provider-busy", "900"),
        (Reply({}, 429, {"retry-after": "900"}), 503, "search-provider-busy", "900"),
        (Reply(fault="hang"), 502, "search-provider-failed", None),
    ],
)
async def test_a_failing_engine_is_a_problem(
    reply: Reply, status: int, kind: str, after: str | None, tmp_path: Path
) -> None:
    """It names the engine, and when to ask again; what it explains itself with exists."""
    async with service(tmp_path, lambda _: reply, search_seconds=0.5) as client:
        answer = await client.post("/v1/search", json={"query": "q"})
        explained = await client.get(answer.json()["type"])
    assert (status, f"/problems/{kind}", "tavily") == (
        answer.status_code,
        answer.json()["type"],
        answer.json()["provider"],
    )
    assert after == answer.headers.get("retry-after")
    assert status == explained.json()["status"]


async def test_a_page_of_results_out_of_reach_is_the_requests_fault(tmp_path: Path) -> None:
    """As a name that is not configured is."""
    async with service(tmp_path, providers=("local",)) as client:
        far = await client.post("/v1/search", json={"query": "q", "page": 3})
        unknown = await client.post("/v1/search", json={"query": "q", "provider": "brave"})
        chosen = await client.post("/v1/search", json={"query": "q", "provider": "local"})
    assert (422, "/problems/not-offered-by-provider") == (far.status_code, far.json()["type"])
    assert (422, "these are: local, tavily") == (unknown.status_code, unknown.json()["detail"][-24:])
    assert (502, "local") == (chosen.status_code, chosen.json()["provider"])


async def test_sub_questions_are_searched_for_too(tmp_path: Path) -> None:
    """Where a chat model is set; where none is, the request says something that can't be served."""
    asked: list[str] = []

    def both(request: Request) -> Reply:
        if request.path == "/v1/chat/completions":
            asked.append(json.dumps(request.body))
            return Reply({"choices": [{"message": {"content": "opening hours on Sunday\nparking on Sunday"}}]})
        asked.append(request.body["query"])
        return tavily(request)

    body = {"query": "When is it open on Sunday, and where do I park?", "sub_questions": 3}
    async with EngineServer(both).url() as url:
        async with service(tmp_path, both, chat_model_url=url, chat_model="m") as client:
            answer = await client.post("/v1/search", json=body)
        async with service(tmp_path) as client:
            refused = await client.post("/v1/search", json=body)
    assert (200, 4) == (answer.status_code, len(asked))
    assert {body["query"], "opening hours on Sunday", "parking on Sunday"} < set(asked)
    assert (422, "sub_questions need a chat model: set SECATEURS_CHAT_MODEL_URL") == (
        refused.status_code,
        refused.json()["detail"],
    )
