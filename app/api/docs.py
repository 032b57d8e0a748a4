"""The documentation of the API: `/docs`, which needs no internet, `/openapi.json`, and `/problems`."""

import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from app.api import examples
from app.api.shapes import error_content
from app.api.v1_models import ProblemBody, ProblemHelp
from app.auth import OPEN
from app.errors import MEDIA_TYPE, PROBLEMS

router = APIRouter()

ASSETS = "/docs/assets"


def install(app: FastAPI, *, keys_required: bool, own_names: bool) -> None:
    """Give `app` its documentation, which says where a key is asked for, or a name of this machine."""
    # The package holds Swagger UI's files; FastAPI itself would load them from a content delivery network.
    app.mount(ASSETS, StaticFiles(directory=str(files("fastapi_offline") / "static")), name="docs-assets")
    app.include_router(router)
    app.openapi = lambda: _openapi(app, keys_required, own_names)  # type: ignore[method-assign]


@router.get("/", include_in_schema=False)
async def home() -> RedirectResponse:
    """Whoever opens the service in a browser wants to know what it can do."""
    return RedirectResponse("/docs")


@router.get("/docs", include_in_schema=False)
async def docs() -> HTMLResponse:
    """The API, to read and to try."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Secateurs",
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon.png",
    )
    page.headers["Content-Security-Policy"] = _policy(bytes(page.body))
    return page


def _policy(page: bytes) -> str:
    """What the page may load: files of this service, and the script that stands in it. Swagger UI writes styles."""
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    hashes = " ".join(f"'sha256-{b64encode(sha256(script).digest()).decode()}'" for script in scripts)
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@router.get(
    "/problems/{name}",
    tags=["operation"],
    summary="Explain a problem",
    responses={200: {"model": ProblemHelp}, 404: {"model": ProblemBody}, 422: {"model": ProblemBody}},
)
async def explain(name: str) -> dict[str, Any]:
    """What a problem's `type` stands for."""
    if name not in PROBLEMS:
        raise HTTPException(404, f"No problem is called {name!r}.")
    problem = PROBLEMS[name]
    return {"type": problem.type, "title": problem.title, "status": problem.status, "help": problem.help}


def _openapi(app: FastAPI, keys_required: bool, own_names: bool) -> dict[str, Any]:
    """FastAPI's document, with our errors under the media type that they have, whole examples of answers, and keys."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for response in _problems_in(document):
            response["content"][MEDIA_TYPE] = response["content"].pop("application/json")
        for path, example in examples.ANSWERS.items():  # FastAPI would leave out what is null in them
            answer = document["paths"][path]["post"]["responses"]["200"]
            answer["content"]["application/json"]["example"] = example
        if keys_required:
            document["components"]["securitySchemes"] = _SCHEMES
            _tell_of_refusals(document, _WITHOUT_KEY, security=[{name: []} for name in _SCHEMES])
        elif own_names:
            _tell_of_refusals(document, _BY_FOREIGN_NAME)
        app.openapi_schema = document
    return app.openapi_schema


# How a key is sent, and what is answered where there is none, or it has asked enough.
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`secateurs key add NAME` makes keys."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_WITHOUT_KEY: dict[str, dict[str, Any]] = {
    "401": {
        "description": "No API key, or one that is not known",
        "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}},
    },
    "429": {
        "description": "The key asks too often, or there are too many requests",
        "headers": {"Retry-After": {"schema": {"type": "integer"}}},
    },
    "503": {
        "description": "Something that is needed is down for now",
        "headers": {"Retry-After": {"schema": {"type": "integer"}}},
    },
}
_BY_FOREIGN_NAME = {"421": {"description": "The service is asked by a name that is not this machine's own"}}


def _tell_of_refusals(document: dict[str, Any], refusals: dict[str, dict[str, Any]], **more: Any) -> None:
    """What holds for every address that is not open to all: its routes know nothing of it."""
    for path in document["paths"].keys() - OPEN:
        for operation in document["paths"][path].values():
            told = {status: answer | {"content": error_content(path)} for status, answer in refusals.items()}
            operation["responses"] = dict(sorted((operation["responses"] | told).items()))
            operation |= more


def _problems_in(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The answers that are problems; other services' wire formats tell errors in shapes of their own."""
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    answers = [answer for operation in operations for answer in operation["responses"].values()]
    problem = {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}
    return [
        answer for answer in answers if answer.get("content", {}).get("application/json", {}).get("schema") == problem
    ]
