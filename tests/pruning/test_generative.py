"""The generative step: what a model is asked about a page, what it reads of it, and the scores it gives."""

import re
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning import BlockTree, Page
from pruning.errors import ModelError
from pruning.generative import PathLogprobs, Plan, plan_paths, rank_paths, score_paths
from pruning.prompt import Prompt
from tests.pruning.strategies import ANY_PAGES

QUESTION = "why?"
PAGE_LISTS = st.lists(ANY_PAGES, min_size=1, max_size=3)
SEEDS = st.integers(0, 2**32 - 1)


class Characters:
    """A tokenizer with an id for each character."""

    def encode(self, text: str) -> list[int]:
        """As the protocol says."""
        return [ord(character) for character in text]

    encode_template = encode


@dataclass
class Reader:
    """A model, as far as planning needs one: it reads characters."""

    name: str = "reader"
    tokenizer: Characters = field(default_factory=Characters)
    prompt: Prompt = field(default_factory=lambda: Prompt("{html}\n{question}\n"))
    context_length: int = 10**9


def tree_of(*pages: str, max_words: int = 4) -> tuple[BlockTree, np.ndarray]:
    """The tree of these pages, and its blocks."""
    tree = BlockTree.from_pages([Page(page) for page in pages], max_words)
    return tree, tree.cut(max_words)


def answer(plan: Plan, seed: int = 0) -> list[np.ndarray]:
    """Random logits for whatever is asked."""
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 3, len(children)) for children in plan.need.children]


def spelled(ids: tuple[int, ...]) -> str:
    """Characters of their ids."""
    return "".join(map(chr, ids))


def test_the_prompt_and_where_paths_part() -> None:
    """The model reads the numbered HTML and the question, and is asked wherever paths part."""
    tree, blocks = tree_of("<h1>A b</h1><p>c d e</p><p>f g h</p>")

    plan = plan_paths(tree, blocks, np.zeros(3), QUESTION, Reader())

    page = "<html><body><h1>A b</h1><p0>c d e</p0><p1>f g h</p1></body></html>"
    assert page == plan.html
    assert f"{page}\nwhy?\n" == spelled(plan.need.context)
    assert ["<html><body><", "<html><body><p"] == [spelled(prefix) for prefix in plan.need.prefixes]
    assert ["hp", "01"] == [spelled(children) for children in plan.need.children]
    assert ("<html><body><h1>", "<html><body><p0>", "<html><body><p1>") == plan.paths


def test_scores_are_sums_along_paths() -> None:
    """The probability of a path is the product of its steps, each among siblings only."""
    tree, blocks = tree_of("<h1>A b</h1><p>c d e</p><p>f g h</p>")
    plan = plan_paths(tree, blocks, np.zeros(3), QUESTION, Reader())

    ranking = score_paths(plan, [np.log([0.1, 0.3]), np.log([4, 6])])

    assert np.allclose([0.25, 0.75 * 0.4, 0.75 * 0.6], np.exp(ranking.scores))
    assert (3, len(plan.need.context), 2) == (ranking.blocks_read, ranking.tokens_read, ranking.branchings)


@given(PAGE_LISTS, st.sampled_from([1, 4, 16]), SEEDS)
def test_the_probabilities_of_all_blocks_sum_to_one(pages: list[str], max_words: int, seed: int) -> None:
    """Whatever the pages and the answer."""
    tree, blocks = tree_of(*pages, max_words=max_words)
    plan = plan_paths(tree, blocks, np.zeros(len(blocks)), QUESTION, Reader())

    scores = score_paths(plan, answer(plan, seed)).scores

    assert plan.read.all()
    assert np.isclose(1 if len(blocks) else 0, np.exp(scores).sum())


@given(PAGE_LISTS, SEEDS)
def test_the_order_of_blocks_does_not_matter(pages: list[str], seed: int) -> None:
    """Each block gets its own score, in whatever order they are given."""
    tree, blocks = tree_of(*pages)
    order = np.random.default_rng(seed).permutation(len(blocks))
    plan = plan_paths(tree, blocks, np.zeros(len(blocks)), QUESTION, Reader())
    shuffled = plan_paths(tree, blocks[order], np.zeros(len(blocks)), QUESTION, Reader())

    assert plan.need == shuffled.need
    found = score_paths(shuffled, answer(shuffled)).scores
    assert np.allclose(score_paths(plan, answer(plan)).scores[order], found)


def test_nothing_is_asked_about_a_single_block() -> None:
    """Who has no choice is not asked: the generator ends at once."""
    for page, scores in (("<p>one</p>", [0.0]), ("", [])):
        tree, blocks = tree_of(page)
        with pytest.raises(StopIteration) as done:
            next(rank_paths(tree, blocks, np.zeros(len(blocks)), QUESTION, Reader()))
        assert scores == done.value.value.scores.tolist()


def test_the_generator_asks_once() -> None:
    """It yields one need, and returns the ranking when it is sent the answer."""
    tree, blocks = tree_of("<p>a a</p><p>b b</p>", max_words=2)
    steps = rank_paths(tree, blocks, np.zeros(2), QUESTION, Reader())

    need = next(steps)
    with pytest.raises(StopIteration) as done:
        steps.send([np.array([0.0, np.log(3)])])

    assert isinstance(need, PathLogprobs)
    assert np.allclose([0.25, 0.75], np.exp(done.value.value.scores))


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [np.zeros(2)],
        [np.zeros(2), np.zeros(2), np.zeros(2)],
        [np.zeros(3), np.zeros(2)],
        [np.zeros((2, 1)), np.zeros(2)],
        [np.array([0, np.nan]), np.zeros(2)],
        [np.array([0, np.inf]), np.zeros(2)],
        [np.array([0, -np.inf]), np.zeros(2)],
    ],
    ids=["none", "too few", "too many", "too long", "of two axes", "nan", "inf", "-inf"],
)
def test_an_answer_that_makes_no_sense(wrong: list[np.ndarray]) -> None:
    """A model that answers something else than what it was asked is a failed model."""
    tree, blocks = tree_of("<h1>A b</h1><p>c d e</p><p>f g h</p>")
    plan = plan_paths(tree, blocks, np.zeros(3), QUESTION, Reader())

    with pytest.raises(ModelError, match="no usable answer for each of 2 branching nodes"):
        score_paths(plan, wrong)


