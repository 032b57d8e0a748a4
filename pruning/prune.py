"""The whole method: pages and a question in, pruned HTML within a token budget out. READ THIS SECOND.

    pages -> node tables -> one tree of blocks -> a score for each block -> the blocks that fit -> HTML

`prune_steps` is the method. It is a generator that does no I/O: it yields what it needs (`Similarities`), and is sent
the answer (`Scored`), or has a `ModelError` thrown in and goes on without. `prune` drives it in this process; the
service drives it with awaits (app/pipeline.py).
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from pruning.blocks import BlockTree
from pruning.budget import Fit, fit
from pruning.document import Limits, Page
from pruning.embedding import Embedder
from pruning.errors import InvalidInput, ModelError
from pruning.isolate import read_page
from pruning.lexical import bm25
from pruning.local.sentence_transformer import default_embedder
from pruning.observe import Event, Observer, unobserved
from pruning.render import Writer, render
from pruning.tokens import TokenCounter
from pruning.writers import writer_for

Format = Literal["html", "markdown", "text"]
Fate = Literal["kept", "context", "dropped"]


@dataclass(frozen=True, slots=True)
class Options:
    """How to prune. The defaults are the paper's first step.

    Attributes:
        max_tokens: tokens of the result at most, counted whole.
        max_words: words in a block at most; CJK and Thai characters count as words.
        steps: the steps to take, in order.
        sieve: blocks that the embedding model is asked about at most, chosen by BM25; None asks about all, as the paper
            does. On the development questions 128 lose nothing against all, at a fifth of the time (benchmarks/LOG.md).
        format: what the result is written in.
        links: keep links and their addresses.
        citations: give each block its id, as `data-block`.
        context: add the headings and table headers of kept blocks.
        trace: tell the fate of every block.
        limits: what each page may cost.
    """

    max_tokens: int = 4096
    max_words: int = 256
    steps: tuple[str, ...] = ("embed",)
    sieve: int | None = 128
    format: Format = "html"
    links: bool = False
    citations: bool = False
    context: bool = True
    trace: bool = False
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.max_tokens < 0:
            raise InvalidInput(f"max_tokens must be 0 or more, not {self.max_tokens}")
        if self.max_words < 1:
            raise InvalidInput(f"max_words must be 1 or more, not {self.max_words}")
        if self.steps != ("embed",):
            raise InvalidInput(f'unknown steps {list(self.steps)}: "embed" is the one there is')


@dataclass(frozen=True, slots=True)
class Similarities:
    """A need: how similar each passage is to the question. The answer is a `Scored`."""

    question: str
    passages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """An answer: float (n,), one score for each passage, and the model that gave them."""

    scores: np.ndarray
    model: str


@dataclass(frozen=True, slots=True)
class Source:
    """One page's part of the result.

    Attributes:
        id: its number, from 1, as in `data-source`.
        content: what was kept of it, a document of its own.
        tokens: of `content`.
        score: of its best block; None for a page without text.
    """

    id: int
    url: str | None
    title: str | None
    published: str | None
    author: str | None
    language: str | None
    content: str
    tokens: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did. `tokens_in` is estimated from the result's tokens per character: only what fits is counted."""

    name: str
    model: str
    milliseconds: float
    blocks_in: int
    blocks_out: int
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class BlockTrace:
    """A block's way through the steps."""

    id: str
    source: int
    path: str
    text: str
    tokens: int
    score: float
    fate: Fate


@dataclass(frozen=True, slots=True)
class Pruned:
    """The result.

    Attributes:
        content: the kept blocks of all pages, in `format`.
        tokens: of `content`, counted whole with `tokenizer`.
        sources: one for each page, in the order given.
        steps: what each step did.
        degraded: stages that did less than was asked for, and why.
        removed: what cleaning took away, by kind.
        trace: every block's fate, in reading order; None unless asked for.
    """

    content: str
    format: Format
    tokens: int
    tokenizer: str
    sources: tuple[Source, ...]
    steps: tuple[Step, ...]
    degraded: tuple[str, ...]
    removed: dict[str, int]
    trace: tuple[BlockTrace, ...] | None = None

    @property
    def html(self) -> str:
        """`content`, where it was asked for as HTML."""
        if self.format != "html":
            raise InvalidInput(f"the result was asked for as {self.format}")
        return self.content


