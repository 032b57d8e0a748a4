"""What the client takes out of an answer is what the service puts in."""

from dataclasses import asdict, fields

import pytest
from pydantic import TypeAdapter

from app.messages import Answer as Told
from app.messages import Result
from secateurs import Answer, Page

ROW = {"id": 1, "url": "https://a.example/", "title": "A", "content": "<p>a", "tokens": 3, "score": 0.5}
PAGE = Page(**ROW)
BODY = {"query": "q", "content": "<p>a", "tokens": 3, "tokenizer": "tekken", "results": [ROW], "degraded": ["embed: x"]}


def test_a_page_has_the_fields_of_a_result() -> None:
    """One that is added there, or renamed, is to be here, too."""
    assert {field.name for field in fields(Result)} == {field.name for field in fields(Page)}


def test_the_service_writes_what_the_client_reads() -> None:
    """Through JSON, as it is sent."""
    unread = {"published": None, "author": "B", "language": "de", "snippet": None, "status": "ok", "error": None}
    told = Told(
        query="q", content="<p>a", format="html", tokens=3, tokenizer="tekken", results=(Result(**ROW | unread),),
        steps=(), removed={}, degraded=("embed: x",),
    )  # fmt: skip
    answer = Answer.from_json(TypeAdapter(Told).dump_python(told, mode="json"))

    assert Page(**ROW | unread) == answer.results[0]
    assert ("q", "<p>a", 3, "tekken", ("embed: x",)) == (
        answer.query, answer.content, answer.tokens, answer.tokenizer, answer.degraded,
    )  # fmt: skip
    assert [] == answer.raw["steps"]


def test_what_a_newer_service_adds_is_passed_over() -> None:
    """A client need not be as new as its service."""
    body = BODY | {"later": 1, "results": [ROW | {"later": 2}]}
    assert (PAGE,) == Answer.from_json(body).results


@pytest.mark.parametrize("body", [None, [], "x", {}, BODY | {"results": [{}]}, BODY | {"results": None}])
def test_what_is_no_answer(body: object) -> None:
    """It is told from one by one of these."""
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        Answer.from_json(body)


def test_pages_of_which_nothing_was_kept_are_no_documents() -> None:
    """They stay among the results."""
    answer = Answer.from_json(BODY | {"results": [ROW | {"content": "", "id": 1}, ROW | {"id": 2}]})
    assert ([2], 2) == ([page.id for page in answer.kept()], len(answer.results))


def test_metadata_holds_what_is_known() -> None:
    """And `source` for the address, as documents of these ecosystems call it."""
    assert {"source": "https://a.example/", "title": "A", "tokens": 3, "status": "ok"} == PAGE.metadata()
    known = Page(**asdict(PAGE) | {"published": "2026-01-01", "error": "late", "url": None})
    assert {"title": "A", "tokens": 3, "status": "ok", "published": "2026-01-01", "error": "late"} == known.metadata()
