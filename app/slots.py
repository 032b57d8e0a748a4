"""The slots of an answer, one a page: whatever goes wrong with a page stays in its slot."""

import html
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, replace

from app.arrivals import Ended
from app.fetch import FetchTimeout
from app.fetch.cache import KeptPage
from app.fetch.drawing import NotDrawn
from app.messages import Result, Status
from app.search import Hit
from app.search.same_page import page_key
from pruning.document import Page
from pruning.duplicates import duplicates
from pruning.errors import SecateursError
from pruning.nodes import NodeTable
from pruning.parse import node_table
from pruning.result import Pruned, Source


@dataclass(slots=True)
class Slot:
    """The place of one page in an answer, from hit to result.

    Attributes:
        page: `None` until it has arrived.
        shell: the page before its scripts have drawn it, where that is needed.
        from_cache: it was kept from an earlier request.
        stale: it was kept, and its server can't be asked whether it still is as it was.
        failure: what `error` tells, as it was raised.
    """

    id: int
    url: str | None = None
    title: str | None = None
    snippet: str | None = None
    published: str | None = None
    page: Page | None = None
    shell: Page | None = None
    status: Status = "ok"
    error: str | None = None
    failure: SecateursError | None = None
    from_cache: bool = False
    stale: bool = False
    duplicate_of: int | None = None

    def fill(self, page: Page | SecateursError) -> None:
        """Put in the page, or why it can't be had or read: then its snippet stands in, or its shell, or nothing."""
        self.from_cache = self.stale = False
        if isinstance(page, KeptPage):
            self.from_cache, self.stale = True, page.stale
            page = page.plain()
        if isinstance(page, Page):
            self.page = page
            return
        self.failure, self.error = page, " ".join(str(page).split())
        if self.shell is not None and not self.snippet:
            self.page = self.shell  # it may have a title, or a line for readers without scripts
            return
        self.status = "snippet_only" if self.snippet else "failed"
        stand_in = f"<p>{html.escape(self.snippet)}</p>" if self.snippet else ""
        self.page = Page(html=stand_in, url=self.url, title=self.title)

    async def await_page(self, coming: Awaitable[Page]) -> None:
        """Put in the page when it comes, or why it doesn't."""
        try:
            self.fill(await coming)
        except SecateursError as error:
            self.fill(error)

    def take_shell(self) -> Page:
        """The page that has arrived, which is empty until its scripts have run: the slot awaits it once more."""
        assert self.page is not None
        self.shell, self.page = self.page, None
        return self.shell

    def give_up(self, ended: Ended) -> None:
        """Say that the page was no longer waited for: `late`, or `enough` others had arrived."""
        early = "enough other pages had arrived, so this one was not waited for"
        late = "the page did not arrive in the time that the request has for it"
        error = NotDrawn if self.shell else FetchTimeout
        self.fill(error(self.url or "", early if ended == "enough" else late))

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
            from_cache=self.from_cache,
            duplicate_of=self.duplicate_of,
        )


def slots_of_hits(hits: Iterable[Hit]) -> list[Slot]:
    """A slot for each hit; a hit that carries its page needs no fetching."""
    return _each_once(
        Slot(
            id=number,
            url=hit.url,
            title=hit.title,
            snippet=hit.snippet,
            published=hit.published,
            page=hit.page,
        )
        for number, hit in enumerate(hits, 1)
    )


def slots_of_pages(pages: Iterable[Page]) -> list[Slot]:
    """A slot for each given page."""
    return [Slot(id=number, url=page.url, title=page.title, page=page) for number, page in enumerate(pages, 1)]


def slots_of_urls(urls: Iterable[str], first: int = 1) -> list[Slot]:
    """A slot for each page that is still to be fetched; `first` is the number of the first."""
    return _each_once(Slot(id=number, url=url) for number, url in enumerate(urls, first))


def _each_once(slots: Iterable[Slot]) -> list[Slot]:
    """The slots, those of a page that stood before in need of none: it is fetched once."""
    first_of: dict[str, Slot] = {}
    made = list(slots)
    for slot in made:
        first = first_of.setdefault(page_key(slot.url or ""), slot)
        if first is not slot and slot.page is None:
            slot.page = Page("", url=slot.url)
            slot.duplicate_of = first.id
    return made


def distinct(slots: Sequence[Slot], tables: Sequence[NodeTable]) -> list[NodeTable]:
    """The tables, empty for each page that says the same as one before it; its slot names that one."""
    by_id = {slot.id: slot for slot in slots}
    for slot in slots:
        if slot.duplicate_of is not None:  # found twice, and fetched once
            first = by_id[slot.duplicate_of]
            slot.status, slot.error = first.status, first.error
    addresses = [page_key(table.metadata.url) if table.metadata.url else None for table in tables]
    for slot, repeated in zip(slots, duplicates(tables, addresses), strict=True):
        if repeated is not None:
            slot.duplicate_of = slots[repeated].id
    empty = node_table(Page(""))
    return [
        table if slot.duplicate_of is None else replace(empty, metadata=table.metadata, removed=table.removed)
        for slot, table in zip(slots, tables, strict=True)
    ]


def shortfalls(slots: Sequence[Slot], pruned: Pruned, max_tokens: int) -> tuple[str, ...]:
    """Why an answer is empty, or made of snippets alone, although there were pages."""
    told = []
    if slots and all(slot.status != "ok" for slot in slots):
        standing_in = sum(slot.status == "snippet_only" for slot in slots)
        instead = f"{standing_in} search snippets stand in" if standing_in else "nothing stands in for them"
        told.append(f"fetch: none of the {len(slots)} pages could be had, see their errors; {instead}")
    if stale := [slot.id for slot in slots if slot.stale]:
        told.append(f"fetch: the servers of pages {', '.join(map(str, stale))} failed; older copies stand in for them")
    if not pruned.content and any(source.score is not None for source in pruned.sources):
        told.append(f"fit: no part of the pages fits into max_tokens={max_tokens}; the answer is empty")
    return tuple(told)
