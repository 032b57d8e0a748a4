"""Traces: each stage a span, the caller's trace taken up and passed on, by the standard variables, or none."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.account import passed_on
from app.main import create_app
from app.observability import RequestLog, observe
from app.settings import Settings
from app.tracing import Tracing, tracing
from pruning.errors import MissingExtra, ModelError
from pruning.observe import Event, asking, stage
from tests.app.asgi import get
from tests.app.serving import served
from tests.needs import ROOT

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


@pytest.fixture
def kept() -> InMemorySpanExporter:
    """Where the spans of `app` go."""
    return InMemorySpanExporter()


@pytest.fixture
def app(kept: InMemorySpanExporter) -> FastAPI:
    """A service whose route goes through stages and asks others."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    app = FastAPI()
    app.add_middleware(RequestLog, tracing=Tracing(provider))

    @app.get("/things/{thing}")
    async def work(thing: str) -> dict[str, str]:
        with stage(observe, "embed"):
            observe(Event("embed", "cache", {"hits": 1, "misses": 2}))
            with asking(observe, "embedder"):
                return passed_on()

    @app.get("/pages")
    async def pages() -> None:
        with stage(observe, "fetch"), asking(observe, "web"), asking(observe, "web"):
            pass

    @app.get("/poor")
    async def poor() -> None:
        observe(Event("generate", "started"))
        with pytest.raises(ModelError), asking(observe, "path_model"):
            raise ModelError("canary")
        observe(Event("generate", "failed", error=ModelError("canary")))
        observe(Event("generate", "degraded", detail="canary"))
        observe(Event("fit", "started"))

    return app


def by_name(kept: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    """The spans, by name."""
    return {span.name: span for span in kept.get_finished_spans()}


def test_a_request_is_a_span_of_the_callers_trace(app: FastAPI, kept: InMemorySpanExporter) -> None:
    """Its stages are within it, and what they ask within them; whoever is asked is told the innermost one."""
    told = get(app, "/things/canary", headers=TRACEPARENT | {"X-Request-ID": "abc"}).json()

    spans = by_name(kept)
    request, embed, embedder = (spans[name] for name in ("GET /things/{thing}", "embed", "embedder"))
    assert request.parent is not None
    assert embed.parent is not None
    assert embedder.parent is not None
    assert (int(PARENT, 16), int(TRACE, 16)) == (request.parent.span_id, request.context.trace_id)
    assert (request.context.span_id, embed.context.span_id) == (embed.parent.span_id, embedder.parent.span_id)
    assert (SpanKind.SERVER, SpanKind.INTERNAL, SpanKind.CLIENT) == (request.kind, embed.kind, embedder.kind)
    assert {
        "http.request.method": "GET",
        "http.route": "/things/{thing}",
        "http.response.status_code": 200,
        "secateurs.wire": "none",
        "secateurs.request_id": "abc",
    } == request.attributes
    assert f"00-{TRACE}-{embedder.context.span_id:016x}-01" == told["traceparent"]
    assert "canary" not in "".join(span.to_json() for span in spans.values())


def test_what_is_done_side_by_side_is_within_the_same(app: FastAPI, kept: InMemorySpanExporter) -> None:
    """Pages are fetched at once: none of them is a part of another."""
    get(app, "/pages")

    spans = kept.get_finished_spans()
    (fetch,) = [span.context.span_id for span in spans if span.name == "fetch"]
    assert [fetch, fetch] == [span.parent.span_id for span in spans if span.name == "web" and span.parent]


def test_failures_have_a_kind_and_nothing_stays_open(app: FastAPI, kept: InMemorySpanExporter) -> None:
    """What an error says is not told; a stage whose end nobody told ends with the request."""
    get(app, "/poor")

    spans = by_name(kept)
    assert {"GET /poor", "generate", "path_model", "fit"} == spans.keys()
    for name in ("generate", "path_model"):
        assert (StatusCode.ERROR, {"error.type": "failed"}) == (spans[name].status.status_code, spans[name].attributes)
    assert ["degraded"] == [event.name for event in spans["GET /poor"].events]
    assert "canary" not in "".join(span.to_json() for span in spans.values())


class Embedder:
    """An embedding server that knows no text, and keeps the headers that it is sent."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        self.app = Starlette(routes=[Route("/v1/embeddings", self._embed, methods=["POST"])])

    async def _embed(self, request: Request) -> Response:
        self.headers.append(dict(request.headers))
        texts = (await request.json())["input"]
        return JSONResponse({"data": [{"index": place, "embedding": [1.0]} for place in range(len(texts))]})


class Collector:
    """What receives traces by OTLP over HTTP."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.app = Starlette(routes=[Route("/v1/traces", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        return Response(media_type="application/x-protobuf")


def test_spans_are_sent_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of a search, by OTLP over HTTP, at the latest when the service ends; the embedding server joins the trace."""
    collector, embedder = Collector(), Embedder()
    with served(collector.app) as (host, port), served(embedder.app) as (model_host, model_port):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{host}:{port}")
        url = f"http://{model_host}:{model_port}/v1/embeddings"
        settings = Settings(state_dir=tmp_path, embedder=url, embedder_model="m", cache=False)
        with served(create_app(settings)) as (ours, our_port), httpx.Client(timeout=60) as client:
            body = {"query": "canary?", "pages": [{"html": "<p>The canary sings.<p>The hedge grows."}]}
            client.post(f"http://{ours}:{our_port}/v1/prune", json=body, headers=TRACEPARENT).raise_for_status()

    sent = [ExportTraceServiceRequest.FromString(body) for body in collector.bodies]
    resources = [resource for one in sent for resource in one.resource_spans]
    spans = [span for resource in resources for scope in resource.scope_spans for span in scope.spans]
    of_caller = {span.name for span in spans if span.trace_id == bytes.fromhex(TRACE)}
    assert {"POST /v1/prune", "read", "parse", "embed", "embedder", "fit"} <= of_caller
    assert "secateurs" in str(resources[0].resource)
    assert b"canary" not in b"".join(collector.bodies)
    assert any(headers.get("traceparent", "").startswith(f"00-{TRACE}-") for headers in embedder.headers)


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_without_a_place_for_them_there_are_none(named: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor where the environment says so."""
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    assert None is tracing()


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where traces are asked for."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/v1/traces")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingExtra, match=r"pip install 'secateurs\[otel\]'"):
        tracing()


def test_the_service_starts_without_the_extra() -> None:
    """Nobody needs it who wants no traces."""
    script = "import sys; sys.modules['opentelemetry.sdk'] = None; from app.main import create_app; create_app()"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (0, "") == (done.returncode, done.stderr)
