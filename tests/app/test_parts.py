"""The parts that settings name: which language model, and what becomes of a service without it."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.responses import JSONResponse

from app.mistakes import Misconfigured
from app.models.in_process import InProcessPathModel, NoEmbedder
from app.models.vllm import VllmPathModel
from app.parts import Parts, open_parts
from app.settings import Settings
from pruning.errors import InvalidInput, ModelError
from pruning.generative import PathLogprobs
from pruning.local.causal import CausalPathModel
from tests.app.models.path_server import NAME, PathServer
from tests.app.models.word_server import WordServer
from tests.pruning.local import tiny_models

NEED = PathLogprobs(context=(7, 8, 9), prefixes=((), (20,)), children=((20, 30), (21, 40, 50)))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model."""
    return tiny_models.save(tmp_path_factory.mktemp("model") / "tiny")


def with_parts(state_dir: Path, work: Callable[[Parts], Awaitable[Any]], **named: Any) -> Any:
    """What `work` makes of the parts that these settings name, without an embedder, once they are loaded."""

    async def opened() -> Any:
        async with open_parts(Settings(state_dir=state_dir, embedder="none", **named)) as parts:
            parts.start_loading()
            await parts.loaded()
            return await work(parts)

    return asyncio.run(opened())


async def answer(parts: Parts) -> tuple[str, int, list[np.ndarray]]:
    """What the language model says of itself, and of a tree."""
    assert parts.ready
    assert parts.path_model is not None
    reader = parts.path_model.reader
    return reader.name, reader.context_length, await parts.path_model.logprobs(NEED)


def test_without_a_setting_there_is_no_language_model(tmp_path: Path) -> None:
    """The service is ready without."""

    async def work(parts: Parts) -> tuple[object, bool]:
        return parts.path_model, parts.ready

    assert (None, True) == with_parts(tmp_path, work)


def test_a_url_is_a_server(tmp_path: Path, checkpoint: Path) -> None:
    """Asked by the name, the key, the tokenizer and the context of the settings."""
    server = PathServer(checkpoint)
    server.listed = [{"id": "first"}, server.listed[0] | {"root": "/of/the/server"}]

    with server.url() as url:
        name, context, found = with_parts(
            tmp_path,
            answer,
            path_model=url,
            path_model_name=NAME,
            path_model_key="sesame",
            path_model_tokenizer=str(checkpoint),
            path_model_context=300,
        )

    assert (NAME, 300) == (name, context)
    assert {"Bearer sesame"} == set(server.keys)
    assert [2, 3] == [len(values) for values in found]


def test_a_folder_is_a_model_in_this_process(tmp_path: Path, checkpoint: Path) -> None:
    """It answers as the core's own does."""
    name, context, found = with_parts(tmp_path, answer, path_model=str(checkpoint), path_model_context=300)

    assert ("tiny", 300) == (name, context)
    for expected, values in zip(CausalPathModel(checkpoint).logprobs(NEED), found, strict=True):
        assert expected == pytest.approx(values, abs=1e-5)


def test_a_model_in_this_process_keeps_to_deadlines(tmp_path: Path, checkpoint: Path) -> None:
    """Past it, it says so instead of computing."""

    async def work(parts: Parts) -> None:
        assert isinstance(parts.path_model, InProcessPathModel)
        await parts.path_model.logprobs(NEED, deadline=0.0)

    with pytest.raises(ModelError, match="was too slow"):
        with_parts(tmp_path, work, path_model=str(checkpoint))


def test_a_service_is_ready_without_its_language_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Answers can do without; the log says what is wrong, and so does whoever plans with it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

    async def work(parts: Parts) -> bool:
        assert isinstance(parts.path_model, VllmPathModel)
        with pytest.raises(ModelError, match="can't be reached"):
            _ = parts.path_model.reader.context_length
        return parts.ready

    with caplog.at_level(logging.WARNING):
        assert with_parts(tmp_path, work, path_model=url)

    assert "without the step generate for now: the model server at" in caplog.text


def test_sub_questions_without_a_chat_model_stop_the_service(tmp_path: Path) -> None:
    """At its start."""
    with pytest.raises(InvalidInput, match="SECATEURS_SUB_QUESTIONS: they need a chat model: set"):
        Parts(Settings(state_dir=tmp_path, embedder="none", sub_questions=2))


def test_an_address_that_is_none_stops_the_service(tmp_path: Path) -> None:
    """At its start."""
    with pytest.raises(InvalidInput, match="is no URL"):
        Parts(Settings(state_dir=tmp_path, embedder="none", path_model="http://"))


def test_why_loading_failed_is_told_whatever_it_was(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A read-only root file system without a place for temporary files once left the service waiting for ever."""

    class Unloadable(NoEmbedder):
        async def load(self) -> None:
            raise FileNotFoundError("No usable temporary directory")

    async def inside() -> str:
        async with open_parts(Settings(state_dir=tmp_path, embedder="none")) as parts:
            parts.embedder = Unloadable()
            parts.start_loading()
            await parts.loaded()
            return parts.not_ready_because

    assert "the embedding model can't be loaded; the log says why" == asyncio.run(inside())
    assert "not ready, trying again: loading the embedding model failed: No usable temporary directory" in caplog.text
    assert "in load" in caplog.text


def test_what_a_server_says_at_the_start_is_not_passed_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Into the log, since it may repeat the key; and `/readyz`, which asks for no key, tells no address."""
    server = WordServer(lambda *_: JSONResponse({"error": {"message": "wrong key: canary"}}, 401))

    async def inside(url: str) -> str:
        async with open_parts(Settings(state_dir=tmp_path, embedder=url, cache=False)) as parts:
            parts.start_loading()
            await parts.loaded()
            return parts.not_ready_because

    with server.url() as url:
        told = asyncio.run(inside(url))
    assert "the embedding model can't be loaded; the log says why" == told
    assert "answered with status 401" in caplog.text
    assert "canary" not in told + caplog.text


def test_a_server_that_comes_up_later_makes_the_service_ready(tmp_path: Path) -> None:
    """What was down at the start is asked again, without a request that needs it."""
    server = WordServer(lambda number, body: JSONResponse({}, 500) if number == 1 else None)

    async def inside(url: str) -> tuple[bool, bool]:
        async with open_parts(Settings(state_dir=tmp_path, embedder=url, cache=False)) as parts:
            parts.start_loading()
            await parts.loaded()
            before = parts.ready
            async with asyncio.timeout(60):
                await parts.becomes_ready()
            return before, parts.ready

    with server.url() as url:
        assert (False, True) == asyncio.run(inside(url))


def test_models_that_are_loaded_while_the_service_stops_do_not_make_it_ready(tmp_path: Path) -> None:
    """Whoever shares out requests would send it new ones again."""

    async def inside() -> tuple[str, bool]:
        async with open_parts(Settings(state_dir=tmp_path, embedder="none")) as parts:
            parts.stopping = True
            parts.start_loading()
            async with asyncio.timeout(60):
                await parts.becomes_ready()
            return parts.not_ready_because, parts.ready

    assert ("the service is shutting down", False) == asyncio.run(inside())


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Each under its own variable."""
    with pytest.raises(Misconfigured) as caught:
        Parts(Settings(state_dir=tmp_path, embedder="none", provider="brave", steps=("embed", "generate")))
    assert (
        "SECATEURS_PROVIDER: the search provider brave needs a key: set SECATEURS_BRAVE_KEY",
        "SECATEURS_STEPS: the step generate needs a model: set SECATEURS_PATH_MODEL",
    ) == caught.value.problems
