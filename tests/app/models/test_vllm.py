"""The client of vLLM, beside the same model in this process, and against servers that break in every way we know."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from app.models.vllm import VllmOptions, VllmPathModel
from pruning import BlockTree, Page
from pruning.checkpoint import prompt_of
from pruning.errors import InvalidInput, ModelError
from pruning.generative import PathLogprobs, plan_paths, score_paths
from pruning.local.causal import CausalPathModel
from tests.app.models.path_server import NAME, PathServer
from tests.needs import ROOT
from tests.pruning.local import tiny_models

PAGE = "<title>Hedges</title>" + "".join(
    f"<div><h2>Part {n}</h2><p>Hedge {n} is pruned in June.</p><ul><li>roses {n}<li>birds {n}</ul></div>"
    for n in range(8)
)
NEED = PathLogprobs(context=(7, 8, 9), prefixes=((), (20,), (20, 21)), children=((20, 30), (21, 40, 50), (60, 61)))
# The first completion that is asked for is the one that `load` asks for.
PROBE = 1


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small models of two families, as folders."""
    return {family: tiny_models.save(tmp_path_factory.mktemp(family), family) for family in ("llama", "qwen3")}


@pytest.fixture(scope="module")
def checkpoint(checkpoints: dict[str, Path]) -> Path:
    """A small model."""
    return checkpoints["llama"]


def run(url: str, use: Callable[[VllmPathModel], Awaitable[Any]], **named: Any) -> Any:
    """What `use` makes of a client of its own."""

    async def opened() -> Any:
        model = VllmPathModel(url, **named)
        try:
            return await use(model)
        finally:
            await model.aclose()

    return asyncio.run(opened())


def ask(url: str, need: PathLogprobs, **named: Any) -> list[np.ndarray]:
    """One answer, after loading."""

    async def use(model: VllmPathModel) -> list[np.ndarray]:
        await model.load()
        return await model.logprobs(need)

    return run(url, use, **named)


def probabilities(answer: list[np.ndarray]) -> np.ndarray:
    """Those of all siblings, node by node."""
    return np.concatenate([np.exp(values - values.max()) / np.exp(values - values.max()).sum() for values in answer])


