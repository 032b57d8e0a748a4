"""Errors as the caller sees them: one table from exception to status, told as RFC 9457 `application/problem+json`.

`type` is stable and relative to the service; opening it (`GET /problems/{name}`) explains the problem. Other services'
wire formats have other shapes, which `app.api.shapes` knows; whoever refuses a request is given a `Tell`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response
from starlette.types import Scope

from app import fetch
from app.models.chat import ChatBusy, ChatMisconfigured, ChatRefused, ChatTimeout
from app.search import NotOffered, ProviderBusy, SearchError
from pruning import errors

MEDIA_TYPE = "application/problem+json"


class DeadlineExceeded(errors.SecateursError):
    """The answer was not ready before the request's deadline."""


class TokenizerNotAllowed(errors.InvalidInput):
    """The request names a tokenizer that the service does not offer."""


class ProviderNotConfigured(errors.InvalidInput):
    """The request names a search provider that the service does not have."""


class ModelNotOffered(errors.InvalidInput):
    """The request names a model that the service does not offer."""


class ChatModelNotConfigured(errors.SecateursError):
    """The request needs a chat model, and the settings name none."""


class Unauthorized(errors.SecateursError):
    """The request has no API key, or one that is not known."""


class ForeignName(errors.SecateursError):
    """The request asks a service of this machine by a name that anybody may have pointed here."""


class KeysUnavailable(errors.SecateursError):
    """Whether a key is known can't be told: the file of keys can't be read."""


class RetryLater(errors.SecateursError):
    """The request can be served, but not before `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Busy(RetryLater):
    """More requests are under way than the service takes at a time."""


class RateLimited(RetryLater):
    """The key asks more often than it may."""


class QuotaUsedUp(RetryLater):
    """The key has asked as often as it may for today, or for this month."""


class QuotaUnknown(RetryLater):
    """How often the key has asked can't be told: the store is down."""


class NoPageRead(errors.SecateursError):
    """None of the pages that were asked for can be had; the message says why, page by page."""


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
    Unauthorized: Problem(
        401,
        "invalid-api-key",
        "The request has no valid API key",
        "Send `Authorization: Bearer KEY`; `secateurs key add NAME` makes keys.",
    ),
    ForeignName: Problem(
        421, "foreign-name", "The service is not asked by this name", "Ask for localhost or 127.0.0.1, or use API keys."
    ),
    KeysUnavailable: Problem(
        503, "keys-unavailable", "API keys can't be checked", "An operator must look at the file of keys."
    ),
    RateLimited: Problem(
        429,
        "rate-limit-exceeded",
        "The key asks too often",
        "Ask again after `Retry-After` seconds; `secateurs key add --rate` sets how often a key may ask.",
    ),
    QuotaUsedUp: Problem(
        429,
        "insufficient-quota",
        "The key's quota is used up",
        "Ask again after `Retry-After` seconds; `secateurs key add --quota` sets how often a key may ask.",
    ),
    QuotaUnknown: Problem(
        503,
        "quota-unavailable",
        "The key's quota can't be counted",
        "Ask again after `Retry-After` seconds; an operator must look at the store.",
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
    ModelNotOffered: Problem(
        404, "model-not-found", "There is no such model", "`GET /v1/models` lists the models that there are."
    ),
    ChatModelNotConfigured: Problem(
        501,
        "chat-model-not-configured",
        "The service has no chat model",
        "An operator must set SECATEURS_CHAT_MODEL_URL.",
    ),
    ChatRefused: Problem(
        400, "chat-model-refused", "The chat model refuses the request", "`detail` says what it finds wrong."
    ),
    ChatBusy: Problem(
        429,
        "chat-model-busy",
        "The chat model is asked too often",
        "Ask again after `Retry-After` seconds, where given.",
    ),
    ChatMisconfigured: Problem(
        502,
        "chat-model-misconfigured",
        "The chat model can't be asked as the settings say",
        "An operator must look at SECATEURS_CHAT_MODEL_URL, SECATEURS_CHAT_MODEL and SECATEURS_CHAT_MODEL_KEY.",
    ),
    ChatTimeout: Problem(
        504,
        "chat-model-timeout",
        "The chat model did not answer in time",
        "Ask for a shorter answer, or raise the setting SECATEURS_CHAT_SECONDS.",
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
    ProviderBusy: Problem(
        503,
        "search-provider-busy",
        "The search provider is asked too often",
        "`provider` names it; ask again after `Retry-After` seconds, where given, or name another `provider`.",
    ),
    NotOffered: Problem(
        422,
        "not-offered-by-provider",
        "The search provider does not give this",
        "`detail` says what it gives; ask for less, or name another `provider`.",
    ),
    fetch.Refused: Problem(
        403,
        "address-refused",
        "This address is not fetched",
        "`detail` says why; the setting SECATEURS_FETCH_ALLOWED_HOSTS allows hosts that are not on the open web.",
    ),
    fetch.DisallowedByRobots: Problem(
        403, "disallowed-by-robots", "The site's robots.txt forbids this page", "Ask the site; nothing was fetched."
    ),
    fetch.HostUnknown: Problem(502, "host-unknown", "The page's host has no address", "Is the address right?"),
    fetch.TlsFailed: Problem(
        502, "tls-failed", "The page's server can't prove who it is", "Nothing is fetched from such a server."
    ),
    fetch.FetchTimeout: Problem(504, "page-late", "The page did not arrive in time", "Try again, or allow more time."),
    fetch.FetchError: Problem(502, "page-not-fetched", "The page can't be fetched", "`detail` says why."),
    NoPageRead: Problem(502, "no-page-read", "None of the pages can be read", "`detail` says why, page by page."),
    Busy: Problem(
        429,
        "busy",
        "The service has as many requests as it takes",
        "Ask again after `Retry-After` seconds; an operator may add workers or raise the setting that `detail` names.",
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


@dataclass(frozen=True, slots=True)
class Explained:
    """An error as it is told, in whichever shape the client of a route reads."""

    problem: Problem
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)


# From the scope of a request and its error to the answer.
Tell = Callable[[Scope, Explained], Response]


def as_problem(_: Scope, told: Explained) -> Response:
    """An RFC 9457 answer. ASCII throughout: details may quote what UTF-8 can't encode, such as lone surrogates."""
    problem = told.problem
    body = {"type": problem.type, "title": problem.title, "status": problem.status, "detail": told.detail}
    return Response(json.dumps(body | {**told.members}), problem.status, told.headers, MEDIA_TYPE)
