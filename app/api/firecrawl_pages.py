"""Pages as Firecrawl's clients read them."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from app.convert.links import links_of
from app.messages import CleanRequest, Format, ReadPage, Result
from app.pipeline import Pipeline
from app.seam import in_thread
from app.search import Hit
from pruning.document import Page, utf8

Contents = dict[str, Any]


def forms_of(names: Sequence[str]) -> tuple[Format, ...]:
    """Our formats that these of theirs are made of; one at least."""
    html: tuple[Format, ...] = ("html",) if {"html", "links"} & set(names) else ()
    return ("markdown", *html) if "markdown" in names or not html else html


async def contents_of(page: ReadPage, names: Sequence[str], pipeline: Pipeline) -> Contents:
    """A page that was read, in these formats."""
    told: Contents = {form: page.contents[form] for form in ("markdown", "html") if form in names}
    if "links" in names:
        told["links"] = list(await in_thread(links_of, page.contents["html"]))
    if "rawHtml" in names:
        markup = await in_thread(partial(utf8, limits=pipeline.settings.page_limits()), page.page)
        told["rawHtml"] = markup.decode()
    return told


async def kept_contents(result: Result, names: Sequence[str], form: Format, pipeline: Pipeline) -> Contents:
    """What was kept of a page, in these formats; `form` is the one that it was kept in."""
    if form == "markdown":
        return {"markdown": result.content}
    told: Contents = {"html": result.content} if "html" in names else {}
    if "links" in names:
        told["links"] = list(await in_thread(links_of, result.content))
    if "markdown" in names:
        kept = Page(result.content, url=result.url)
        cleaned = await pipeline.clean(CleanRequest(page=kept, format="markdown", links="links" in names))
        told["markdown"] = cleaned.content
    return told


def row(number: int, found: Hit | Result) -> dict[str, Any]:
    """A page that was found, as their clients read one without its content."""
    return {"url": found.url, "title": found.title, "description": found.snippet or "", "position": number}


def metadata(asked: str, url: str | None, result: Result, description: str | None) -> dict[str, Any]:
    """What is known of a page that was read; what kind of document it was is not kept."""
    told = {
        "title": result.title,
        "description": description,
        "language": result.language,
        "publishedTime": result.published,
        "author": result.author,
        "sourceURL": asked,
        "url": url or asked,
        "statusCode": 200,
        "cacheState": "hit" if result.from_cache else "miss",
    }
    return {name: value for name, value in told.items() if value is not None}
