"""In which shape an error is told: each wire format's clients read their own, wherever the error was found.

The address decides, so that what is refused before any route is known (no key, a body that is too large, an address
that there isn't) is told as what a route finds.
"""

import json
from collections.abc import Callable
from typing import Any

from mcp.types import INTERNAL_ERROR, INVALID_REQUEST
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Scope

from app.api import firecrawl, jina, openai, tavily
from app.api.firecrawl_models import FirecrawlError
from app.api.jina_models import JinaError
from app.api.openai_models import OpenAIError
from app.api.tavily import TavilyError
from app.api.v1_models import ProblemBody
from app.errors import MEDIA_TYPE, Explained, Tell, as_problem

# From an error to its status and the JSON of the answer.
Shape = Callable[[Explained], tuple[int, Any]]


def tell(scope: Scope, told: Explained) -> Response:
    """The answer to a request that failed."""
    return _at(scope["path"])[0](scope, told)


def error_content(path: str) -> dict[str, Any]:
    """The same as the OpenAPI document tells it: the schema of an error at an address, by media type."""
    return _at(path)[1]


def _at(path: str) -> tuple[Tell, dict[str, Any]]:
    return next((shape for prefix, shape in _BY_PREFIX if path == prefix or path.startswith(f"{prefix}/")), _PROBLEM)


def _json(shape: Shape) -> Tell:
    def tell_json(_: Scope, told: Explained) -> Response:
        status, content = shape(told)
        return Response(json.dumps(content), status, told.headers, "application/json")  # ASCII, as `as_problem`

    return tell_json


def _json_rpc(told: Explained) -> tuple[int, Any]:
    """MCP's: an error that answers no message, since none was read."""
    code = INVALID_REQUEST if told.problem.status < 500 else INTERNAL_ERROR
    return told.problem.status, {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": told.detail}}


def _content(model: type[BaseModel], media_type: str = "application/json") -> dict[str, Any]:
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


# What tells an error, and what the document tells of it.
_PROBLEM = (as_problem, _content(ProblemBody, MEDIA_TYPE))
# The first one counts. OpenAI's clients ask for whatever they know under `/v1`; three addresses there are ours.
_BY_PREFIX: tuple[tuple[str, tuple[Tell, dict[str, Any]]], ...] = (
    ("/v1/search", _PROBLEM),
    ("/v1/prune", _PROBLEM),
    ("/v1/clean", _PROBLEM),
    ("/v1", (_json(openai.shape), _content(OpenAIError))),
    ("/v2", (_json(firecrawl.shape), _content(FirecrawlError))),
    ("/tavily", (_json(tavily.shape), _content(TavilyError))),
    ("/r", (jina.tell, _content(JinaError) | jina.TEXT)),
    ("/s", (jina.tell, _content(JinaError) | jina.TEXT)),
    ("/mcp", (_json(_json_rpc), {})),  # the document tells nothing of it
)
