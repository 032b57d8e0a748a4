"""In which shape an error is told: each wire format's clients read their own, wherever the error was found.

The address decides, so that what is refused before any route is known (no key, a body that is too large, an address
that there isn't) is told as what a route finds.
"""

import json
from collections.abc import Callable
from typing import Any

from mcp.types import INTERNAL_ERROR, INVALID_REQUEST
from starlette.responses import Response
from starlette.types import Scope

from app.api import firecrawl, jina, openai, tavily
from app.errors import Explained, Tell, as_problem

# From an error to its status and the JSON of the answer.
Shape = Callable[[Explained], tuple[int, Any]]


def tell(scope: Scope, told: Explained) -> Response:
    """The answer to a request that failed."""
    path: str = scope["path"]
    found = (teller for prefix, teller in _BY_PREFIX if path == prefix or path.startswith(f"{prefix}/"))
    return next(found, as_problem)(scope, told)


def _json(shape: Shape) -> Tell:
    def tell_json(_: Scope, told: Explained) -> Response:
        status, content = shape(told)
        return Response(json.dumps(content), status, told.headers, "application/json")  # ASCII, as `as_problem`

    return tell_json


def _json_rpc(told: Explained) -> tuple[int, Any]:
    """MCP's: an error that answers no message, since none was read."""
    code = INVALID_REQUEST if told.problem.status < 500 else INTERNAL_ERROR
    return told.problem.status, {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": told.detail}}


# The first one counts. OpenAI's clients ask for whatever they know under `/v1`; three addresses there are ours.
_BY_PREFIX: tuple[tuple[str, Tell], ...] = (
    ("/v1/search", as_problem),
    ("/v1/prune", as_problem),
    ("/v1/clean", as_problem),
    ("/v1", _json(openai.shape)),
    ("/v2", _json(firecrawl.shape)),
    ("/tavily", _json(tavily.shape)),
    ("/r", jina.tell),
    ("/s", jina.tell),
    ("/mcp", _json(_json_rpc)),
)
