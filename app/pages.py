"""From slots to node tables: pages are fetched side by side, and each is read as soon as it has arrived."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from app.arrivals import Patience, arrivals
from app.clock import FETCH_SHARE, READ_SHARE, Clock
from app.fetch.drawing import drawn
from app.fetch.shell import embedded_text, is_shell
from app.parts import Parts
from app.seam import in_thread
from app.settings import Settings
from app.slots import Slot
from pruning.document import Page
from pruning.errors import PageError, PageTimeout
from pruning.nodes import NodeTable
from pruning.observe import Event, Observer, asking, stage
from pruning.parse import node_table

_LEAST_SECONDS = 0.001  # a limit of no time at all is refused


@dataclass(frozen=True, slots=True)
class Pages:
    """Fetches and reads the pages of one request. Whatever happens to a page stays in its slot.

    Attributes:
        slots: one a page; those that have their page already are only read.
        links: keep links.
        early: the answer may go when enough good pages have arrived.
        fresh: fetch each page anew.
    """

    slots: Sequence[Slot]
    parts: Parts
    settings: Settings
    clock: Clock
    observer: Observer
    links: bool = False
    early: bool = False
    fresh: bool = False

    async def tables(self) -> list[NodeTable]:
        """A table for each slot, in their order; for a page that failed or is late, of what stands in for it."""
        async with asyncio.TaskGroup() as group:
            reading = {slot.id: group.create_task(self._read_given(slot)) for slot in self.slots if slot.page}
            awaited = [slot for slot in self.slots if slot.page is None]
            if awaited:
                with stage(self.observer, "fetch"):
                    reading |= await self._fetch(awaited, group)
            with stage(self.observer, "read"):
                return [await reading[slot.id] for slot in self.slots]

    async def _fetch(self, slots: Sequence[Slot], group: asyncio.TaskGroup) -> dict[int, asyncio.Task[NodeTable]]:
        """Fill the slots; each is read by a task of the group from then on."""
        reading: dict[int, asyncio.Task[NodeTable]] = {}
        until = min(self.clock.share(FETCH_SHARE), self.clock.now() + self.settings.fetch_seconds)

        async def read(slot: Slot) -> NodeTable:
            reading[slot.id] = group.create_task(self._read(slot))
            # Shielded: when waiting for pages ends, this one has arrived and is still read.
            return await asyncio.shield(reading[slot.id])

        async def arrive(slot: Slot) -> bool:
            await slot.await_page(self._fetched(slot.url or "", until))
            if self.parts.cache is not None:
                hit = int(slot.from_cache)
                self.observer(Event("fetch", "cache", {"hits": hit, "misses": 1 - hit}))
            table = await read(slot)
            if await self._is_shell(slot, table):
                await slot.await_page(drawn(slot.take_shell(), self.parts.browser, until, self.observer))
                table = await read(slot)
            return slot.status == "ok" and not slot.error and bool(table.words[0])

        ended = await arrivals([partial(arrive, slot) for slot in slots], self._patience(len(slots), until))
        for slot in slots:
            if slot.page is None:
                slot.give_up(ended)
                reading[slot.id] = group.create_task(self._read(slot))
        return reading

    async def _fetched(self, url: str, until: float) -> Page:
        with asking(self.observer, "web"):
            return await self.parts.fetcher.fetch(url, deadline=until, fresh=self.fresh)

    def _patience(self, awaited: int, until: float) -> Patience:
        enough = self.settings.fetch_enough if self.early else 1.0
        return Patience(until, enough, self.settings.fetch_grace_seconds, given=len(self.slots) - awaited)

    async def _read_given(self, slot: Slot) -> NodeTable:
        """Read a page that came with its slot; no browser is asked for one that is empty until its scripts have run."""
        table = await self._read(slot)
        if not await self._is_shell(slot, table):
            return table
        shell = slot.take_shell()
        article = await in_thread(embedded_text, shell)
        slot.fill(article or shell)
        return await self._read(slot) if article else table

    @staticmethod
    async def _is_shell(slot: Slot, table: NodeTable) -> bool:
        return slot.status == "ok" and slot.page is not None and await in_thread(is_shell, slot.page, table)

    async def _read(self, slot: Slot) -> NodeTable:
        """Parse and clean one page within its share of the time; where that fails, what stands in for it."""
        assert slot.page is not None
        until = self.clock.share(READ_SHARE)
        limits = self.settings.page_limits()
        # A thread can't be cancelled, so it is told when to end by itself.
        left = max(_LEAST_SECONDS, until - self.clock.now())
        timed = replace(limits, seconds=min(limits.seconds, left))
        try:
            async with asyncio.timeout_at(until):
                return await self.parts.tables.read(slot.page, timed, links=self.links, observer=self.observer)
        except PageError as error:
            slot.fill(error)
        except TimeoutError:
            slot.fill(PageTimeout("the page was not read in the time that the request has for it"))
        # Here and not in a thread: a snippet takes a millisecond, and all threads may be at work on slow pages.
        return node_table(slot.page, limits, links=self.links)
