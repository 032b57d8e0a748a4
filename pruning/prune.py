"""The whole method: pages and a question in, pruned HTML within a token budget out. READ THIS SECOND.

    pages -> node tables -> one tree of blocks -> a score for each block -> the blocks that fit -> HTML

`prune_steps` is the method. It is a generator that does no I/O: it yields what it needs (`Similarities`), and is sent
the answer (`Scored`), or has a `ModelError` thrown in and goes on without. `prune` drives it in this process; the
service drives it with awaits (app/pipeline.py).
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pruning.blocks import BlockTree
from pruning.budget import Fit, fit
from pruning.document import Limits, Page
from pruning.embedding import Embedder, Scored, Similarities
from pruning.errors import InvalidInput, ModelError, TokenizerError
from pruning.generative import PathLogprobs, PathModel, PathReader, rank_paths
from pruning.isolate import read_page
from pruning.local.sentence_transformer import default_embedder
from pruning.observe import Event, Observer, stage, unobserved
from pruning.ranking import Candidates, RankBy, Ranked, rank
from pruning.render import Writer
from pruning.result import Format, Pruned, Step, removed, sources, step_of, trace
from pruning.tokens import TokenCounter
from pruning.writers import writer_for

# What may be asked for: the paper's first step alone, or both.
STEPS = (("embed",), ("embed", "generate"))

# A word costs 1.3 to 2 tokens with its tags, so two blocks of the largest size fit into any budget.
_TOKENS_PER_BLOCK_WORD = 4
_LEAST_WORDS = 8
_TOKENS_PER_SIEVE = 1024


@dataclass(frozen=True, slots=True)
class Options:
    """How to prune. For the paper's first step: `rank_by="embedding", max_words=256, sieve=None`.

    Attributes:
        max_tokens: tokens of the result at most, counted whole.
        steps: one of `STEPS`.
        max_words: words in a block of the first step at most; CJK and Thai characters count as words. For budgets below
            160 tokens blocks are smaller.
        rank_by: what the first step ranks blocks by: "both" is their words and the embedding model's opinion of the
            passages around them, "words" asks no model, "embedding" is each block's own similarity, as in the paper.
        fine_words: words in a block of the second step at most.
        coarse_tokens: what the first step keeps for the second, in tokens; None is twice `max_tokens`, as in the paper.
        sieve: passages that the embedding model is asked about at most, chosen by their words; so many again for each
            1,024 tokens of the budget after the first; down to a quarter of that where words alone are almost sure of
            fewer. None asks about all. What that costs and keeps stands in benchmarks/RESULTS.md.
        format: what the result is written in.
        links: keep links and their addresses.
        citations: give each block its id, as `data-block`.
        context: add the headings and table headers of kept blocks.
        trace: tell the fate of every block.
        limits: what each page may cost.
    """

    max_tokens: int = 4096
    steps: tuple[str, ...] = ("embed",)
    max_words: int = 40
    rank_by: RankBy = "both"
    fine_words: int = 128
    coarse_tokens: int | None = None
    sieve: int | None = 32
    format: Format = "html"
    links: bool = False
    citations: bool = False
    context: bool = True
    trace: bool = False
    limits: Limits = field(default_factory=Limits)

    def block_words(self, max_tokens: int) -> int:
        """Words in a block of the first step at most, for a budget: so few that several fit, and each has its score."""
        return min(self.max_words, max(_LEAST_WORDS, max_tokens // _TOKENS_PER_BLOCK_WORD))

    def asked(self, max_tokens: int) -> int | None:
        """Passages that the model is asked about at most, for a budget: a multiple of those that fit into it."""
        return self.sieve and max(self.sieve, self.sieve * max_tokens // _TOKENS_PER_SIEVE)

    def __post_init__(self) -> None:
        if self.max_tokens < 0:
            raise InvalidInput(f"max_tokens must be 0 or more, not {self.max_tokens}")
        if min(self.max_words, self.fine_words) < 1:
            raise InvalidInput(f"blocks need at least one word, not {min(self.max_words, self.fine_words)}")
        if self.steps not in STEPS:
            raise InvalidInput(f"unknown steps {list(self.steps)}; there are {[list(steps) for steps in STEPS]}")


Need = Similarities | PathLogprobs
Given = Scored | Sequence[np.ndarray]
Steps = Generator[Need, Given, Pruned]


def prune(  # noqa: PLR0913 - what is asked, and who answers what
    pages: Sequence[Page | str | bytes],
    question: str,
    *,
    max_tokens: int | None = None,
    embedder: Embedder | None = None,
    path_model: PathModel | None = None,
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
        path_model: scores the blocks again, where `options.steps` has "generate".
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
    steps = prune_steps(tree, question, counter or TokenCounter.load(), options, observer, path_model)
    return _drive(steps, embedder, path_model)


def _page(page: Page | str | bytes) -> Page:
    return page if isinstance(page, Page) else Page(page)


def _drive(steps: Steps, embedder: Embedder | None, path_model: PathModel | None) -> Pruned:
    """Answer what the method needs, until it is done."""
    try:
        need = next(steps)
        while True:
            try:
                answer = _answer(need, embedder, path_model)
            except (ModelError, ImportError) as error:
                need = steps.throw(ModelError(str(error)))
            else:
                need = steps.send(answer)
    except StopIteration as done:
        result: Pruned = done.value
        return result


def _answer(need: Need, embedder: Embedder | None, path_model: PathModel | None) -> Given:
    if isinstance(need, Similarities):
        model = embedder or default_embedder()
        return Scored(model.similarities(need.question, need.passages), model.name)
    assert path_model is not None, "only a path model's own plan asks for probabilities"
    return path_model.logprobs(need)


def prune_steps(
    tree: BlockTree,
    question: str,
    counter: TokenCounter,
    options: Options,
    observer: Observer = unobserved,
    reader: PathReader | None = None,
) -> Steps:
    """The method, as a generator of what it needs. See `prune`.

    Args:
        reader: what planning must know of the model that scores paths; None where there is no such model.

    Raises:
        InvalidInput: an empty question.
        TokenizerError: the counter can't count the result.
    """
    if not question.strip():
        raise InvalidInput("the question is empty")
    task = _Task(writer_for(options.format, tree, citations=options.citations), question, counter, options, observer)
    if options.steps == ("embed",):
        choices = [(yield from task.embed(options.max_tokens))]
    else:
        coarse = yield from task.embed(options.coarse_tokens or 2 * options.max_tokens)
        try:
            choices = [coarse, (yield from task.generate(coarse, reader))]
        except ModelError as error:
            observer(Event("generate", "failed", error=error))
            task.degrade("generate", error, "the embedding step's ranking stands")
            choices = [task.refit(coarse)]
    last = choices[-1]
    return Pruned(
        content=last.kept.content,
        format=options.format,
        tokens=last.kept.tokens,
        tokenizer=counter.name,
        sources=sources(task.writer, last.blocks, last.ranked.scores, last.kept),
        steps=tuple(choice.step for choice in choices),
        degraded=tuple(task.degraded),
        removed=removed(tree),
        trace=trace(task.writer, last.blocks, last.ranked.scores, last.kept, counter) if options.trace else None,
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """What a step chose: from which blocks, by which scores, what fits, and the account of it."""

    blocks: np.ndarray
    ranked: Ranked
    kept: Fit
    step: Step


@dataclass(slots=True)
class _Task:
    """One question to one tree of blocks: the steps, each of which scores blocks and keeps what fits."""

    writer: Writer
    question: str
    counter: TokenCounter
    options: Options
    observer: Observer
    degraded: list[str] = field(default_factory=list)

    def embed(self, max_tokens: int) -> Generator[Need, Given, Choice]:
        """Score blocks by the chance that they hold the answer; where the model fails, by their words alone."""
        self.observer(Event("embed", "started"))
        started = time.perf_counter()
        options = self.options
        blocks = self.writer.tree.cut(options.block_words(max_tokens))
        candidates = Candidates.of(self.writer.tree, blocks, self.question)
        ranked = yield from rank(candidates, options.rank_by, options.asked(max_tokens))
        if ranked.failure:
            self.degrade("embed", ranked.failure, "ranked by BM25 instead")
        return self._chosen("embed", blocks, ranked, max_tokens, started)

    def generate(self, coarse: Choice, reader: PathReader | None) -> Generator[Need, Given, Choice]:
        """Refine what the first step kept, and score it by the paths that a language model would name.

        Raises:
            ModelError: there is no such model, or it failed.
        """
        self.observer(Event("generate", "started"))
        started = time.perf_counter()
        if reader is None:
            raise ModelError("no model that scores paths is configured")
        blocks, scores = self._refined(coarse)
        try:
            ranking = yield from rank_paths(self.writer.tree, blocks, scores, self.question, reader)
        except TokenizerError as error:  # the model's own, not the one that counts
            raise ModelError(str(error)) from error
        ranked = Ranked(ranking.scores, ranking.scores, reader.name, ranking.blocks_read)
        return self._chosen("generate", blocks, ranked, self.options.max_tokens, started)

    def refit(self, coarse: Choice) -> Choice:
        """The first step's choice, as if it had been the only step."""
        kept = self._fit(coarse.blocks, coarse.ranked.ranks, self.options.max_tokens)
        out = len(kept.kept) + len(kept.context)
        return replace(coarse, kept=kept, step=replace(coarse.step, blocks_out=out, tokens_out=kept.tokens))

    def degrade(self, name: str, error: ModelError, instead: str) -> None:
        """Say that a stage failed, and what stands in for it."""
        self.degraded.append(f"{name}: {error}; {instead}")
        self.observer(Event(name, "degraded", detail=str(error), error=error))

    def _refined(self, coarse: Choice) -> tuple[np.ndarray, np.ndarray]:
        """The kept blocks cut finer, each part with the score of its whole."""
        tree = self.writer.tree
        score_of: dict[int, float] = dict(zip(coarse.blocks.tolist(), coarse.ranked.scores.tolist(), strict=True))
        parts: dict[int, float] = {}
        for block in sorted((*coarse.kept.kept, *coarse.kept.context)):
            score = score_of[tree.nearest(block, score_of)]
            parts |= dict.fromkeys(tree.refine(block, self.options.fine_words), score)
        blocks = tree.in_order(list(parts))
        return blocks, np.array([parts[block] for block in blocks.tolist()])

    def _fit(self, blocks: np.ndarray, scores: np.ndarray, max_tokens: int) -> Fit:
        with stage(self.observer, "fit"):
            return fit(self.writer, blocks, scores, self.counter, max_tokens, context=self.options.context)

    def _chosen(self, name: str, blocks: np.ndarray, ranked: Ranked, max_tokens: int, started: float) -> Choice:
        kept = self._fit(blocks, ranked.ranks, max_tokens)
        seconds = time.perf_counter() - started
        step = step_of(name, ranked.model, seconds, self.writer.tree, blocks, ranked.asked, kept)
        self.observer(Event(name, "finished", step.counts(), step.milliseconds))
        return Choice(blocks, ranked, kept, step)
