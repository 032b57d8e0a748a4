"""The budget is never exceeded, and no block is left out that would still have fitted at its turn.

Whatever the tokenizer: two whose tokens end at line breaks, one of WordPiece, one whose tokens reach over all borders.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning import BlockTree, Page, TokenCounter
from pruning.budget import Fit, adds_up, fit, for_explaining
from pruning.context import Context
from pruning.render import Writer, render
from pruning.writers import writer_for
from tests.pruning import corpus, oracle
from tests.pruning.strategies import ANY_PAGES
from tests.pruning.tokenizing import Count

Tokenizer = tuple[TokenCounter, Count]
FORMATS = st.sampled_from(["html", "html", "markdown", "text"])
SIZES = st.sampled_from([1, 2, 5, 20, 100])
BUDGETS = st.one_of(st.integers(0, 60), st.integers(0, 600))
SEEDS = st.integers(0, 2**32 - 1)
SEVERAL = st.lists(ANY_PAGES, min_size=1, max_size=2)


def scores_for(blocks: np.ndarray, seed: int) -> np.ndarray:
    """A score for each block, some of them equal."""
    return np.round(np.random.default_rng(seed).random(len(blocks)), 1).astype(np.float32)


def written(pages: Iterable[str], max_words: int, form: str) -> tuple[Writer, np.ndarray]:
    """The pages' blocks, and a writer of them."""
    tree = BlockTree.from_pages([Page(page, url="https://x.example/", title="A title") for page in pages], max_words)
    return writer_for(form, tree), tree.cut(max_words)


def replayed(
    writer: Writer, blocks: np.ndarray, scores: np.ndarray, count: Count, budget: int, *, context: bool
) -> Fit:
    """The greedy policy, each step of it rendered and counted whole."""
    ranked = [int(blocks[at]) for at in sorted(range(len(blocks)), key=lambda at: -scores[at])]
    around = Context(writer.tree, blocks)

    def context_of(block: int) -> tuple[list[int], list[int]]:
        return (around.table_heads(block), around.over(block)) if context else ([], [])

    scored, explaining = oracle.greedy(
        ranked,
        lambda kept: count(render(writer, kept)) if kept else 0,
        budget,
        context_of,
        writer.tree.split,
        (lambda block: count(writer.piece(block)), for_explaining(budget)),
    )
    content = render(writer, scored | explaining)
    in_order = [tuple(writer.tree.in_order(sorted(part)).tolist()) for part in (scored, explaining)]
    return Fit(content, count(content), *in_order, page_tokens={})


def check_greedy(pages: list[str], max_words: int, form: str, budget: int, seed: int, tokenizer: Tokenizer) -> None:
    """What is kept is what the slow policy keeps; where all fits, that is all of it."""
    counter, count = tokenizer
    for context in (True, False):
        writer, blocks = written(pages, max_words, form)
        scores = scores_for(blocks, seed)
        kept = fit(writer, blocks, scores, counter, budget, context=context)
        expected = replayed(writer, blocks, scores, count, budget, context=context)

        assert expected.content == kept.content
        assert kept.tokens == count(kept.content) <= budget
        if set(kept.kept) != set(blocks.tolist()):
            assert (expected.kept, expected.context) == (kept.kept, kept.context)


@given(pages=SEVERAL, max_words=SIZES, form=FORMATS, budget=BUDGETS, seed=SEEDS)
def test_no_block_is_left_out_that_would_have_fitted(
    tokenizer: Tokenizer, pages: list[str], max_words: int, form: str, budget: int, seed: int
) -> None:
    """Each step replayed with the whole result counted by another counter, with context and without."""
    check_greedy(pages, max_words, form, budget, seed, tokenizer)


@pytest.mark.parametrize("path", corpus.FEW)
@pytest.mark.parametrize(("budget", "max_words"), [(60, 30), (400, 60)])
def test_no_block_of_real_pages_is_left_out(path: Path, budget: int, max_words: int, tokenizer: Tokenizer) -> None:
    """The same on pages that nobody of this project wrote."""
    check_greedy([corpus.read(path).decode("utf-8", "replace")], max_words, "html", budget, 7, tokenizer)


@given(pages=SEVERAL, max_words=SIZES, form=FORMATS, seed=SEEDS)
def test_a_budget_above_the_whole_keeps_everything(
    tokenizer: Tokenizer, pages: list[str], max_words: int, form: str, seed: int
) -> None:
    """To the token: with one less than the whole costs, something is left out."""
    counter, count = tokenizer
    writer, blocks = written(pages, max_words, form)
    whole = render(writer, blocks)
    scores = scores_for(blocks, seed)

    kept = fit(writer, blocks, scores, counter, count(whole))
    assert whole == kept.content
    assert {*blocks.tolist()} == {*kept.kept, *kept.context}
    if whole:
        assert whole != fit(writer, blocks, scores, counter, count(whole) - 1).content


@given(pages=SEVERAL, max_words=SIZES, form=FORMATS, budget=BUDGETS, seed=SEEDS)
def test_nothing_is_kept_twice(
    tokenizer: Tokenizer, pages: list[str], max_words: int, form: str, budget: int, seed: int
) -> None:
    """A kept block is kept for its score or as context, in reading order, and none stands in another."""
    writer, blocks = written(pages, max_words, form)
    kept = fit(writer, blocks, scores_for(blocks, seed), tokenizer[0], budget)
    both = [*kept.kept, *kept.context]

    assert len(both) == len(set(both))
    assert writer.tree.in_order(list(kept.kept)).tolist() == list(kept.kept)
    assert not set(both) & {above for block in both for above in writer.tree.ancestors(block)}