Steps = Generator[Similarities, Scored, Pruned]


def prune(  # noqa: PLR0913 - what is asked, and four ways to say how
    pages: Sequence[Page | str | bytes],
    question: str,
    *,
    max_tokens: int | None = None,
    embedder: Embedder | None = None,
    counter: TokenCounter | None = None,
    options: Options | None = None,
    observer: Observer = unobserved,
) -> Pruned:
    """Prune pages down to what answers the question, within a token budget.

    Args:
        pages: the pages, in the order in which they are to stand.
        question: what is to be answered.
        max_tokens: the budget; `options.max_tokens` where None.
        embedder: scores the blocks; all-MiniLM-L6-v2 in this process where None.
        counter: counts tokens; Tekken where None.
        options: everything else.
        observer: is told what happens.

    Raises:
        PageError: a page exceeds a limit.
        InvalidInput: an empty question, a negative budget.
        TokenizerError: the counter can't count the result.
    """
    options = options or Options()
    if max_tokens is not None:
        options = replace(options, max_tokens=max_tokens)
    tables = [read_page(_page(page), options.limits, links=options.links) for page in pages]
    tree = BlockTree.from_tables(tables, options.max_words)
    steps = prune_steps(tree, question, counter or TokenCounter.load(), options, observer)
    return _drive(steps, embedder)


def _page(page: Page | str | bytes) -> Page:
    return page if isinstance(page, Page) else Page(page)


def _drive(steps: Steps, embedder: Embedder | None) -> Pruned:
    """Answer what the method needs, until it is done."""
    try:
        need = next(steps)
        while True:
            try:
                model = embedder or default_embedder()
                answer = Scored(model.similarities(need.question, need.passages), model.name)
            except (ModelError, ImportError) as error:
                need = steps.throw(ModelError(str(error)))
            else:
                need = steps.send(answer)
    except StopIteration as done:
        return done.value


def prune_steps(
    tree: BlockTree, question: str, counter: TokenCounter, options: Options, observer: Observer = unobserved
) -> Steps:
    """The method, as a generator of what it needs. See `prune`.

    Raises:
        InvalidInput: an empty question.
        TokenizerError: the counter can't count the result.
    """
    if not question.strip():
        raise InvalidInput("the question is empty")
    writer = writer_for(options.format, tree, citations=options.citations)
    blocks = tree.cut(options.max_words)
    degraded: list[str] = []

    observer(Event("embed", "started"))
    started = time.perf_counter()
    try:
        scored = yield from _embed(tree, blocks, question, options)
    except ModelError as error:
        degraded.append(f"embed: {error}; ranked by BM25 instead")
        observer(Event("embed", "degraded", detail=str(error)))
        scored = Scored(bm25(question, [tree.text(block) for block in blocks.tolist()]), "bm25")
    kept = fit(writer, blocks, scored.scores, counter, options.max_tokens, context=options.context)
    step = _step("embed", scored, time.perf_counter() - started, blocks, tree, kept)
    observer(_finished(step))

    return Pruned(
        content=kept.content,
        format=options.format,
        tokens=kept.tokens,
        tokenizer=counter.name,
        sources=_sources(writer, blocks, scored.scores, kept),
        steps=(step,),
        degraded=tuple(degraded),
        removed=_removed(tree),
        trace=_trace(writer, blocks, scored.scores, kept, counter) if options.trace else None,
    )


