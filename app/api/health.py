"""Is the process alive, and will it serve requests?"""

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from app.api.v1 import ThePipeline
from app.api.v1_models import Health, ProblemBody, Ready

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="Alive")
async def healthz() -> Health:
    """The process is alive."""
    return Health()


@router.get("/readyz", summary="Ready", responses={503: {"model": ProblemBody}})
async def readyz(pipeline: ThePipeline) -> Ready:
    """The models and the tokenizer are loaded. Until then 503, with what is missing."""
    parts = pipeline.parts
    if not parts.ready:
        raise HTTPException(503, parts.not_ready_because)
    return Ready(embedder=parts.embedder.name, tokenizer=pipeline.settings.tokenizer, providers=sorted(parts.providers))