def difference(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """The largest between any two probabilities."""
    return float(np.abs(probabilities(one) - probabilities(other)).max())


@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_both_drivers_score_a_page_alike(checkpoints: dict[str, Path], family: str) -> None:
    """The same blocks have the same scores, be the model in this process or behind HTTP."""
    here = CausalPathModel(checkpoints[family])
    tree = BlockTree.from_pages([Page(PAGE)])
    blocks = tree.cut(4)
    plan = plan_paths(tree, blocks, np.zeros(len(blocks)), "When are hedges pruned?", here)

    async def use(model: VllmPathModel) -> tuple[Any, list[np.ndarray]]:
        await model.load()
        theirs = plan_paths(tree, blocks, np.zeros(len(blocks)), "When are hedges pruned?", model.reader)
        return theirs, await model.logprobs(theirs.need)

    with PathServer(checkpoints[family]).url() as url:
        theirs, answer = run(url, use)

    assert plan.need == theirs.need
    assert len(plan.need.prefixes) > 10
    near = here.logprobs(plan.need)
    assert difference(near, answer) < 1e-4
    assert score_paths(plan, near).scores == pytest.approx(score_paths(theirs, answer).scores, abs=1e-3)


def test_it_says_of_the_model_what_planning_needs(checkpoint: Path) -> None:
    """Name, tokenizer, prompt and context length, from the server and from the folder that it was started with."""

    async def use(model: VllmPathModel) -> tuple[Any, ...]:
        await model.load()
        reader = model.reader
        return reader.name, reader.tokenizer.encode("<p>"), reader.prompt, reader.context_length

    with PathServer(checkpoint, max_model_len=777).url() as url:
        told = run(url, use)

    here = CausalPathModel(checkpoint)
    assert (NAME, here.tokenizer.encode("<p>"), prompt_of(checkpoint), 777) == told


@pytest.mark.parametrize(("wanted", "expected"), [(None, 777), (500, 500), (9000, 777)])
def test_the_context_is_no_longer_than_the_servers(checkpoint: Path, wanted: int | None, expected: int) -> None:
    """A shorter one may be asked for."""

    async def use(model: VllmPathModel) -> int:
        await model.load()
        return model.context_length

    with PathServer(checkpoint, max_model_len=777).url() as url:
        assert expected == run(url, use, options=VllmOptions(context_length=wanted))


def test_a_prompt_may_fill_the_context(checkpoint: Path) -> None:
    """A path of which only the last token is missing fits, as planning assumes."""
    with PathServer(checkpoint, max_model_len=64).url() as url:
        assert 2 == len(ask(url, PathLogprobs((5,) * 60, ((1, 2, 3),), ((20, 30),)))[0])


def test_an_adapter_is_asked_for_by_its_name(checkpoint: Path) -> None:
    """vLLM lists it below the model that it adapts, whose tokenizer and context it has."""
    server = PathServer(checkpoint)
    server.listed.append({"id": "adapter", "root": "/of/the/server", "parent": NAME, "max_model_len": None})

    with server.url() as url:
        ask(url, NEED, model="adapter")

    assert {"adapter"} == {body["model"] for body in server.bodies}


def test_key_and_tokenizer_can_be_given(checkpoint: Path) -> None:
    """Where the server needs the one, and lies on another machine that has the other."""
    server = PathServer(checkpoint)
    server.listed[0]["root"] = "/of/the/server"

    with server.url() as url:
        assert 3 == len(ask(url, NEED, key="sesame", tokenizer=checkpoint / "tokenizer.json"))

    assert {"Bearer sesame"} == set(server.keys)


def test_a_server_may_not_tell_its_tokenizer(checkpoint: Path) -> None:
    """Then it is taken to be ours."""
    server = PathServer(checkpoint)
    server.tokenizer = None
    with server.url() as url:
        assert 3 == len(ask(url, NEED))


def many(nodes: int, children: int, vocabulary: int = 510) -> PathLogprobs:
    """A tree with so many branching nodes, the children of each drawn from the first tokens of a vocabulary."""
    rng = np.random.default_rng(0)
    prefixes = tuple((node // 256, node % 256) for node in range(nodes))
    drawn = [tuple(np.sort(rng.choice(vocabulary, children, replace=False)).tolist()) for _ in range(nodes)]
    return PathLogprobs((7, 8), prefixes, tuple(drawn))


@pytest.mark.parametrize(
    ("need", "requests"),
    [(many(40, 3, 128), 1), (many(1030, 2, 128), 2), (many(1, 129), 2), (many(3, 300), 7)],
    ids=["small", "1030 nodes", "129 children", "300 children"],
)
def test_a_large_tree_is_split_at_the_servers_limits(checkpoint: Path, need: PathLogprobs, requests: int) -> None:
    """1024 prompts and 128 tokens a request; the answers, joined, are those of the model in one pass."""
    server = PathServer(checkpoint)

    with server.url() as url:
        answer = ask(url, need)

    assert difference(CausalPathModel(checkpoint).logprobs(need), answer) < 1e-4
    assert requests == len(server.bodies) - PROBE


def test_requests_are_few_at_a_time(checkpoint: Path) -> None:
    """Of all callers together."""
    server = PathServer(checkpoint)
    need = many(1, 300)

    async def use(model: VllmPathModel) -> None:
        await model.load()
        server.at_a_time.gather(2)
        await asyncio.gather(*(model.logprobs(need) for _ in range(4)))

    with server.url() as url:
        run(url, use, options=VllmOptions(concurrency=2))

    assert 12 == len(server.bodies) - PROBE
    assert 2 == server.at_a_time.most


def test_nothing_is_sent_for_nothing(checkpoint: Path) -> None:
    """A tree that does not branch needs no model."""
    server = PathServer(checkpoint)
    with server.url() as url:
        assert [] == ask(url, PathLogprobs((1,), (), ()))
    assert PROBE == len(server.bodies)


def test_before_it_is_loaded_it_says_why(checkpoint: Path) -> None:
    """Planning then fails as a model does: with the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

    async def use(model: VllmPathModel) -> tuple[str, str, str]:
        said = []
        with pytest.raises(ModelError) as caught:
            _ = model.reader.tokenizer
        said.append(str(caught.value))
        with pytest.raises(ModelError) as caught:
            await model.load()
        said.append(str(caught.value))
        with pytest.raises(ModelError) as caught:
            await model.logprobs(NEED)
        return said[0], said[1], str(caught.value)

    unasked, refused, later = run(url, use)

    assert unasked.endswith("has not been asked yet")
    assert "can't be reached" in refused
    assert refused == later


def test_a_server_that_comes_up_later_is_found(checkpoint: Path) -> None:
    """Loading is tried again when it is needed."""
    server = PathServer(checkpoint)
    entry = server.listed.pop()

    async def use(model: VllmPathModel) -> list[np.ndarray]:
        with pytest.raises(ModelError, match="did not list its models"):
            await model.load()
        server.listed.append(entry)
        await asyncio.gather(model.load(), model.load())
        return await model.logprobs(NEED)

    with server.url() as url:
        assert 3 == len(run(url, use))
    assert PROBE + 1 == len(server.bodies)


LISTS = {
    "another model": ([{"id": "other", "root": "x", "max_model_len": 9}], "has no model 'mine', but other"),
    "not vLLM": ([{"id": "mine"}], "did not list its models as vLLM does"),
    "nonsense": ("mine", "did not list its models as vLLM does"),
    "far away": (
        [{"id": "mine", "root": "/models/x", "max_model_len": 9}],
        "there is no /models/x here: name the folder",
    ),
    "relative": ([{"id": "mine", "root": "x", "max_model_len": 9}], "there is no x here: name the folder"),
}


@pytest.mark.parametrize("case", LISTS)
def test_what_is_served_must_be_known(checkpoint: Path, case: str) -> None:
    """A model that is not there, a server of another kind, a folder on another machine: each is said."""
    server = PathServer(checkpoint)
    listed, said = LISTS[case]
    server.listed = listed

    with server.url() as url, pytest.raises(ModelError, match=said) as caught:
        ask(url, NEED, model="mine")

    assert 1 == len(str(caught.value).splitlines())


def test_another_tokenizer_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    """Its ids would mean something else to the server, and the scores nothing."""
    file = json.loads((checkpoint / "tokenizer.json").read_text())
    file["model"]["merges"] = file["model"]["merges"][:5]
    (tmp_path / "tokenizer.json").write_text(json.dumps(file))

    with PathServer(checkpoint).url() as url, pytest.raises(ModelError, match="is not the one that the model server"):
        ask(url, NEED, tokenizer=tmp_path)


def answer_with(*top: dict[str, float], first: int = 0) -> Response:
    """Choices with these log-probabilities."""
    numbered = enumerate(top, first)
    return JSONResponse({"choices": [{"index": n, "logprobs": {"top_logprobs": [row]}} for n, row in numbered]})


ROWS = [{f"token_id:{token}": -1.0 for token in (20, 21, 30, 40, 50, 60, 61)}] * 3
NAN = b'{"choices": [{"index": 0, "logprobs": {"top_logprobs": [{"token_id:20": NaN, "token_id:30": -1.0}]}}]}'
FAULTS = {
    "wrong shape": (JSONResponse([]), "something else"),
    "no choices": (JSONResponse({"choices": None}), "something else"),
    "too few": (answer_with(*ROWS[:2]), "no log-probabilities"),
    "too many": (answer_with(*ROWS, ROWS[0]), "for 3 prompts"),
    "wrong index": (answer_with(*ROWS, first=1), "no log-probabilities"),
    "missing token": (answer_with(*ROWS[:2], {"token_id:60": -1.0}), "no log-probabilities of the 7 tokens"),
    "tokens as text": (answer_with(*[{"<p": -1.0, ">": -2.0}] * 3), "no log-probabilities of the 7 tokens"),
    "not a number": (Response(NAN, media_type="application/json"), "something else"),
    "not JSON": (HTMLResponse("<h1>It works!</h1>"), "something else"),
    "redirected": (Response(status_code=307, headers={"location": "http://localhost/"}), "status 307"),
    "no key": (JSONResponse({"error": "Unauthorized"}, 401), "401; it says: Unauthorized"),
    "refused": (
        JSONResponse({"error": {"message": "This model's\nmaximum", "code": 400}}, 400),
        "400; it says: This model's maximum",
    ),
    "broken": (PlainTextResponse("Internal Server Error", 500), "status 500"),
    "engine dead": (JSONResponse({"error": {"message": "EngineCore died"}}, 500), "500; it says: EngineCore died"),
    "still busy": (JSONResponse({"error": "overloaded"}, 429, {"retry-after": "0"}), "429; it says: overloaded"),
    "starting": (HTMLResponse("<h1>503</h1>", 503, {"retry-after": "0"}), "status 503"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_server_is_an_error_of_one_line(checkpoint: Path, fault: str) -> None:
    """Whatever it answers in place of log-probabilities, the message names the server and says what was wrong."""
    answer, said = FAULTS[fault]
    server = PathServer(checkpoint, lambda number, body: answer if number > PROBE else None)

    with server.url() as url, pytest.raises(ModelError) as caught:
        ask(url, NEED)

    message = str(caught.value)
    assert said in message
    assert message.startswith(f"the model server at {url.removeprefix('http://')} ")
    assert 1 == len(message.splitlines())


def test_a_server_without_the_option_is_found_out_at_once(checkpoint: Path) -> None:
    """Older ones ignore `logprob_token_ids`, and answer with what is likely: no request should have to find that."""
    server = PathServer(checkpoint, lambda number, body: answer_with({"token_id:5": -0.1}))
    with server.url() as url, pytest.raises(ModelError, match="no log-probabilities of the"):
        run(url, lambda model: model.load())


def test_one_failed_request_fails_them_all(checkpoint: Path) -> None:
    """No tree is scored by the parts of it that came back."""
    server = PathServer(checkpoint, lambda number, body: Response(status_code=500) if number == 4 else None)
    with server.url() as url, pytest.raises(ModelError, match="status 500"):
        ask(url, many(1, 500))


def test_a_busy_server_is_asked_once_more(checkpoint: Path) -> None:
    """After the time that it names."""
    busy = JSONResponse({"error": "busy"}, 503, {"retry-after": "0"})
    server = PathServer(checkpoint, lambda number, body: busy if number == PROBE + 1 else None)

    with server.url() as url:
        assert 3 == len(ask(url, NEED))


def test_a_slow_server_is_an_error_when_the_time_is_over(checkpoint: Path) -> None:
    """The time of the request, or the time of any call."""
    server = PathServer(checkpoint)

    async def use(model: VllmPathModel) -> list[str]:
        await model.load()
        server.delay = 1.0
        said = []
        for deadline in (time.monotonic() + 0.2, None, time.monotonic() - 1):
            with pytest.raises(ModelError) as caught:
                await model.logprobs(NEED, deadline=deadline)
            said.append(str(caught.value))
        return said

    with server.url() as url:
        by_deadline, by_option, late = run(url, use, options=VllmOptions(seconds=0.5))

    assert re.search(r"did not answer within 0\.\d+ s", by_deadline)
    assert by_option.endswith("did not answer within 0.5 s")
    assert late.startswith("no time is left to ask the model server at")
    assert PROBE + 2 == len(server.bodies)


@pytest.mark.parametrize(("seconds", "left_alone"), [(0.2, False), (1.4, True)])
def test_who_has_no_time_does_not_judge_the_server(checkpoint: Path, seconds: float, left_alone: bool) -> None:
    """A call that is made at the end of its request's time is late through no fault of the server's."""
    server = PathServer(checkpoint)

    async def use(model: VllmPathModel) -> bool:
        await model.load()
        server.delay = 2.0
        with pytest.raises(ModelError, match="did not answer within"):
            await model.logprobs(NEED, deadline=time.monotonic() + seconds)
        server.delay = 0.0
        try:
            await model.logprobs(NEED)
        except ModelError as error:
            return "it is asked again in" in str(error)
        return False

    with server.url() as url:
        assert left_alone == run(url, use, options=VllmOptions(failures=1, rest_seconds=3600))


def test_a_server_that_keeps_failing_is_left_alone(checkpoint: Path) -> None:
    """After three failures in a row nothing is sent for a while, and each caller hears so at once."""
    server = PathServer(checkpoint, lambda number, body: Response(status_code=500) if number > PROBE else None)

    async def use(model: VllmPathModel) -> str:
        await model.load()
        for _ in range(5):
            with pytest.raises(ModelError) as caught:
                await model.logprobs(NEED)
        return str(caught.value)

    with server.url() as url:
        message = run(url, use, options=VllmOptions(rest_seconds=3600))

    assert re.fullmatch(r"the model server at \S+ answered with status 500; it is asked again in 3\d\d\d s", message)
    assert PROBE + 3 == len(server.bodies)


def test_a_server_that_recovers_is_used_again(checkpoint: Path) -> None:
    """The trial after its rest closes the breaker."""
    failing = range(PROBE + 1, PROBE + 5)
    server = PathServer(checkpoint, lambda number, body: Response(status_code=500) if number in failing else None)

    async def use(model: VllmPathModel) -> list[np.ndarray]:
        await model.load()
        for _ in failing:
            with pytest.raises(ModelError, match="status 500"):
                await model.logprobs(NEED)
        return await model.logprobs(NEED)

    with server.url() as url:
        assert 3 == len(run(url, use, options=VllmOptions(rest_seconds=0)))


def test_a_refusal_is_not_a_failure(checkpoint: Path) -> None:
    """A server that says what is wrong with requests works: the next one may be right."""
    server = PathServer(checkpoint, max_model_len=64)
    long = PathLogprobs((5,) * 70, ((),), ((20, 30),))

    async def use(model: VllmPathModel) -> list[np.ndarray]:
        await model.load()
        for _ in range(4):
            with pytest.raises(ModelError, match="400; it says: This model's maximum context length is 64"):
                await model.logprobs(long)
        return await model.logprobs(NEED)

    with server.url() as url:
        assert 3 == len(run(url, use))


def test_who_gives_up_waiting_leaves_the_server_free(checkpoint: Path) -> None:
    """A cancelled call holds no place, and says nothing about the server."""
    server = PathServer(checkpoint)

    async def use(model: VllmPathModel) -> list[np.ndarray]:
        await model.load()
        server.delay = 0.5
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(model.logprobs(NEED), 0.1)
        server.delay = 0.0
        return await model.logprobs(NEED)

    with server.url() as url:
        assert 3 == len(run(url, use, options=VllmOptions(concurrency=1, failures=1, rest_seconds=3600)))


class Dropping(BaseHTTPRequestHandler):
    """Closes a connection on which it has answered before, once, when the next completion is asked for on it."""

    protocol_version = "HTTP/1.1"
    folder: Path
    dropped: int
    answered: int

    def do_GET(self) -> None:
        self._answer({"data": [{"id": NAME, "root": str(self.folder), "max_model_len": 99}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/tokenize":
            self._answer({})
        elif self.server.answered and not self.server.dropped:  # type: ignore[attr-defined]
            self.server.dropped = 1  # type: ignore[attr-defined]
            self.close_connection = True
        else:
            self.server.answered += 1  # type: ignore[attr-defined]
            row = {f"token_id:{token}": -1.0 for token in body["logprob_token_ids"]}
            self._answer(
                {"choices": [{"index": n, "logprobs": {"top_logprobs": [row]}} for n in range(len(body["prompt"]))]}
            )

    def _answer(self, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def dropping(checkpoint: Path) -> Iterator[ThreadingHTTPServer]:
    """A server that drops one idle connection."""
    Dropping.folder = checkpoint
    with ThreadingHTTPServer(("127.0.0.1", 0), Dropping) as server:
        server.dropped = server.answered = 0  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_a_dropped_idle_connection_is_not_an_error(dropping: ThreadingHTTPServer) -> None:
    """vLLM closes connections after 5 s; a request that is just being sent then goes out again on a new one."""
    answer = ask(f"http://127.0.0.1:{dropping.server_address[1]}", NEED)

    assert [len(children) for children in NEED.children] == [len(values) for values in answer]
    assert (1, 2) == (dropping.dropped, dropping.answered)  # type: ignore[attr-defined]


def test_a_server_that_is_killed_in_the_middle_of_a_request_is_an_error(checkpoint: Path) -> None:
    """It says so, and does not wait for what will not come."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.app.models.path_server", str(checkpoint), str(port), "0.5"]
    process = subprocess.Popen(command, cwd=ROOT)

    async def use(model: VllmPathModel) -> None:
        while True:
            try:
                await model.load()
                break
            except ModelError:
                assert process.poll() is None
                await asyncio.sleep(0.2)
        asked = asyncio.create_task(model.logprobs(NEED))
        await asyncio.sleep(0.2)
        process.kill()
        await asked

    try:
        with pytest.raises(ModelError, match=r"the model server at \S+ can't be reached"):
            run(f"http://127.0.0.1:{port}", use, options=VllmOptions(failures=10**6))
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("url", ["", "vllm:8000", "ftp://host/v1/completions", "http://"])
def test_an_address_that_is_none_is_invalid(url: str) -> None:
    """Said when the service starts, not at its first request."""
    with pytest.raises(InvalidInput, match="is no URL"):
        VllmPathModel(url)
