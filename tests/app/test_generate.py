"""Both steps of the method over REST, with a real causal language model behind HTTP and in process."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, Response

from tests.app.conftest import client_of
from tests.app.models.path_server import NAME, PathServer
from tests.pruning.local import tiny_models

PAGE = "<title>Hedges</title>" + "".join(
    f"<div><h2>Part {n}</h2><p>Hedge {n} is pruned in June.</p><ul><li>roses {n}<li>birds {n}</ul></div>"
    for n in range(60)
)
BODY = {"query": "When are hedges pruned?", "pages": [{"html": PAGE}], "max_tokens": 200, "trace": True}
BOTH = BODY | {"steps": ["embed", "generate"]}
# The first completion that a server is asked for is the one that loading asks for.
PROBE = 1


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model."""
    return tiny_models.save(tmp_path_factory.mktemp("llama"), "llama")


@pytest.fixture(scope="module")
def over_http(checkpoint: Path) -> Iterator[httpx.Client]:
    """A service whose path model is behind HTTP."""
    with PathServer(checkpoint).url() as url:
        yield from client_of(embedder="none", path_model=url)


@pytest.fixture(scope="module")
def in_process(checkpoint: Path) -> Iterator[httpx.Client]:
    """A service with the same path model in its process."""
    yield from client_of(embedder="none", path_model=str(checkpoint))


def ask(client: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    """The answer to a prune."""
    answer = client.post("/v1/prune", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_second_step_ranks_what_the_first_kept(over_http: httpx.Client) -> None:
    """Twice the budget goes into the second step, the budget comes out, and no block is scored twice."""
    answer = ask(over_http, BOTH)

    embed, generate = answer["steps"]
    assert ("embed", "generate", NAME) == (embed["name"], generate["name"], generate["model"])
    assert 200 < embed["tokens_out"] <= 400
    assert answer["tokens"] == generate["tokens_out"] <= 200
    assert embed["blocks_out"] == generate["blocks_in"] == generate["blocks_read"] == len(answer["trace"])
    assert not any(reason.startswith("generate") for reason in answer["degraded"])


def test_both_drivers_give_the_same_answer(over_http: httpx.Client, in_process: httpx.Client) -> None:
    """Behind HTTP or in process: the same scores, and the same blocks kept."""
    there, here = (ask(client, BOTH) for client in (over_http, in_process))

    assert there["content"] == here["content"]
    scores = [[block["score"] for block in answer["trace"]] for answer in (there, here)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


def test_the_answer_depends_on_the_question(over_http: httpx.Client) -> None:
    """Another question about the same blocks gives other scores."""
    first, second = (ask(over_http, BOTH | {"query": query}) for query in ("hedge 3 June", "June hedge 3"))

    of_first = {block["id"]: block["score"] for block in first["trace"]}
    of_second = {block["id"]: block["score"] for block in second["trace"]}
    assert of_first.keys() == of_second.keys()
    assert of_first != pytest.approx(of_second, abs=1e-3)


def test_one_step_is_the_default(over_http: httpx.Client) -> None:
    """Without `steps`, the setting decides, and that is the first step alone."""
    assert ["embed"] == [step["name"] for step in ask(over_http, BODY)["steps"]]


@pytest.mark.parametrize("steps", [[], ["generate"], ["generate", "embed"], ["embed", "embed"], ["fit"]])
def test_other_steps_are_refused(over_http: httpx.Client, steps: list[str]) -> None:
    """Steps that there are not are wrong input, and the answer says where."""
    answer = over_http.post("/v1/prune", json=BODY | {"steps": steps})

    assert 422 == answer.status_code
    assert answer.json()["errors"][0]["pointer"].startswith("#/steps")


def test_without_a_model_the_first_step_stands() -> None:
    """No path model is configured: the first step's answer, and a word about it."""
    for client in client_of(embedder="none"):
        one, both = ask(client, BODY), ask(client, BOTH)

    assert one["content"] == both["content"]
    assert ["embed"] == [step["name"] for step in both["steps"]]
    assert "generate: no model that scores paths is configured" in "\n".join(both["degraded"])


def test_a_failing_server_degrades(checkpoint: Path) -> None:
    """A server that answers with errors costs the second step, not the answer."""

    def fail(number: int, body: dict[str, Any]) -> Response | None:
        return JSONResponse({"error": "out of memory"}, 500) if number > PROBE else None

    with PathServer(checkpoint, fail).url() as url:
        for client in client_of(embedder="none", path_model=url):
            one, both = ask(client, BODY), ask(client, BOTH)

    assert one["content"] == both["content"]
    assert 1 == sum(reason.startswith("generate: ") for reason in both["degraded"])


def test_a_slow_server_degrades_within_the_deadline(checkpoint: Path) -> None:
    """A server that takes too long is given up in time for an answer."""
    with PathServer(checkpoint, delay=30).url() as url:
        for client in client_of(embedder="none", path_model=url, deadline_seconds=4):
            start = time.monotonic()
            answer = ask(client, BOTH)
            assert time.monotonic() - start < 10, "the deadline is 4 s"

    assert 1 == sum(reason.startswith("generate: ") for reason in answer["degraded"])


def test_a_server_that_is_down_degrades(checkpoint: Path) -> None:
    """With nobody listening, the first step stands."""
    with PathServer(checkpoint).url() as url:
        pass  # an address, now with nobody there
    for client in client_of(embedder="none", path_model=url):
        assert 1 == sum(reason.startswith("generate: ") for reason in ask(client, BOTH)["degraded"])
