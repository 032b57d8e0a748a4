"""Traces of requests by OpenTelemetry [extra "otel"], as the standard variables OTEL_* say; without them none.

A request is a span, each stage one within it, and each question to a server one within the stage. The caller's
`traceparent` is taken up, and model servers are told ours. No attribute holds what a caller sent.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.failures import CANCELLED, kind_of
from app.release import release
from pruning.errors import MissingExtra
from pruning.observe import Event

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def tracing() -> "Tracing | None":
    """What the environment asks for: spans sent to the server that it names by OTLP over HTTP; None: nothing.

    Raises MissingExtra.
    """
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if disabled or exporter != "otlp" or not any(os.environ.get(name) for name in _ENDPOINTS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        told = " or ".join(_ENDPOINTS)
        raise MissingExtra(f"{told} is set: traces need an extra: pip install 'secateurs[otel]'") from None
    named = {"service.version": release()}
    if not os.environ.get("OTEL_SERVICE_NAME"):
        named["service.name"] = "secateurs"
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


class Tracing:
    """Makes a trace of each request; closed by `close`."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("secateurs", release())

    def begin(self, headers: Mapping[str, str]) -> "Trace":
        """The trace of a request with these headers."""
        return Trace(self._tracer, headers)

    def close(self) -> None:
        """Send what has not been sent."""
        self._provider.shutdown()


class Trace:
    """The spans of one request, of which the innermost one that is open is the parent of what begins."""

    def __init__(self, tracer: "Tracer", headers: Mapping[str, str]) -> None:
        from opentelemetry import propagate, trace

        self._trace = trace
        self._inject = propagate.inject
        self._tracer = tracer
        parent = propagate.extract(dict(headers))
        self._root = tracer.start_span("request", parent, kind=trace.SpanKind.SERVER)
        self._open: list[tuple[str, Span]] = []

    @property
    def id(self) -> str:
        """The trace's, as it stands in `traceparent`."""
        return f"{self._root.get_span_context().trace_id:032x}"

    def headers(self) -> dict[str, str]:
        """Those by which whoever is asked now goes on with the trace."""
        carrier: dict[str, str] = {}
        self._inject(carrier, context=self._context())
        return carrier

    def observe(self, event: Event) -> None:
        """Begin or end a span, or note on the innermost one what is looked up or degraded."""
        match event.kind:
            case "started" | "asked":
                kind = self._trace.SpanKind.CLIENT if event.kind == "asked" else self._trace.SpanKind.INTERNAL
                begun = self._tracer.start_span(event.stage, self._context(beside=event.stage), kind=kind)
                self._open.append((event.stage, begun))
            case "finished" | "failed" | "answered":
                self._close(event)
            case "degraded":
                self._innermost().add_event("degraded", {"stage": event.stage})
            case "cache":
                found = {f"secateurs.{event.stage}.{name}": number for name, number in event.counts.items()}
                self._innermost().add_event("cache", found)

    def end(self, method: str, route: str, wire: str, status: int, request_id: str) -> None:
        """End all spans; the request's says what became of it."""
        told: dict[str, Any] = {"http.request.method": method, "http.route": route}
        told |= {"http.response.status_code": status, "secateurs.wire": wire, "secateurs.request_id": request_id}
        self._root.update_name(f"{method} {route}")
        self._root.set_attributes(told)
        if status >= 500:
            self._root.set_status(self._trace.StatusCode.ERROR)
        for _, span in reversed(self._open):
            span.end()
        self._open.clear()
        self._root.end()

    def _close(self, event: Event) -> None:
        places = [place for place, (name, _) in enumerate(self._open) if name == event.stage]
        if not places:
            return
        _, span = self._open.pop(places[-1])
        span.set_attributes({f"secateurs.{name}": number for name, number in event.counts.items()})
        kind = kind_of(event.error) if event.error else ""
        if kind:
            span.set_attribute("error.type", kind)
        if kind not in ("", CANCELLED):
            span.set_status(self._trace.StatusCode.ERROR)
        span.end()

    def _innermost(self, beside: str = "") -> "Span":
        """The last one begun; pages are fetched and read side by side, so none is within another of its name."""
        return next((span for name, span in reversed(self._open) if name != beside), self._root)

    def _context(self, beside: str = "") -> Any:
        return self._trace.set_span_in_context(self._innermost(beside))
