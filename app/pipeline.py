"""From a question to pruned HTML: search, fetch, read, prune, answer. READ THIS FIRST.

    request -> hits -> pages -> node tables -> pruned -> Answer

Plain awaits under one deadline. What takes the processor runs in worker threads (`app.seam`). The method itself is
`pruning.prune.prune_steps`, a generator that does no I/O: it yields what it needs, and is sent what was awaited for it
here. A page that fails costs its own slot (`app.slots`), a model that fails costs its own step and says so
(`Answer.degraded`), and a search provider that fails is an error, since nothing could stand in for it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial

from app.errors import DeadlineExceeded
from app.messages import Answer, CleanedPage, CleanRequest, PruneRequest, SearchRequest, Wanted
from app.parts import Parts
from app.seam import drive, in_thread
from app.settings import Settings
from app.slots import Slot, slots_of_hits, slots_of_pages, slots_of_urls
from pruning.blocks import BlockTree
from pruning.clean import clean_page
from pruning.errors import ModelError, PageError
from pruning.isolate import read_page
from pruning.nodes import NodeTable
from pruning.observe import Event, Observer, unobserved
from pruning.prune import Given, Need, Options, prune_steps
from pruning.result import Pruned
from pruning.tokens import TokenCounter

# The parts of a request's time at which fetching and models must have ended: what comes after them needs the rest.
FETCH_SHARE = 0.5
MODELS_SHARE = 0.8


class Pipeline:
    """Answers requests with the parts that the settings name; one for the whole service."""

    def __init__(self, parts: Parts, settings: Settings, observer: Observer = unobserved) -> None:
        self.parts = parts
        self.settings = settings
        self.observer = observer

    async def search(self, request: SearchRequest) -> Answer:
        """Search for the question, read the pages that are found, and prune them.

        Raises SearchError when the provider fails, InvalidInput, TokenizerError, DeadlineExceeded.
        """
        provider = self.parts.provider(request.provider)
        async with self._deadline() as clock:
            counter = await self.parts.counter(request.tokenizer)
            with self._stage("search"):
                hits = await provider.search(request.for_provider())
            slots = slots_of_hits(hits[: request.max_results])
            return await self._answer(request, slots, counter, clock)

    async def prune(self, request: PruneRequest) -> Answer:
        """Prune the given pages, or those at the given addresses.

        Raises InvalidInput, TokenizerError, DeadlineExceeded.
        """
        slots = slots_of_pages(request.pages) if request.pages else slots_of_urls(request.urls)
        async with self._deadline() as clock:
            counter = await self.parts.counter(request.tokenizer)
            return await self._answer(request, slots, counter, clock)

    async def clean(self, request: CleanRequest) -> CleanedPage:
        """Clean one page. Raises PageError when it can't be read, InvalidInput, TokenizerError, DeadlineExceeded."""
        async with self._deadline():
            counter = await self.parts.counter(request.tokenizer)
            clean = partial(clean_page, limits=self.settings.page_limits(), links=request.links)
            cleaned = await in_thread(clean, request.page)
            tokens = await in_thread(counter.count, cleaned.content)
        return CleanedPage(content=cleaned.content, tokens=tokens, tokenizer=counter.name, removed=cleaned.removed)

    async def _answer(self, request: Wanted, slots: Sequence[Slot], counter: TokenCounter, clock: "Clock") -> Answer:
        """What search and prune share: pages -> node tables -> pruned -> Answer."""
        await self._fetch([slot for slot in slots if slot.page is None], clock)
        with self._stage("read"):
            tables = await asyncio.gather(*(self._read(slot, request.links) for slot in slots))
        pruned = await self._prune(request, tables, counter, clock)
        return Answer(
            query=request.query,
            content=pruned.content,
            format=request.format,
            tokens=pruned.tokens,
            tokenizer=pruned.tokenizer,
            results=tuple(slot.result(source) for slot, source in zip(slots, pruned.sources, strict=True)),
            steps=pruned.steps,
            removed=pruned.removed,
            trace=pruned.trace,
            degraded=pruned.degraded,
            took_ms=clock.milliseconds(),
        )

    async def _fetch(self, slots: Sequence[Slot], clock: "Clock") -> None:
        """Fetch side by side; what has not arrived in time has failed."""
        if not slots:
            return
        until = min(clock.share(FETCH_SHARE), clock.now() + self.settings.fetch_seconds)
        with self._stage("fetch"):
            pages = await self.parts.fetcher.fetch_all([slot.url or "" for slot in slots], deadline=until)
        for slot, page in zip(slots, pages, strict=True):
            slot.fill(page)

    async def _read(self, slot: Slot, links: bool) -> NodeTable:
        """Parse and clean one page; where that fails, what stands in for it."""
        read = partial(read_page, limits=self.settings.page_limits(), links=links)
        assert slot.page is not None
        try:
            return await in_thread(read, slot.page)
        except PageError as error:
            slot.fill(error)
        return await in_thread(read, slot.page)

    async def _prune(
        self, request: Wanted, tables: Sequence[NodeTable], counter: TokenCounter, clock: "Clock"
    ) -> Pruned:
        """The method, with what it needs from the models, as long as there is time."""
        options = self._options(request)
        until = clock.share(MODELS_SHARE)
        reader = await self.parts.path_reader(until) if "generate" in options.steps else None
        tree = await in_thread(BlockTree.from_tables, tables, options.max_words)
        steps = prune_steps(tree, request.query, counter, options, self.observer, reader)
        return await drive(steps, partial(self._supply, until))

    async def _supply(self, until: float, need: Need) -> Given:
        """What the method needs of a model. Raises ModelError, also when the time for models is over."""
        try:
            async with asyncio.timeout_at(until):
                return await self.parts.supply(need, until)
        except TimeoutError:
            raise ModelError("no scores in the time that the request has for them") from None

    def _options(self, request: Wanted) -> Options:
        return Options(
            max_tokens=request.max_tokens,
            format=request.format,
            links=request.links,
            citations=request.citations,
            trace=request.trace,
            steps=request.steps or self.settings.steps,
            max_words=self.settings.max_words,
            sieve=self.settings.sieve,
            limits=self.settings.page_limits(),
        )

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator["Clock"]:
        """The time of one request. Raises DeadlineExceeded when it is over."""
        clock = Clock(self.settings.deadline_seconds)
        try:
            async with asyncio.timeout_at(clock.end):
                yield clock
        except TimeoutError:
            seconds = self.settings.deadline_seconds
            raise DeadlineExceeded(f"the answer was not ready within {seconds:g} s") from None

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        """Tell the observer when a stage starts and ends."""
        start = time.perf_counter()
        self.observer(Event(name, "started"))
        yield
        self.observer(Event(name, "finished", milliseconds=1000 * (time.perf_counter() - start)))


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of one request, on the event loop's clock."""

    seconds: float
    start: float = field(default_factory=lambda: Clock.now())

    @staticmethod
    def now() -> float:
        """The moment, in seconds."""
        return asyncio.get_running_loop().time()

    @property
    def end(self) -> float:
        """The moment at which the time is over."""
        return self.start + self.seconds

    def share(self, part: float) -> float:
        """The moment at which that part of the time is over."""
        return self.start + part * self.seconds

    def milliseconds(self) -> float:
        """How long the request has taken so far."""
        return round(1000 * (self.now() - self.start), 3)
