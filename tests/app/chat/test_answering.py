"""The chat over its pipeline: what the settings decide. tests/compat/test_openai.py has all of it, over sockets."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.chat import OUR_MODEL, Chat, ChatRequest, Retrieved
from app.messages import SearchRequest
from app.search import Hit
from pruning import InvalidInput, Page
from tests.app.in_process import Finding, pipeline_with
from tests.app.search.engine_server import EngineServer, Reply


def asked(*hits: Hit, **settings: Any) -> tuple[Retrieved, dict[str, Any], dict[str, Any]]:
    """What a chat that finds this makes of one question, and what the chat model was told."""
    server = EngineServer(lambda _: Reply({"choices": [{"index": 0, "message": {"content": "Yes [1]."}}]}))

    async def inside() -> Any:
        async with server.url() as url:
            told = {"cache": False, "chat_model_url": url, "chat_model": "m", **settings}
            async with pipeline_with(provider=Finding(*hits), **told) as pipeline:
                request = ChatRequest(
                    messages=({"role": "user", "content": "Is it?"},),
                    model=OUR_MODEL,
                    search=SearchRequest(query=""),
                    parameters={},
                )
                found, completion = await Chat(pipeline).complete(request)
                return found, completion, server.seen[-1].body

    return asyncio.run(inside())


PAGE = Hit("http://a.org/", "A", None, page=Page("<p>It is so.", url="http://a.org/"))


def test_a_prompt_of_ones_own(tmp_path: Path) -> None:
    """Stands in place of ours, where pages are found."""
    (tmp_path / "prompt.txt").write_text("Rhyme.")
    _, completion, body = asked(PAGE, chat_prompt=tmp_path / "prompt.txt")

    assert "Rhyme." == body["messages"][0]["content"]
    assert "It is so." in body["messages"][1]["content"]
    assert "http://a.org/" == completion["choices"][0]["message"]["annotations"][0]["url_citation"]["url"]


def test_a_prompt_that_is_not_there(tmp_path: Path) -> None:
    """Said at the start, not at the first question."""
    with pytest.raises(InvalidInput, match=r"^SECATEURS_CHAT_PROMPT: it can't be read: .*No such file"):
        asked(PAGE, chat_prompt=tmp_path / "none.txt")


def test_the_search_asks_for_no_more_time_than_there_is() -> None:
    """Nor for a part of a millisecond more, which would be refused."""
    found, _, _ = asked(PAGE, deadline_seconds=19.9996)
    assert "It is so." in found.html


@pytest.mark.parametrize("hits", [(), (Hit("http://127.0.0.1:9/", "A", None),)])
def test_nothing_to_answer_from(hits: tuple[Hit, ...]) -> None:
    """Nothing found, or nothing of it can be read: the model is told, no mark stands for anything, and it is said."""
    found, completion, body = asked(*hits)

    assert "no page was found" in body["messages"][0]["content"]
    assert "Is it?" == body["messages"][1]["content"]
    assert "annotations" not in completion["choices"][0]["message"]
    assert (len(hits), True) == (len(found.others), bool(found.degraded))
