"""What readers of one page have in common."""

import asyncio

from app.api.one_page import allowed_ms
from app.messages import Page, ReadRequest
from tests.app.in_process import pipeline_with


def test_no_more_time_than_the_service_allows() -> None:
    """Nor a part of a millisecond more, which would be refused."""

    async def inside() -> tuple[list[int], str]:
        async with pipeline_with(cache=False, deadline_seconds=19.9996) as pipeline:
            allowed = [allowed_ms(asked, pipeline) for asked in (None, 60_000, 1_500.7, 0.2)]
            (page,) = await pipeline.read(ReadRequest(pages=(Page("<p>It is so."),), deadline_ms=allowed[0]))
            return allowed, page.result.status

    assert ([19_999, 19_999, 1_500, 1], "ok") == asyncio.run(inside())
