"""The metrics, for Prometheus to collect."""

from concurrent.futures import ThreadPoolExecutor

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app import metrics
from app.seam import in_thread

router = APIRouter(tags=["operation"])

# A service that is busy with pages is what one wants to see.
_thread = ThreadPoolExecutor(1, "metrics")


@router.get(
    "/metrics",
    summary="Metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def collect(request: Request) -> Response:
    """What the service has done so far, in Prometheus' text format, or in OpenMetrics' where that is asked for."""
    content, media_type = await in_thread(metrics.exposition, request.headers.get("accept", ""), threads=_thread)
    return Response(content, headers={"Content-Type": media_type})