TEXT = re.compile("(?<=>)[^<>]+(?=<)")
LONG = "".join(f"<section><h2>Part {part}</h2>" + "<p>one two three four</p>" * 5 + "</section>" for part in range(8))


@pytest.mark.parametrize("context_length", [250, 300, 400, 500, 700, 900, 1100, 1300])
def test_a_page_longer_than_the_context_is_read_best_first(context_length: int) -> None:
    """Blocks are read whole or not at all, the best first, and as many as fit with the longest path behind."""
    tree, blocks = tree_of(LONG, "<p>another page</p>")
    coarse = np.random.default_rng(context_length).permutation(len(blocks)).astype(float)

    plan = plan_paths(tree, blocks, coarse, QUESTION, Reader(context_length=context_length))

    taken = len(plan.need.context) + max(map(len, plan.paths))
    assert context_length - 60 <= taken <= context_length, "room for one block is at most 60 characters"
    assert 0 < plan.read.sum() == len(plan.paths) < len(blocks)
    assert [tree.text(block) for block in blocks[plan.read].tolist()] == TEXT.findall(plan.html)
    # The best ones, but for a few that did not fit with the tags around them when their turn came.
    best = np.sort(coarse)[::-1][: plan.read.sum()]
    assert 0.9 * best.sum() <= coarse[plan.read].sum()


@given(PAGE_LISTS, st.integers(20, 600), SEEDS)
def test_what_is_read_never_exceeds_the_context(pages: list[str], context_length: int, seed: int) -> None:
    """For any pages: a prompt that fits with each of its paths, or an error if no block would."""
    tree, blocks = tree_of(*pages)
    coarse = np.random.default_rng(seed).normal(size=len(blocks))
    alone = [plan_paths(tree, blocks[[number]], coarse[[number]], QUESTION, Reader()) for number in range(len(blocks))]
    least = min((len(plan.need.context) + len(plan.paths[0]) for plan in alone), default=0)
    try:
        plan = plan_paths(tree, blocks, coarse, QUESTION, Reader(context_length=context_length))
    except ModelError:
        # Beside others, a block has a longer name, wrappers around it, and room is kept for the longest path.
        longest = max(map(len, plan_paths(tree, blocks, coarse, QUESTION, Reader()).paths))
        assert context_length < least + 3 * longest
    else:
        assert least <= len(plan.need.context) + max(map(len, plan.paths), default=0) <= context_length
        assert plan.read.sum() == len(plan.paths)


def test_what_was_not_read_ranks_behind() -> None:
    """Blocks that the model has not seen follow all others, in the order of their coarse scores."""
    tree, blocks = tree_of(LONG)
    coarse = np.random.default_rng(0).permutation(len(blocks)).astype(float)
    plan = plan_paths(tree, blocks, coarse, QUESTION, Reader(context_length=600))

    ranking = score_paths(plan, answer(plan))

    unread = ranking.scores[~plan.read]
    assert np.isfinite(ranking.scores).all()
    assert unread.max() < ranking.scores[plan.read].min()
    assert np.argsort(coarse[~plan.read]).tolist() == np.argsort(unread).tolist()
    assert (int(plan.read.sum()), len(plan.need.context)) == (ranking.blocks_read, ranking.tokens_read)
    assert np.isclose(1, np.exp(ranking.scores[plan.read]).sum())


def test_no_room_for_any_block() -> None:
    """A question that fills the context is a model that can't be used, not an endless search."""
    tree, blocks = tree_of(LONG)

    with pytest.raises(ModelError, match="no block fits the context of reader, 300 tokens, beside the question"):
        plan_paths(tree, blocks, np.zeros(len(blocks)), "why? " * 100, Reader(context_length=300))


def test_the_page_and_the_question_are_read() -> None:
    """Both are in the context of every node that is asked about."""
    tree, blocks = tree_of("<p>c d e</p><p>f g h</p>")
    one = plan_paths(tree, blocks, np.zeros(2), "one?", Reader()).need.context

    assert one != plan_paths(tree, blocks, np.zeros(2), "two?", Reader()).need.context
    assert "c d e" in spelled(one)
    assert "one?" in spelled(one)


class TwoCharacters(Characters):
    """A tokenizer that knows few characters, so that different paths can look the same to it."""

    def encode(self, text: str) -> list[int]:
        """As the protocol says."""
        return [int(character == "p") for character in text]


def test_paths_that_the_tokenizer_can_not_tell_apart() -> None:
    """They share what the model says of them, and all together are certain all the same."""
    tree, blocks = tree_of("<h1>A b</h1><p>c d e</p><p>f g h</p>")
    plan = plan_paths(tree, blocks, np.zeros(3), QUESTION, Reader(tokenizer=TwoCharacters()))

    ranking = score_paths(plan, [np.log([0.4, 0.6])])

    assert np.allclose([0.4, 0.3, 0.3], np.exp(ranking.scores))