def _embed(
    tree: BlockTree, blocks: np.ndarray, question: str, options: Options
) -> Generator[Similarities, Scored, Scored]:
    """Score blocks by similarity to the question; behind the sieve, only those that share its words.

    A block that the sieve holds back ranks behind all that passed, by its BM25 score.
    """
    texts = [tree.text(block) for block in blocks.tolist()]
    if not texts:
        return Scored(np.zeros(0, np.float32), "none")
    if options.sieve is None or len(texts) <= options.sieve:
        return _checked((yield Similarities(question, tuple(texts))), len(texts))
    lexical = bm25(question, texts)
    passed = np.sort(np.argsort(-lexical, kind="stable")[: options.sieve])
    answer = _checked((yield Similarities(question, tuple(texts[number] for number in passed.tolist()))), len(passed))
    scores = lexical / (1 + lexical.max()) - 2  # below every cosine
    scores[passed] = answer.scores
    return Scored(scores, answer.model)


def _checked(answer: Scored, expected: int) -> Scored:
    scores = np.asarray(answer.scores, np.float32)
    if scores.shape != (expected,) or not np.isfinite(scores).all():
        raise ModelError(f"{answer.model} gave no usable score for each of {expected} blocks")
    return Scored(scores, answer.model)


def _step(name: str, scored: Scored, seconds: float, blocks: np.ndarray, tree: BlockTree, kept: Fit) -> Step:
    characters = int((tree.stop[blocks] - tree.start[blocks]).sum())
    per_token = len(kept.content) / kept.tokens if kept.tokens else 4.0  # characters; 4 is usual for English
    return Step(
        name=name,
        model=scored.model,
        milliseconds=round(1000 * seconds, 3),
        blocks_in=len(blocks),
        blocks_out=len(kept.kept) + len(kept.context),
        tokens_in=round(characters / per_token),
        tokens_out=kept.tokens,
    )


def _finished(step: Step) -> Event:
    counts = {name: getattr(step, name) for name in ("blocks_in", "blocks_out", "tokens_in", "tokens_out")}
    return Event(step.name, "finished", counts, step.milliseconds)


def _sources(writer: Writer, blocks: np.ndarray, scores: np.ndarray, kept: Fit) -> tuple[Source, ...]:
    tree = writer.tree
    chosen = tree.in_order([*kept.kept, *kept.context])
    sources = []
    for page, table in enumerate(tree.tables):
        mine = scores[tree.page[blocks] == page]
        about = table.metadata
        sources.append(
            Source(
                id=page + 1,
                url=about.url,
                title=about.title,
                published=about.published,
                author=about.author,
                language=about.language,
                content=render(writer, chosen[tree.page[chosen] == page], joined=False),
                tokens=kept.page_tokens.get(page, 0),
                score=float(mine.max()) if len(mine) else None,
            )
        )
    return tuple(sources)


def _removed(tree: BlockTree) -> dict[str, int]:
    removed: dict[str, int] = {}
    for table in tree.tables:
        for kind, number in table.removed.items():
            removed[kind] = removed.get(kind, 0) + number
    return removed


def _trace(
    writer: Writer, blocks: np.ndarray, scores: np.ndarray, kept: Fit, counter: TokenCounter
) -> tuple[BlockTrace, ...]:
    """Every scored block; where the best one was split to fit, its kept parts with its score."""
    tree = writer.tree
    score_of = dict(zip(blocks.tolist(), scores.tolist(), strict=True))
    for part in (block for block in kept.kept if block not in score_of):
        score_of[part] = next(score_of[above] for above in tree.ancestors(part) if above in score_of)
    fates: dict[int, Fate] = dict.fromkeys(kept.kept, "kept") | dict.fromkeys(kept.context, "context")  # type: ignore[assignment]
    ordered = tree.in_order(list(score_of)).tolist()
    tokens = counter.count_many([writer.piece(block) for block in ordered])
    return tuple(
        BlockTrace(
            id=tree.name(block),
            source=int(tree.page[block]) + 1,
            path=tree.path(block),
            text=tree.text(block),
            tokens=count,
            score=score_of[block],
            fate=fates.get(block, "dropped"),
        )
        for block, count in zip(ordered, tokens, strict=True)
    )
