"""Who comes when all places are taken is refused at once, in its wire format, and told when to come back."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.admission import Admission, AdmittedOnce, Stage
from app.errors import Busy
from app.main import create_app
from app.settings import Settings
from tests.app.asgi import get
from tests.app.holding import PATIENCE, TEXT, Site, ask_tool, holding, waiting
from tests.app.serving import served


@given(st.integers(1, 5), st.lists(st.tuples(st.booleans(), st.floats(0, 1000)), max_size=60))
def test_no_more_are_in_than_there_are_places(places: int, events: list[tuple[bool, float]]) -> None:
    """Whatever comes and goes; and who is refused is told to wait for 1 s to 60 s."""
    now, inside = 0.0, 0
    stage = Stage("embed", places, lambda: now)
    for comes, seconds in events:
        now += seconds
        if comes and stage.full:
            assert 1 <= stage.refusal().retry_after <= 60
        elif comes:
            stage.take()
            inside += 1
        elif inside:
            stage.leave()
            inside -= 1
        assert (inside, inside == places) == (stage.taken, stage.full)


def test_each_refused_is_told_when_a_place_will_be_free_for_it() -> None:
    """Places become free every 2 s, so the third to be refused is told 6 s; a second later, one more 7 s."""
    now = 0.0
    stage = Stage("embed", 4, lambda: now)
    for _ in range(4):
        stage.take()
    for moment in (2.0, 4.0):
        now = moment
        stage.leave()
        stage.take()
    assert [2, 4, 6] == [stage.refusal().retry_after for _ in range(3)]
    now = 5.0
    assert 7 == stage.refusal().retry_after
    assert 4 == stage.refused


def test_without_experience_the_wait_so_far_is_the_estimate() -> None:
    """Nobody has left yet, and the first has been in for 5 s."""
    now = 0.0
    stage = Stage("chat", 1, lambda: now)
    stage.take()
    now = 5.0
    assert 5 == stage.refusal().retry_after


def test_places_are_given_back_however_it_ends() -> None:
    """Left early, at the end, or by an error; and none was taken where one stage is full."""
    admission = Admission({"search": 1, "embed": 1, "chat": 1})

    def taken() -> list[int]:
        return [stage.taken for stage in admission.stages.values()]

    def refused(*arguments: list[str]) -> str:
        with pytest.raises(Busy) as caught, admission.admit(*arguments):
            raise AssertionError
        return str(caught.value)

    with suppress(ZeroDivisionError), admission.admit(["search", "embed"]) as places:
        places.leave("search", "chat")
        assert [0, 1, 0] == taken()
        told = "1 requests are before this one (SECATEURS_EMBED_QUEUE); try again in 1 s"
        assert [told, told] == [refused(["search", "embed"]), refused(["search"], ["embed"])]
        assert [0, 1, 0] == taken()
        raise ZeroDivisionError
    assert [0, 0, 0] == taken()


def test_who_was_let_in_is_not_refused_later() -> None:
    """A request of two steps is refused at the first or never; the next request is one of its own."""
    admission = Admission({"prune": 1})
    seen: list[int] = []

    async def steps(scope: Any, receive: Any, send: Any) -> None:
        with admission.admit(["prune"]):
            seen.append(admission.stages["prune"].taken)
            with admission.admit(["prune"]):
                seen.append(admission.stages["prune"].taken)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    assert 200 == get(AdmittedOnce(steps), "/").status_code
    assert [1, 2] == seen
    with admission.admit(["prune"]), pytest.raises(Busy):
        get(AdmittedOnce(steps), "/")


@pytest.fixture
def site() -> Iterator[Site]:
    """A site whose pages come when they are released."""
    with holding() as site:
        yield site


@pytest.fixture
def client(site: Site, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a service that reads one page at a time."""
    with waiting(site, tmp_path, prune_queue=1, chat_model_url="http://127.0.0.1:9") as client:
        yield client


