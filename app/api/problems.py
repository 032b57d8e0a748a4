"""Whatever goes wrong on a route, explained: our own errors, wrong requests, unknown addresses."""

import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from app.errors import BY_STATUS, INTERNAL, INVALID, Explained, Problem, Tell, as_problem, problem_for
from app.models.chat import ChatRefused
from app.search import SearchError
from app.wording import MISSING, UNKNOWN, Wrong, in_words, nearest, wrong_values
from pruning.errors import SecateursError


def install(app: FastAPI, tell: Tell = as_problem) -> None:
    """Answer every error of `app` by `tell`; what nobody foresaw is caught in `app.observability`."""

    async def answer(request: Request, error: Exception) -> Response:
        return tell(request.scope, explained(request, error))

    for kind in EXPLAINED:
        app.add_exception_handler(kind, answer)


EXPLAINED = (RequestValidationError, HTTPException, SecateursError)


def explained(request: Request, error: Exception) -> Explained:
    """What is told of an error of `EXPLAINED`; one of ours that nobody foresaw is raised again."""
    match error:
        case RequestValidationError():
            return _invalid_request(request, error)
        case HTTPException():
            return _http_error(request, error)
    return _own_error(error)


def _invalid_request(request: Request, error: RequestValidationError) -> Explained:
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        item = found[0]
        detail = f"The body is not JSON: {item['ctx']['error']} at character {item['loc'][-1]}."
        return Explained(BY_STATUS[400], detail)
    if _body_was_not_json(request, found):
        return Explained(BY_STATUS[415], "The body must be declared as application/json.")
    if found[0]["loc"][0] != "body":
        place, name = found[0]["loc"][:2]
        return Explained(INVALID, f"{place} {name}: {in_words(found[0])}")
    where = [_located(request, wrong) for wrong in wrong_values(found, error.body)[:_MAX_ERRORS]]
    first = where[0]
    return Explained(INVALID, f"{first['pointer']}: {first['detail']}", members={"errors": where})


# So many wrong values are listed; a request can have as many as it has bytes.
_MAX_ERRORS = 20


def _body_was_not_json(request: Request, found: Any) -> bool:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = declared == "application/json" or (declared.startswith("application/") and declared.endswith("+json"))
    return not is_json and request.headers.get("content-length") != "0" and found[0]["loc"] == ("body",)


def _located(request: Request, wrong: Wrong) -> dict[str, str]:
    """Where and what."""
    told = wrong.told
    if told == MISSING and not wrong.place:
        told = "The body is missing"
    if told == UNKNOWN and (meant := nearest(str(wrong.place[-1]), _fields(request, wrong.place[:-1]))):
        told = f"{told}; did you mean `{meant}`?"
    return {"pointer": pointer(wrong.place), "detail": told}


def _fields(request: Request, place: tuple[int | str, ...]) -> list[str]:
    """The names that the object at that place of a body may have."""
    field = getattr(request.scope.get("route"), "body_field", None)
    model: Any = field.field_info.annotation if field else None
    for part in place:
        inner = getattr(model, "model_fields", {}).get(part)
        model = inner.annotation if inner else None
    return [known.alias or name for name, known in getattr(model, "model_fields", {}).items()]


def _http_error(request: Request, error: HTTPException) -> Explained:
    phrase = HTTPStatus(error.status_code).phrase
    own = Problem(error.status_code, f"http-{error.status_code}", phrase, phrase)
    detail = str(error.detail)
    if error.status_code == 400:
        detail = _unreadable_body(error.__cause__)
    elif detail == phrase:  # the framework's word for what it found no route for
        detail = f"{request.method} {request.url.path}: {phrase}."
    return Explained(BY_STATUS.get(error.status_code, own), detail, error.headers or {})


def _unreadable_body(cause: BaseException | None) -> str:
    match cause:
        case UnicodeDecodeError():
            return f"The body is not UTF-8 at byte {cause.start}."
        case RecursionError():
            return "The body nests arrays or objects too deeply."
        case ValueError():
            return "The body has a number with too many digits."
    return "The body can't be read."


def _own_error(error: Exception) -> Explained:
    problem = problem_for(error)
    if problem is INTERNAL:
        raise error
    members: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(error, SearchError):
        members["provider"] = error.provider
    if isinstance(error, ChatRefused):
        members["said"] = error.said
    retry_after: float | None = getattr(error, "retry_after", None)
    if retry_after is not None:
        headers["Retry-After"] = str(math.ceil(retry_after))
    return Explained(problem, str(error), headers, members)


def pointer(place: tuple[int | str, ...]) -> str:
    """An RFC 6901 JSON pointer as a URI fragment: ("pages", 0, "html") -> "#/pages/0/html".

    >>> pointer(("a/b", 1))
    '#/a~1b/1'
    """
    return "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)