def steps_of(page: str, max_words: int, scores: list[float]) -> list[list[str]]:
    """What is kept of a page's blocks as the budget grows, each time that it changes."""
    writer, blocks = written([page], max_words, "text")
    tree, seen = writer.tree, [[""]]
    for budget in range(120):
        kept = fit(writer, blocks, np.array(scores), TokenCounter.load(), budget)
        texts = [tree.text(block) for block in tree.in_order([*kept.kept, *kept.context])]
        seen += [texts] if texts != seen[-1] else []
    return seen[1:]


def test_the_best_block_is_split_until_a_part_fits() -> None:
    """Its first part that fits is kept, down to a single word. What comes after it is not split: it had its turn."""
    page = "<p>One two three. Four five six.</p><p>seven eight nine ten eleven twelve thirteen</p>"

    assert [
        [],
        ["One"],
        ["One two"],
        ["One two three."],
        ["One two three. Four five six."],
        ["One two three. Four five six.", "seven eight nine ten eleven twelve thirteen"],
    ] == steps_of(page, 7, [2, 1])


def test_context_comes_after_its_block_and_before_worse_ones() -> None:
    """A heading never takes the room of the block that it explains, but it does that of worse blocks."""
    page = "<h2>Heading</h2><p>best block</p><p>a second block of some more words</p>"

    assert [
        [],
        ["best"],
        ["best block"],
        ["Heading", "best block"],
        ["Heading", "best block", "a second block of some more words"],
    ] == steps_of(page, 7, [0, 2, 1])


def test_headings_have_their_share_of_the_budget() -> None:
    """Those of many sections don't push blocks out; a table's header is no heading."""
    sections = "".join(
        f"<section><h2>The long heading of section {number}</h2><p>best {number}</section>" for number in range(20)
    )
    table = "<table><tr><th>One long header of<th>this table<tr><td>best<td>row</table>"
    writer, blocks = written([sections + table], 7, "html")
    text = {block: writer.tree.text(block) for block in blocks.tolist()}
    scores = np.array([float(text[block].startswith("best")) for block in blocks.tolist()])
    kept = fit(writer, blocks, scores, TokenCounter.load(), 260)
    context = [text[block] for block in kept.context]

    assert 15 < len(kept.kept)
    assert ["One long header of this table"] == context[-1:]
    assert 0 < sum(TokenCounter.load().count(writer.piece(block)) for block in kept.context[:-1]) <= for_explaining(260)


def test_a_heading_kept_as_context_is_called_so() -> None:
    """Also where its own turn comes later; what is kept for its own score before is not."""
    writer, blocks = written(["<h2>Heading</h2><p>best</p><p>last, and too long to fit here</p>"], 7, "html")

    for heading, expected in ((1.0, ["Heading"]), (3.0, [])):
        kept = fit(writer, blocks, np.array([heading, 2, 0]), TokenCounter.load(), 42)
        assert 2 == len(kept.kept) + len(kept.context)
        assert expected == [writer.tree.text(block) for block in kept.context]


class GrowsFaster(TokenCounter):
    """Counts as no tokenizer does: two texts together cost more than each by itself."""

    name = "grows faster"

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """The square of the length, by hundreds."""
        return [len(text) ** 2 // 100 for text in texts]


@given(pages=SEVERAL, max_words=SIZES, budget=BUDGETS, seed=SEEDS)
def test_the_budget_holds_for_any_counter(pages: list[str], max_words: int, budget: int, seed: int) -> None:
    """Even where sums of pieces say nothing about the whole."""
    writer, blocks = written(pages, max_words, "text")
    kept = fit(writer, blocks, scores_for(blocks, seed), GrowsFaster(), budget)

    assert kept.tokens == len(kept.content) ** 2 // 100 <= budget


def test_a_block_that_joins_the_tokens_beside_it_is_kept() -> None:
    """Tekken makes one token of a brace, a line break and slashes: together they cost less than each by itself."""
    writer, blocks = written(["<p>}</p><p>// two</p><p>three is longer</p>"], 3, "text")
    counter = TokenCounter.load()
    both = render(writer, blocks[:2])
    alone = [counter.count(writer.piece(block)) for block in blocks[:2].tolist()]
    assert counter.count(both) < counter.count(writer.open_page(0)) + sum(alone)

    assert both == fit(writer, blocks, np.array([3, 2, 1]), counter, counter.count(both)).content


def test_whether_sums_of_pieces_can_be_trusted_is_known(tokenizer: Tokenizer, request: pytest.FixtureRequest) -> None:
    """They can't where the tokenizer begins each text with a space of its own."""
    assert ("unigram" not in request.node.callspec.id) == adds_up(tokenizer[0])


class Counted(TokenCounter):
    """Tekken, with the whole results that it is asked about."""

    name = "counted"

    def __init__(self) -> None:
        self.wholes = 0
        self._counter = TokenCounter.load()

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Counts, and notes a text that is no piece."""
        self.wholes += sum(len(text) > 1_000 for text in texts)
        return self._counter.count_many(texts)


@pytest.mark.parametrize("form", ["html", "markdown", "text"])
def test_whole_results_are_counted_a_bounded_number_of_times(form: str) -> None:
    """However many blocks are as large as what is left of the budget: 3,000 of them, and room for some 250."""
    writer, blocks = written(["<ul>" + "<li>}x" * 3_000], 1, form)
    for budget in range(1_000, 1_005):  # one of them leaves room for not quite one more
        counter = Counted()
        kept = fit(writer, blocks, np.zeros(len(blocks)), counter, budget)

        assert budget - 10 <= kept.tokens <= budget
        assert counter.wholes < 150
