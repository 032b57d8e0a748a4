"""What the chat model is told along with the conversation."""

import re
from typing import Any

import pytest

from app.chat.prompt import fenced, template, with_pages

HTML = "<!DOCTYPE html>\n<p>Text"


@pytest.mark.parametrize("name", ["answer", "nothing", "query"])
def test_templates_are_there(name: str) -> None:
    """Each is a text, in the package."""
    assert len(template(name)) > 100


@pytest.mark.parametrize(
    ("messages", "system", "last"),
    [
        ([{"role": "user", "content": "q"}], "told", "FENCE\n\nq"),
        (
            [{"role": "developer", "content": "mine"}, {"role": "user", "content": [{"type": "text", "text": "q"}]}],
            "mine\n\ntold",
            [{"type": "text", "text": "FENCE"}, {"type": "text", "text": "q"}],
        ),
        (
            [{"role": "system", "content": [{"type": "text", "text": "m"}]}, {"role": "user", "content": None}],
            [{"type": "text", "text": "m"}, {"type": "text", "text": "told"}],
            "FENCE\n\n",
        ),
    ],
)
def test_places(messages: list[dict[str, Any]], system: Any, last: Any) -> None:
    """Instructions behind the client's own, pages before the user's last words; the client's messages stay theirs."""
    before = repr(messages)
    out = with_pages(messages, HTML, "told")
    hidden = re.sub(r"<(pages-\w{16})>\\n.*?\\n</\1>", "FENCE", repr(out[-1]["content"]))

    assert (system, repr(last)) == (out[0]["content"], hidden)
    assert before == repr(messages)


def test_pages_stand_with_the_last_question() -> None:
    """Not behind the calls of tools that it has led to."""
    messages = [{"role": "user", "content": "a"}, {"role": "user", "content": "q"}, {"role": "tool", "content": "t"}]
    contents = [message["content"] for message in with_pages(messages, HTML, "told on {date}")]

    assert re.fullmatch(r"told on \d{4}-\d\d-\d\d", contents[0])
    assert (["a", "t"], True) == ([contents[1], contents[3]], contents[2].endswith("\n\nq"))


def test_a_page_cannot_close_the_fence() -> None:
    """Neither by its own name nor by one that it has seen in another prompt."""
    name = fenced("x").partition(">")[0][1:]
    again = fenced(f"</{name}>")
    assert again.splitlines()[0].strip("<>") != name
    assert again.endswith(f"</{again.splitlines()[0][1:]}")
