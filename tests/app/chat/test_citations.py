"""Marks become citations of the pages that they name, however a text is cut into pieces."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.chat.citations import Citations
from app.messages import Result


def source(number: int, url: str | None) -> Result:
    """A page."""
    told: dict[str, Any] = dict.fromkeys(("snippet", "score", "published", "author", "language", "error"))
    return Result(id=number, url=url, title=None, content="", tokens=0, status="ok", **told)


SOURCES = [source(1, "http://a.org/"), source(2, None), source(3, "http://c.org/")]


def cited(*pieces: str) -> list[tuple[str, str]]:
    """Each mark and the address that it stands for."""
    citations = Citations(SOURCES)
    found = [one["url_citation"] for piece in pieces for one in citations.add(piece)]
    found += [one["url_citation"] for one in citations.rest()]
    text = "".join(pieces)
    return [(text[one["start_index"] : one["end_index"]], one["url"]) for one in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("So it is [1].", [("[1]", "a")]),
        ("So it is[1][3]", [("[1]", "a"), ("[3]", "c")]),
        ("So it is [3, 1, 3].", [("[3, 1, 3]", "c"), ("[3, 1, 3]", "a")]),
        ("So it is 【3】.", [("【3】", "c")]),
        ("Nobody has [0], [4], [2] or [12345].", []),
        ("A [1](http://link.org) and [x].", []),
        ("Take `a[1]` [1].", [("[1]", "a")]),
        ("```\na[1]\n```\nSo [1]", [("[1]", "a")]),
        ("x" * 500 + "[1]", [("[1]", "a")]),
    ],
)
def test_marks(text: str, expected: list[tuple[str, str]]) -> None:
    """Numbers that a page with an address has, in square brackets, in no code and no link."""
    assert [(mark, f"http://{host}.org/") for mark, host in expected] == cited(text)
    assert cited(text) == cited(*text)


@given(st.lists(st.text(alphabet="[]【】(),13 4`\nx", max_size=12), max_size=12))
def test_pieces_make_no_difference(pieces: list[str]) -> None:
    """What is cited does not depend on how the text arrives."""
    assert cited("".join(pieces)) == cited(*pieces)
