"""Errors as the caller sees them: one table from exception to status, told as RFC 9457 `application/problem+json`.

`type` is stable and relative to the service; opening it (`GET /problems/{name}`) explains the problem.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from app.search import SearchError
from pruning import errors

MEDIA_TYPE = "application/problem+json"


class DeadlineExceeded(errors.SecateursError):
    """The answer was not ready before the request's deadline."""


class TokenizerNotAllowed(errors.InvalidInput):
    """The request names a tokenizer that the service does not offer."""


class ProviderNotConfigured(errors.InvalidInput):
    """The request names a search provider that the service does not have."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem: `name` ends its type, `title` is the same each time, `help` says what to do about it."""

    status: int
    name: str
    title: str
    help: str

    @property
    def type(self) -> str:
        return f"/problems/{self.name}"


INVALID = Problem(
    422,
    "invalid-request",
    "The request has values that can't be served",
    "`errors` lists each with a JSON pointer to where it stands in the body.",
)
INTERNAL = Problem(
    500,
    "internal-error",
    "The service failed",
    "A defect of the service; its log has the details under the request id.",
)

# From exception class to problem; the nearest base class in the method resolution order counts.
TABLE: dict[type[Exception], Problem] = {
    errors.InvalidInput: INVALID,
    TokenizerNotAllowed: Problem(
        422,
        "tokenizer-not-allowed",
        "This tokenizer is not offered",
        "`detail` lists the offered ones; the setting SECATEURS_TOKENIZERS adds more.",
    ),
    ProviderNotConfigured: Problem(
        422,
        "provider-not-configured",
        "This search provider is not configured",
        "`detail` lists the configured ones.",
    ),
    errors.PageTooLarge: Problem(
        413,
        "page-too-large",
        "The page is too large",
        "The setting SECATEURS_PAGE_BYTES bounds one page; send a smaller one.",
    ),
    errors.PageError: Problem(
        422, "unreadable-page", "The page can't be read", "`detail` says which limit the page goes over."
    ),
    errors.PageTimeout: Problem(
        422,
        "page-timeout",
        "The page took too long to read",
        "The setting SECATEURS_PAGE_SECONDS bounds the reading of one page.",
    ),
    errors.TokenizerError: Problem(
        503,
        "tokenizer-unavailable",
        "The tokenizer can't be loaded",
        "An operator must look: the tokenizer is offered but can't be loaded.",
    ),
    errors.ModelError: Problem(
        503, "model-unavailable", "A model does not answer", "Try again later; an operator may have to look."
    ),
    errors.MissingExtra: Problem(
        501,
        "not-installed",
        "The service lacks an optional package",
        "`detail` names the extra that the operator can install.",
    ),
    SearchError: Problem(
        502,
        "search-provider-failed",
        "The search provider failed",
        "`provider` names it; after `Retry-After` seconds, where given, it may answer again.",
    ),
    DeadlineExceeded: Problem(
        504,
        "deadline-exceeded",
        "The answer was not ready in time",
        "Ask for fewer or smaller pages, or raise the setting SECATEURS_DEADLINE_SECONDS.",
    ),
    errors.SecateursError: INTERNAL,
}

# Problems that the web framework finds, by status.
BY_STATUS: dict[int, Problem] = {
    400: Problem(400, "malformed-request", "The request can't be read", "Send one JSON object, encoded in UTF-8."),
    404: Problem(404, "not-found", "There is nothing at this address", "`/docs` lists the addresses that there are."),
    405: Problem(
        405,
        "method-not-allowed",
        "This address has no such method",
        "The `Allow` header lists the methods it has.",
    ),
    413: Problem(
        413,
        "request-too-large",
        "The request body is too large",
        "The setting SECATEURS_REQUEST_BYTES bounds a request; send fewer or smaller pages.",
    ),
    415: Problem(
        415,
        "unsupported-media-type",
        "The request body is not declared as JSON",
        "Send the header `Content-Type: application/json`.",
    ),
    503: Problem(503, "not-ready", "The service is not ready", "Its models are still loading; try again."),
}

PROBLEMS = {p.name: p for p in (*TABLE.values(), *BY_STATUS.values(), INVALID, INTERNAL)}


def problem_for(error: Exception) -> Problem:
    """The row of the table for an exception: its class or the nearest base class that has one."""
    return next((TABLE[base] for base in type(error).__mro__ if base in TABLE), INTERNAL)


def problem_response(
    problem: Problem,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """An RFC 9457 answer. ASCII throughout: details may quote what UTF-8 can't encode, such as lone surrogates."""
    body = {"type": problem.type, "title": problem.title, "status": problem.status, "detail": detail} | members
    return Response(json.dumps(body), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def pointer(place: tuple[int | str, ...]) -> str:
    """An RFC 6901 JSON pointer as a URI fragment: ("pages", 0, "html") -> "#/pages/0/html".

    >>> pointer(("a/b", 1))
    '#/a~1b/1'
    """
    return "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)


def install(app: FastAPI) -> None:
    """Answer every error of `app` as a problem; what nobody foresaw is caught in `app.observability`."""
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(errors.SecateursError, _own_error)


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        item = found[0]
        detail = f"The body is not JSON: {item['ctx']['error']} at character {item['loc'][-1]}."
        return problem_response(BY_STATUS[400], detail)
    if _body_was_not_json(request, found):
        return problem_response(BY_STATUS[415], "The body must be declared as application/json.")
    where = [_located(item) for item in found[:_MAX_ERRORS]]
    first = where[0]
    return problem_response(INVALID, f"{first['pointer']}: {first['detail']}", errors=where)


# So many wrong values are listed; a request can have as many as it has bytes.
_MAX_ERRORS = 20


def _body_was_not_json(request: Request, found: Any) -> bool:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = declared == "application/json" or (declared.startswith("application/") and declared.endswith("+json"))
    return not is_json and request.headers.get("content-length") != "0" and found[0]["loc"] == ("body",)


def _located(item: Any) -> dict[str, str]:
    """Where and what; never the value itself, which may be large or private."""
    _body, *place = item["loc"]
    return {"pointer": pointer(tuple(place)), "detail": _detail(item)}


def _detail(item: Any) -> str:
    """Pydantic's message, where it doesn't speak of Python."""
    if item["type"] == "value_error":
        return str(item["ctx"]["error"])
    if item["type"] in ("model_attributes_type", "model_type"):
        return "Input should be a JSON object"
    if item["type"] == "missing" and item["loc"] == ("body",):
        return "The body is missing"
    return str(item["msg"])


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    own = Problem(error.status_code, f"http-{error.status_code}", phrase, phrase)
    detail = str(error.detail)
    if error.status_code == 400:
        detail = _unreadable_body(error.__cause__)
    elif detail == phrase:  # the framework's word for what it found no route for
        detail = f"{request.method} {request.url.path}: {phrase}."
    return problem_response(BY_STATUS.get(error.status_code, own), detail, headers=error.headers)


def _unreadable_body(cause: BaseException | None) -> str:
    match cause:
        case UnicodeDecodeError():
            return f"The body is not UTF-8 at byte {cause.start}."
        case RecursionError():
            return "The body nests arrays or objects too deeply."
        case ValueError():
            return "The body has a number with too many digits."
    return "The body can't be read."


async def _own_error(_request: Request, error: Exception) -> Response:
    problem = problem_for(error)
    if problem is INTERNAL:
        raise error
    members: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(error, SearchError):
        members["provider"] = error.provider
        if error.retry_after is not None:
            headers["Retry-After"] = str(math.ceil(error.retry_after))
    return problem_response(problem, str(error), headers=headers, **members)
