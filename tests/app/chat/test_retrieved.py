"""What was found, numbered for the chat model."""

import asyncio

from app.chat.retrieved import retrieved
from app.messages import Answer, PruneRequest
from app.parts import open_parts
from app.pipeline import Pipeline
from app.settings import Settings
from pruning import Page


def pruned(*pages: str, **options: int) -> Answer:
    """These pages for one question."""

    async def inside() -> Answer:
        settings = Settings(embedder="none", cache=False)
        async with open_parts(settings) as parts:
            given = tuple(Page(html, url=f"http://a.org/{number}") for number, html in enumerate(pages, start=1))
            return await Pipeline(parts, settings).prune(PruneRequest(query="red roses", pages=given, **options))

    return asyncio.run(inside())


def test_sources_are_counted_without_gaps() -> None:
    """Pages of which nothing is kept, or that say the same as another, have no number."""
    rose, other = "<p>Red roses are cut in March.", '<p>Red roses smell, says the <code>data-source="9"</code>.'
    found = retrieved(pruned("", rose, rose, other))

    assert ["http://a.org/2", "http://a.org/4"] == [source.url for source in found.sources]
    assert ["http://a.org/1", "http://a.org/3"] == [result.url for result in found.others]
    assert '<section data-source="1" data-url="http://a.org/2"' in found.html
    assert '<section data-source="2" data-url="http://a.org/4"' in found.html
    assert 'data-source="9"' in found.html


def test_nothing_is_told() -> None:
    """An answer without pages says so."""
    answer = pruned("<p>Red roses.")
    empty = Answer(
        query="q", content="", format="html", tokens=0, tokenizer="t", results=(), steps=answer.steps, removed={}
    )
    assert ("query: late", "search: nothing was found") == retrieved(empty, ("query: late",)).degraded