QUESTION = "How often is the hedge cut?"
CHAT = {"model": "secateurs", "messages": [{"role": "user", "content": QUESTION}]}
OPENAI = {"type": "rate_limit_error", "param": None, "code": "busy"}
PROBLEM = {"type": "/problems/busy", "title": "The service has as many requests as it takes", "status": 429}
TOLD = "1 requests are before this one (SECATEURS_PRUNE_QUEUE); try again in {wait} s"
# The wire formats: address, body, and what is told.
FORMATS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("/v1/search", {"query": QUESTION}, {**PROBLEM, "detail": TOLD}),
    ("/v1/prune", {"query": QUESTION, "pages": [{"html": "<p>one"}]}, {**PROBLEM, "detail": TOLD}),
    ("/v1/clean", {"html": "<p>one"}, {**PROBLEM, "detail": TOLD}),
    ("/open-webui/search", {"query": QUESTION}, {**PROBLEM, "detail": TOLD}),
    ("/open-webui/load", {"urls": ["http://127.0.0.1/"]}, {**PROBLEM, "detail": TOLD}),
    ("/v1/chat/completions", CHAT, {"error": {**OPENAI, "message": TOLD}}),
    ("/v1/chat/completions", {**CHAT, "stream": True}, {"error": {**OPENAI, "message": TOLD}}),
    ("/tavily/search", {"query": QUESTION}, {"detail": {"error": TOLD}}),
    ("/tavily/extract", {"urls": "http://127.0.0.1/"}, {"detail": {"error": TOLD}}),
    ("/v2/scrape", {"url": "http://127.0.0.1/"}, {"success": False, "error": TOLD}),
    ("/v2/search", {"query": QUESTION, "highlights": True}, {"success": False, "error": TOLD}),
    ("/v2/search", {"query": QUESTION, "highlights": False, "scrapeOptions": {}}, {"success": False, "error": TOLD}),
    (
        "/r/",
        {"url": "http://127.0.0.1/"},
        {
            "data": None,
            "code": 429,
            "status": 42900,
            "name": "Busy",
            "message": TOLD,
            "readableMessage": f"Busy: {TOLD}",
        },
    ),
]


def test_every_wire_format_refuses_at_once(client: httpx.Client, site: Site) -> None:
    """While one page is awaited nobody else gets in, in whichever format; each gets its own error and Retry-After."""
    ask = {"query": QUESTION, "urls": [f"{site.address}/held"]}
    with ThreadPoolExecutor(1) as elsewhere, site.released_at_the_end():
        first = elsewhere.submit(httpx.post, client.base_url.join("/v1/prune"), json=ask, timeout=PATIENCE)
        assert site.asked.acquire(timeout=PATIENCE)
        for path, body, expected in FORMATS:
            answer = client.post(path, json=body, headers={"Accept": "application/json"})
            wait = answer.headers.get("retry-after", "none")
            assert (429, json.loads(json.dumps(expected).replace("{wait}", wait))) == (
                answer.status_code,
                answer.json(),
            )
            assert 1 <= int(wait) <= 60
        told = ask_tool(client, "prune_html", {"html": "<p>one", "question": QUESTION}).json()["result"]
        assert told["isError"]
        assert TOLD.partition(";")[0] in told["content"][0]["text"]
        for path in ("/healthz", "/readyz", "/v1/models", "/docs"):
            assert 200 == client.get(path).status_code
        assert not first.done()
        site.released.set()
        assert TEXT in first.result(PATIENCE).json()["content"]
    assert 200 == client.post("/v1/clean", json={"html": "<p>one"}).status_code


def test_a_page_is_read_only_where_its_question_finds_room(tmp_path: Path) -> None:
    """What comes after reading is asked of a request before anything is done for it, since it is let in always then."""
    app = create_app(Settings(state_dir=tmp_path, embedder="http://127.0.0.1:9", embed_queue=1))
    url = "http://127.0.0.1/"
    formats = [{"type": "highlights", "query": QUESTION}]
    with served(app) as (host, port), httpx.Client(base_url=f"http://{host}:{port}", timeout=PATIENCE) as client:
        assert 200 == client.get("/healthz").status_code
        app.state.pipeline.admission.stages["embed"].take()
        with_question = [
            client.post("/v2/scrape", json={"url": url, "formats": formats}),
            client.get(f"/r/{url}", headers={"X-Question": QUESTION}),
        ]
        without = client.get(f"/r/{url}")

    assert [429, 429, 403] == [answer.status_code for answer in (*with_question, without)]
    assert all("SECATEURS_EMBED_QUEUE" in answer.text for answer in with_question)
