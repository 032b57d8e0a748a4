"""The slots of an answer, one a page: whatever goes wrong with a page stays in its slot."""

import html
from collections.abc import Iterable
from dataclasses import dataclass

from app.messages import Result, Status
from app.search import Hit
from pruning.document import Page
from pruning.errors import SecateursError
from pruning.result import Source


@dataclass(slots=True)
class Slot:
    """The place of one page in an answer, from hit to result. `page` is `None` until it is fetched."""

    id: int
    url: str | None = None
    title: str | None = None
    snippet: str | None = None
    published: str | None = None
    page: Page | None = None
    status: Status = "ok"
    error: str | None = None

    def fill(self, page: Page | SecateursError) -> None:
        """Put in the page, or why it can't be had or read: its snippet stands in for it then, or nothing."""
        if isinstance(page, Page):
            self.page = page
            return
        self.error = " ".join(str(page).split())
        self.status = "snippet_only" if self.snippet else "failed"
        stand_in = f"<p>{html.escape(self.snippet)}</p>" if self.snippet else ""
        self.page = Page(html=stand_in, url=self.url, title=self.title)

    def result(self, source: Source) -> Result:
        """The slot as it is told, with what was kept of its page."""
        failed = self.status == "failed"
        return Result(
            id=self.id,
            url=self.url or source.url,
            title=source.title or self.title,
            snippet=self.snippet,
            content="" if failed else source.content,
            tokens=0 if failed else source.tokens,
            score=None if failed else source.score,
            published=source.published or self.published,
            author=source.author,
            language=source.language,
            status=self.status,
            error=self.error,
        )


def slots_of_hits(hits: Iterable[Hit]) -> list[Slot]:
    """A slot for each hit; a hit that carries its page needs no fetching."""
    return [
        Slot(
            id=number,
            url=hit.url,
            title=hit.title,
            snippet=hit.snippet,
            published=hit.published,
            page=hit.page,
        )
        for number, hit in enumerate(hits, 1)
    ]


def slots_of_pages(pages: Iterable[Page]) -> list[Slot]:
    """A slot for each given page."""
    return [Slot(id=number, url=page.url, title=page.title, page=page) for number, page in enumerate(pages, 1)]


def slots_of_urls(urls: Iterable[str]) -> list[Slot]:
    """A slot for each page that is still to be fetched."""
    return [Slot(id=number, url=url) for number, url in enumerate(urls, 1)]
