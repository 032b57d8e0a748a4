"""Errors as the caller sees them."""

import json

import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app import errors
from app.api import problems
from app.api.problems import pointer
from app.errors import PROBLEMS, TABLE, Explained, as_problem, problem_for
from app.logs import TextFormatter
from app.observability import RequestLog
from app.search import SearchError
from pruning import errors as core
from tests.app.asgi import get


def failing(error: Exception) -> FastAPI:
    """A service whose one route fails in that way."""
    app = FastAPI()
    problems.install(app)
    app.add_middleware(RequestLog)

    @app.get("/")
    async def fail() -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (core.InvalidInput("empty"), 422, "invalid-request"),
        (errors.TokenizerNotAllowed("no such"), 422, "tokenizer-not-allowed"),
        (errors.ProviderNotConfigured("no such"), 422, "provider-not-configured"),
        (core.PageTooLarge("large"), 413, "page-too-large"),
        (core.TooManyNodes("many"), 422, "unreadable-page"),
        (core.PageTimeout("slow"), 422, "page-timeout"),
        (core.TokenizerError("broken"), 503, "tokenizer-unavailable"),
        (core.ModelError("down"), 503, "model-unavailable"),
        (core.MissingExtra("secateurs[local]"), 501, "not-installed"),
        (SearchError("searx", "down"), 502, "search-provider-failed"),
        (errors.DeadlineExceeded("60 s"), 504, "deadline-exceeded"),
        (HTTPException(404), 404, "not-found"),
        (HTTPException(418), 418, "http-418"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_error_is_its_problem(error: Exception, status: int, name: str) -> None:
    """Status and type of each error."""
    answer = get(failing(error), "/")
    assert (status, f"/problems/{name}") == (answer.status_code, answer.json()["type"])
    assert "application/problem+json" == answer.headers["content-type"]
    assert status == answer.json()["status"]


def test_detail_is_the_message() -> None:
    """What our own error says is told."""
    assert "the page has 5 bytes" == get(failing(core.PageTooLarge("the page has 5 bytes")), "/").json()["detail"]


def test_a_failed_provider_is_named() -> None:
    """The caller learns which provider failed, and when to come back."""
    answer = get(failing(SearchError("searx", "out of quota", retry_after=1.5)), "/")
    assert ("searx", "2") == (answer.json()["provider"], answer.headers["retry-after"])


@pytest.mark.parametrize("error", [RuntimeError("secret path"), core.SecateursError("secret path")])
def test_an_unforeseen_error_leaks_nothing(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """The caller gets an id to ask with; under it the log has where it was raised, and not what it says."""
    caplog.handler.setFormatter(TextFormatter())
    answer = get(failing(error), "/")
    assert (500, "/problems/internal-error") == (answer.status_code, answer.json()["type"])
    assert "secret" not in answer.text
    assert f"unforeseen error request={answer.headers['x-request-id']}" in caplog.text
    assert ("test_errors.py" in caplog.text, "secret" in caplog.text) == (True, False)


def test_every_error_of_the_core_is_in_the_table() -> None:
    """No error of the core but its root is answered as a failure of the service."""
    unknown = {kind for kind in vars(core).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert {core.SecateursError} == {
        kind for kind in unknown if TABLE[next(base for base in kind.__mro__ if base in TABLE)] is errors.INTERNAL
    }


def test_names_are_unique() -> None:
    """A type stands for one kind of problem."""
    kinds = {(p.name, p.status, p.title) for p in (*TABLE.values(), *errors.BY_STATUS.values(), *PROBLEMS.values())}
    assert len(PROBLEMS) == len(kinds)


def test_subclasses_are_found_by_their_base() -> None:
    """An error without a row of its own takes its base's."""
    assert "unreadable-page" == problem_for(core.TooManyNodes("many")).name


@pytest.mark.parametrize(
    ("place", "expected"),
    [((), "#"), (("pages", 0, "html"), "#/pages/0/html"), (("a/b~c",), "#/a~1b~0c")],
)
def test_pointers(place: tuple[str | int, ...], expected: str) -> None:
    """JSON pointers as RFC 6901 escapes them."""
    assert expected == pointer(place)


def test_a_detail_may_quote_what_utf8_cannot() -> None:
    """A lone surrogate in a detail reaches the caller escaped."""
    response: Response = as_problem({}, Explained(errors.INVALID, "no field \ud800"))
    assert "no field \ud800" == json.loads(bytes(response.body))["detail"]
