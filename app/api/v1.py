"""Our own routes: search, prune, clean."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request

from app.api import examples
from app.api.json_route import JsonRoute
from app.api.v1_models import CleanBody, ProblemBody, PruneBody, SearchBody
from app.messages import Answer, CleanedPage
from app.pipeline import Pipeline


async def pipeline_of(request: Request) -> Pipeline:
    """The one pipeline of the service. Not a plain function: the framework would send that to a thread."""
    pipeline: Pipeline = request.app.state.pipeline
    return pipeline


ThePipeline = Annotated[Pipeline, Depends(pipeline_of)]

router = APIRouter(
    prefix="/v1",
    tags=["pruning"],
    route_class=JsonRoute,
    responses={status: {"model": ProblemBody} for status in (400, 413, 415, 422, 429, 500, 503, 504)},
)


@router.post(
    "/search",
    summary="Search, read what is found, prune it",
    responses={502: {"model": ProblemBody}},
)
async def search(body: Annotated[SearchBody, Body(openapi_examples=examples.SEARCH)], pipeline: ThePipeline) -> Answer:
    """Search for the question, read the pages that are found, and prune them to the budget."""
    return await pipeline.search(body.request())


@router.post("/prune", summary="Prune given pages")
async def prune(body: Annotated[PruneBody, Body(openapi_examples=examples.PRUNE)], pipeline: ThePipeline) -> Answer:
    """Prune the given pages, or those at the given addresses, to the budget."""
    return await pipeline.prune(body.request())


@router.post("/clean", summary="Clean one page")
async def clean(
    body: Annotated[CleanBody, Body(openapi_examples=examples.CLEAN)], pipeline: ThePipeline
) -> CleanedPage:
    """Clean one page: everything that a reader sees, and nothing else."""
    return await pipeline.clean(body.request())
