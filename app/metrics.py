"""Prometheus metrics of every stage. Their labels are our own words: no address, question or key is one.

Several worker processes share a folder (`PROMETHEUS_MULTIPROC_DIR`): each adds to files of its own there, and whichever
is asked answers for all of them. The folder must be named before this module is imported.
"""

import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from app.account import Account
from app.failures import CANCELLED, kind_of
from app.release import release
from pruning.observe import Event

FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_registry = CollectorRegistry()
# From a page out of the cache to a long answer of a chat model.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


def _counter(name: str, about: str, *labels: str) -> Counter:
    return Counter(f"secateurs_{name}", about, labels, registry=_registry)


def _seconds(name: str, about: str, *labels: str) -> Histogram:
    return Histogram(f"secateurs_{name}_seconds", about, labels, buckets=_SECONDS, registry=_registry)


def _gauge(name: str, about: str, *labels: str) -> Gauge:
    # Summed over the worker processes that live.
    return Gauge(f"secateurs_{name}", about, labels, registry=_registry, multiprocess_mode="livesum")


REQUESTS = _counter("requests", "Requests answered.", "method", "route", "wire", "status")
REQUEST_SECONDS = _seconds("request", "Time to the end of an answer.", "route", "wire")
FIRST_BYTE_SECONDS = _seconds("first_byte", "Time until an answer begins.", "route", "wire")
IN_FLIGHT = _gauge("requests_in_flight", "Requests that are being answered.")
STAGE_SECONDS = _seconds("stage", "Time of a stage that ended well.", "stage")
STAGE_FAILURES = _counter("stage_failures", "Stages that failed.", "stage", "kind")
BLOCKS = _counter("blocks", "Blocks that a step was given, had its model read, and kept.", "stage", "direction")
TOKENS = _counter("tokens", "Tokens that a step was given, and kept.", "stage", "direction")
CACHE_LOOKUPS = _counter("cache_lookups", "What was looked up in the cache.", "stage", "result")
DEGRADED = _counter("degraded_answers", "Answers for which a stage did less than was asked for.", "stage")
UPSTREAM_SECONDS = _seconds("upstream", "Time of a server, model, store or web page to answer.", "upstream")
UPSTREAM_ERRORS = _counter("upstream_errors", "Failed questions to one.", "upstream", "kind")
QUEUE = _gauge("queue_depth", "Requests that are let in to a stage.", "stage")
QUEUE_LIMIT = _gauge("queue_limit", "How many may be.", "stage")
REFUSED = _counter("refused", "Requests that a stage took no more, since its queue was full.", "stage")
BUILD = Gauge(
    "secateurs_build_info", "What runs.", ("version", "python"), registry=_registry, multiprocess_mode="livemax"
)


def observe(event: Event) -> None:
    """Count an event. What is degraded is counted once for each answer, by `request`."""
    if count := _COUNTED.get(event.kind):
        count(event)


def request(method: str, route: str, wire: str, status: int, account: Account, first_byte: float | None) -> None:
    """Count a request that has ended; `first_byte` is when its answer began, in milliseconds, where it did."""
    REQUESTS.labels(method, route, wire, str(status)).inc()
    REQUEST_SECONDS.labels(route, wire).observe(account.milliseconds / 1000)
    if first_byte is not None:
        FIRST_BYTE_SECONDS.labels(route, wire).observe(first_byte / 1000)
    for stage in account.degraded:
        DEGRADED.labels(stage).inc()


def exposition(accept: str = "") -> tuple[bytes, str]:
    """All metrics, of all worker processes, and their media type, in a format that the Accept header allows."""
    encode, media_type = choose_encoder(accept)
    return encode(registry()), media_type


def registry() -> CollectorRegistry:
    """What is to be collected: the metrics of this process, or those of all that share the folder."""
    if FOLDER not in os.environ:
        return _registry
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return shared


def forget(worker: int, folder: Path) -> None:
    """Let a worker process that has ended, of this id, count no longer as one that lives; what it did stays counted."""
    mark_process_dead(worker, str(folder))  # type: ignore[no-untyped-call]


def _finished(event: Event) -> None:
    STAGE_SECONDS.labels(event.stage).observe((event.milliseconds or 0.0) / 1000)
    for name, number in event.counts.items():
        what, _, direction = name.partition("_")
        if what in _BY_DIRECTION:
            _BY_DIRECTION[what].labels(event.stage, direction).inc(number)


def _failed(event: Event) -> None:
    kind = _kind(event) or "failed"
    if kind != CANCELLED:
        STAGE_FAILURES.labels(event.stage, kind).inc()


def _looked_up(event: Event) -> None:
    for name, result in (("hits", "hit"), ("misses", "miss")):
        CACHE_LOOKUPS.labels(event.stage, result).inc(event.counts.get(name, 0))


def _answered(event: Event) -> None:
    kind = _kind(event)
    if kind == CANCELLED:  # how long it would have taken, nobody knows
        return
    UPSTREAM_SECONDS.labels(event.stage).observe((event.milliseconds or 0.0) / 1000)
    if kind:
        UPSTREAM_ERRORS.labels(event.stage, kind).inc()


def _queued(event: Event) -> None:
    QUEUE.labels(event.stage).set(event.counts["depth"])
    QUEUE_LIMIT.labels(event.stage).set(event.counts["limit"])


def _refused(event: Event) -> None:
    REFUSED.labels(event.stage).inc()


def _kind(event: Event) -> str:
    return kind_of(event.error) if event.error else ""


_BY_DIRECTION: Mapping[str, Counter] = {"blocks": BLOCKS, "tokens": TOKENS}
_COUNTED: Mapping[str, Callable[[Event], None]] = {
    "finished": _finished,
    "failed": _failed,
    "cache": _looked_up,
    "answered": _answered,
    "queue": _queued,
    "refused": _refused,
}


BUILD.labels(release(), platform.python_version()).set(1)
if FOLDER not in os.environ:  # what /proc says of one process says little of several
    ProcessCollector(registry=_registry)
