"""The web application: settings in, an ASGI app out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from app import mcp
from app.admission import AdmittedOnce
from app.api import docs, firecrawl, health, jina, metrics, open_webui, openai, problems, tavily, v1
from app.api.shapes import tell
from app.auth import REST_SECONDS, Auth, KeyLimits, KeyRing, OwnNames, is_of_this_machine, warn_of_openness
from app.chat import Chat
from app.deadline import Deadline
from app.hangup import HangUp
from app.limits import BodyLimit
from app.observability import RequestLog, observe
from app.parts import open_parts
from app.pipeline import Pipeline
from app.release import release
from app.seam import in_thread
from app.security_headers import SecurityHeaders
from app.settings import Settings, load_settings
from app.tracing import tracing

ABOUT = """\
Prunes retrieved web pages down to the HTML that answers the question, within an exact token budget.

Errors are RFC 9457 problem details (`application/problem+json`); those of other services' wire formats are as theirs.
"""


def create_app(settings: Settings | None = None, *, store_rest_seconds: float = REST_SECONDS) -> FastAPI:
    """The service as an ASGI app. While its models load, requests wait and `/readyz` says 503.

    After a failure, keys are counted without the store for `store_rest_seconds`.

    Raises InvalidInput, and MissingExtra where the environment asks for traces.
    """
    chosen = settings or load_settings()
    traces = tracing()
    ring = KeyRing.of(chosen)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_parts(chosen, observe) as parts:
            app.state.pipeline = Pipeline(parts, chosen, observe)
            app.state.chat = Chat(app.state.pipeline)
            parts.start_loading()
            warn_of_openness(chosen, ring)
            async with mcp.running(app):
                yield
        if traces is not None:
            await in_thread(traces.close)

    app = FastAPI(
        title="Secateurs",
        version=release(),
        description=ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    for routes in (v1, openai, tavily, open_webui, jina, firecrawl):
        app.include_router(routes.router)
    app.include_router(health.router)
    if chosen.metrics == "main":
        app.include_router(metrics.router)
    mcp.install(app, chosen.request_bytes)
    docs.install(app, keys_required=chosen.keys_required, own_names=is_of_this_machine(chosen.host))
    problems.install(app, tell)
    app.add_middleware(BodyLimit, max_bytes=chosen.request_bytes, tell=tell)
    app.add_middleware(AdmittedOnce)
    app.add_middleware(HangUp)
    app.add_middleware(Deadline)
    if chosen.keys_required:
        limits = KeyLimits(lambda: app.state.pipeline.parts.store, rest_seconds=store_rest_seconds)
        app.add_middleware(Auth, ring=ring, limits=limits, tell=tell)
    elif is_of_this_machine(chosen.host):
        app.add_middleware(OwnNames, tell=tell)
    if chosen.cors_origins:  # outside of the keys: a browser asks without one whether it may ask
        app.add_middleware(
            CORSMiddleware,
            allow_origins=chosen.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["Retry-After", "Server-Timing", "WWW-Authenticate", "X-Request-ID"],
        )
    app.add_middleware(RequestLog, tell=tell, tracing=traces)
    # The last one added is the outermost.
    app.add_middleware(SecurityHeaders)
    return app
