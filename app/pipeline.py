"""From a question to pruned HTML: search, fetch, read, prune, answer. READ THIS FIRST.

    request -> hits -> pages -> node tables, each content once -> pruned -> Answer

Plain awaits under one deadline. What takes the processor runs in worker threads (`app.seam`). The method itself is
`pruning.prune.prune_steps`, a generator that does no I/O: it yields what it needs, and is sent what was awaited for it
here. A page that fails or is late costs its own slot (`app.slots`), a model that fails costs its own step and says so
(`Answer.degraded`), and a search provider that fails is an error, since nothing could stand in for it. Where there are
too many requests, one more is refused before anything is done for it (`app.admission`).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import anyio

from app.admission import Admission, Places
from app.clock import MODELS_SHARE, PROVIDER_SHARE, SEARCH_SHARE, Clock, caller
from app.errors import DeadlineExceeded
from app.messages import Answer, CleanedPage, CleanRequest, PruneRequest, ReadPage, ReadRequest, SearchRequest, Wanted
from app.pages import Pages
from app.parts import Parts
from app.reading import read_slot
from app.seam import drive, in_thread
from app.search import Found, SearchError, search
from app.settings import Settings
from app.slots import Slot, distinct, shortfalls, slots_of_hits, slots_of_pages, slots_of_urls
from pruning.blocks import BlockTree
from pruning.clean import clean_page
from pruning.errors import InvalidInput, ModelError
from pruning.nodes import NodeTable
from pruning.observe import Event, Observer, stage, unobserved
from pruning.prune import Given, Need, Options, prune_steps
from pruning.result import Pruned
from pruning.tokens import TokenCounter


class Pipeline:
    """Answers requests with the parts that the settings name; one for the whole service."""

    def __init__(self, parts: Parts, settings: Settings, observer: Observer = unobserved) -> None:
        self.parts = parts
        self.settings = settings
        self.observer = observer
        self.admission = Admission.of(settings, observer)

    async def search(self, request: SearchRequest) -> Answer:
        """Search for the question, read the pages that are found, and prune them.

        Raises SearchError when the provider fails, InvalidInput, TokenizerError, DeadlineExceeded, Busy.
        """
        answer, _ = await self.search_and_read(request, None)
        return answer

    async def search_and_read(
        self, request: SearchRequest, reading: ReadRequest | None
    ) -> tuple[Answer, tuple[ReadPage, ...]]:
        """The same, and each page of the answer as `reading` says, but for where it is; none without it."""
        async with self._under_way(request.deadline_ms, *self.stages_of(request)) as (clock, places):
            counter = await self.parts.counter(request.tokenizer)
            found = await self._found(request, clock)
            places.leave("search")
            slots = slots_of_hits(found.hits[: request.max_results])
            tables = await self._tables(request, slots, clock, places)
            answer = await self._answer(request, slots, tables, counter, clock)
            places.leave("embed", "generate")
            answer = replace(answer, degraded=(*(f"search: {note}" for note in found.degraded), *answer.degraded))
            return answer, await self._read(reading, slots, tables, counter) if reading else ()

    async def find(self, request: SearchRequest, later: Sequence[str] = ()) -> Found:
        """Search for the question, and read nothing of what is found; `later` as in `read`.

        Raises SearchError when the provider fails, InvalidInput, DeadlineExceeded, Busy.
        """
        async with self._under_way(request.deadline_ms, "search", later=later) as (clock, _):
            found = await self._found(request, clock)
        return replace(found, hits=found.hits[: request.max_results])

    async def prune(self, request: PruneRequest) -> Answer:
        """Prune the given pages and those at the given addresses.

        Raises InvalidInput, TokenizerError, DeadlineExceeded, Busy.
        """
        slots = _slots(request)
        async with self._under_way(request.deadline_ms, *self.stages_of(request)) as (clock, places):
            counter = await self.parts.counter(request.tokenizer)
            tables = await self._tables(request, slots, clock, places)
            return await self._answer(request, slots, tables, counter, clock)

    async def clean(self, request: CleanRequest) -> CleanedPage:
        """Clean one page.

        Raises PageError when it can't be read, InvalidInput, TokenizerError, DeadlineExceeded, Busy.
        """
        async with self._under_way(None, "prune"):
            counter = await self.parts.counter(request.tokenizer)
            limits = self.settings.page_limits()
            clean = partial(clean_page, limits=limits, links=request.links, form=request.format)
            with stage(self.observer, "clean"):
                cleaned = await in_thread(clean, request.page)
            tokens = await in_thread(counter.count, cleaned.content)
        return CleanedPage(content=cleaned.content, tokens=tokens, tokenizer=counter.name, removed=cleaned.removed)

    async def read(self, request: ReadRequest, later: Sequence[str] = ()) -> tuple[ReadPage, ...]:
        """Read pages without a question. One that can't be had is `failed`, as in every answer.

        Args:
            request: what to read.
            later: stages that the caller's request comes to after it. Where one of them is full, it isn't let in.

        Raises InvalidInput, PageError, TokenizerError, DeadlineExceeded, Busy.
        """
        slots = _slots(request)
        stages = ("fetch", "prune") if request.urls else ("prune",)
        async with self._under_way(request.deadline_ms, *stages, later=later) as (clock, places):
            counter = await self.parts.counter(request.tokenizer)
            about = (request.links, False, request.fresh)
            tables = await Pages(slots, self.parts, self.settings, clock, self.observer, *about).tables()
            places.leave("fetch")
            return await self._read(request, slots, tables, counter)

    def stages_of(self, request: Wanted) -> tuple[str, ...]:
        """The stages that a request passes through to its answer."""
        steps = request.steps or self.settings.steps
        search = ("search", "fetch") if isinstance(request, SearchRequest) else ()
        fetch = ("fetch",) if isinstance(request, PruneRequest) and request.urls else ()
        embed = ("embed",) if self.settings.embedder != "none" else ()
        generate = ("generate",) if "generate" in steps else ()
        return (*search, *fetch, "prune", *embed, *generate)

    async def _found(self, request: SearchRequest, clock: Clock) -> Found:
        """What the provider finds. Raises SearchError, also when it hangs, and InvalidInput."""
        provider = self.parts.provider(request.provider)
        expansion = self.parts.expansion(request.sub_questions)
        until = min(clock.share(PROVIDER_SHARE), clock.now() + self.settings.search_seconds)
        try:
            with stage(self.observer, "search"), anyio.fail_after(clock.share(SEARCH_SHARE) - clock.now()):
                found = await search(provider, request.for_provider(), expansion, until)
        except TimeoutError:
            seconds = SEARCH_SHARE * clock.seconds
            raise SearchError(provider.name, f"no answer within the {seconds:g} s that a search may take") from None
        for note in found.degraded:
            self.observer(Event("search", "degraded", detail=note))
        return found

    async def _tables(
        self, request: Wanted, slots: Sequence[Slot], clock: Clock, places: Places
    ) -> Sequence[NodeTable]:
        """What search and prune share: pages -> node tables."""
        early = isinstance(request, SearchRequest)  # who names pages wants each of them
        pages = Pages(slots, self.parts, self.settings, clock, self.observer, request.links, early, request.fresh)
        arrived = await pages.tables()
        places.leave("fetch")
        return arrived

    async def _answer(
        self, request: Wanted, slots: Sequence[Slot], arrived: Sequence[NodeTable], counter: TokenCounter, clock: Clock
    ) -> Answer:
        """What search and prune share, too: node tables, each content once -> pruned -> Answer."""
        tables = await in_thread(distinct, slots, arrived)
        pruned = await self._prune(request, tables, counter, clock)
        short = shortfalls(slots, pruned, request.max_tokens)
        for note in short:
            name, _, detail = note.partition(": ")
            self.observer(Event(name, "degraded", detail=detail))
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
            degraded=(*short, *pruned.degraded),
            took_ms=clock.milliseconds(),
        )

    async def _read(
        self, request: ReadRequest, slots: Sequence[Slot], tables: Sequence[NodeTable], counter: TokenCounter
    ) -> tuple[ReadPage, ...]:
        """Pages as they are read without a question. Raises InvalidInput, PageError, TokenizerError."""
        read = partial(read_slot, request, counter, self.settings.page_limits())
        with stage(self.observer, "extract"):
            return tuple(await asyncio.gather(*map(partial(in_thread, read), slots, tables)))

    async def _prune(self, request: Wanted, tables: Sequence[NodeTable], counter: TokenCounter, clock: Clock) -> Pruned:
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
    async def _under_way(
        self, milliseconds: int | None, *stages: str, later: Sequence[str] = ()
    ) -> AsyncIterator[tuple[Clock, Places]]:
        """A request's time and its places in the stages. Raises what `_deadline` raises, and Busy at once."""
        with self.admission.admit(stages, later) as places:
            async with self._deadline(milliseconds) as clock:
                yield clock, places

    @asynccontextmanager
    async def _deadline(self, milliseconds: int | None = None) -> AsyncIterator[Clock]:
        """The time of one request. Raises DeadlineExceeded when it is over, InvalidInput where it can't be had."""
        longest = self.settings.deadline_seconds
        if milliseconds is not None and milliseconds > 1000 * longest:
            allowed = f"this service allows at most {1000 * longest:g}"
            raise InvalidInput(f"deadline_ms is {milliseconds}; {allowed} (SECATEURS_DEADLINE_SECONDS)")
        seconds = longest if milliseconds is None else milliseconds / 1000
        clock = Clock(max(0.0, min(seconds, caller().begun - Clock.now())))
        try:
            async with asyncio.timeout_at(clock.end):
                yield clock
        except TimeoutError:
            raise DeadlineExceeded(f"the answer was not ready within {clock.seconds:.4g} s") from None


def _slots(request: PruneRequest | ReadRequest) -> list[Slot]:
    """The pages that were given, then those to be fetched."""
    return [*slots_of_pages(request.pages), *slots_of_urls(request.urls, len(request.pages) + 1)]
