"""One page, as readers ask for it: what is wrong with it is an error."""

import math
import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from app.api.v1_models import HttpAddress
from app.clock import Clock
from app.errors import NoPageRead
from app.messages import PruneRequest, ReadPage, ReadRequest
from app.pipeline import Pipeline

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def _with_scheme(address: object) -> object:
    """People leave it out, and readers have always let them."""
    if not isinstance(address, str) or not address.strip() or _SCHEME.match(address.strip()):
        return address
    return f"https://{address.strip()}"


PageAddress = Annotated[HttpAddress, BeforeValidator(_with_scheme)]
Selector = Annotated[str, Field(min_length=1, max_length=500)]


def allowed_ms(milliseconds: float | None, pipeline: Pipeline) -> int:
    """The time that a request gets: what it asks for, where the service allows that; clients ask for minutes.

    Rounded up, it might be more than the service allows.
    """
    most = 1000 * pipeline.settings.deadline_seconds
    return max(1, math.floor(most if milliseconds is None else min(milliseconds, most)))


async def read_one(request: ReadRequest, question: str | None, pipeline: Pipeline) -> ReadPage:
    """The one page of the request; where it is to be pruned for a question then, only if there is room for that, too.

    Raises FetchError and PageError when it can't be had or read, and what `Pipeline.read` raises.
    """
    later = () if question is None else pipeline.stages_of(PruneRequest(query=question))
    (page,) = await pipeline.read(request, later)
    if page.result.status == "failed":
        raise page.failure or NoPageRead(page.result.error or "the page could not be read")
    return page


def notes_of(page: ReadPage, request: ReadRequest) -> tuple[str, ...]:
    """Why there may be less of the page than was hoped for."""
    notes = [page.result.error] if page.result.error else []
    if not page.result.content:
        named = f" where {', '.join(request.select)!r} looks" if request.select else ""
        notes.append(f"there is no text on the page{named}")
    return tuple(notes)


def left_ms(clock: Clock) -> int:
    """Milliseconds of a request's time that are left."""
    return max(1, math.floor(1000 * (clock.end - clock.now())))
