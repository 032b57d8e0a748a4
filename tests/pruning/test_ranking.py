"""The ranking: chances of blocks, which passages the model is asked about, and whose word counts without one."""

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning import BlockTree, ModelError, Page, Scored, Similarities
from pruning.ranking import Candidates, Ranked, once, per_token, rank
from tests.pruning.strategies import ANY_PAGES, QUESTIONS

TOWNS = ["Ely", "Ware", "Ryde", "Hove", "Diss", "Bude"]
PAGE = "<title>Trains</title>" + "".join(f"<h2>{town}</h2><p>{'One goes daily. ' * 20}" for town in TOWNS)


def candidates(question: str, *pages: str, max_words: int = 40) -> Candidates:
    """All blocks of the pages."""
    tree = BlockTree.from_pages([Page(page) for page in pages], max_words)
    return Candidates.of(tree, tree.cut(max_words), question)


def ranked(steps: Generator[Similarities, Any, Ranked], scores: list[float] | Exception) -> Ranked:
    """The ranking, with these similarities for an answer."""
    try:
        need = next(steps)
        answer = (
            steps.throw(scores) if isinstance(scores, Exception) else Scored(np.resize(scores, len(need.passages)), "m")
        )
        steps.send(answer)
    except StopIteration as done:
        result: Ranked = done.value
        return result
    raise AssertionError("it asks once")


@given(pages=st.lists(ANY_PAGES, max_size=3), question=QUESTIONS, size=st.sampled_from([1, 5, 40]))
def test_chances_are_of_all_blocks_together(pages: list[str], question: str, size: int) -> None:
    """They sum to one, by words alone and with a model."""
    blocks = candidates(question, *pages, max_words=size)
    if not len(blocks.blocks):
        return
    promising = blocks.promising(2)

    assert 1 == pytest.approx(np.exp(blocks.by_words()).sum())
    assert 1 == pytest.approx(np.exp(blocks.by_all(promising, np.linspace(-1, 1, len(promising)))).sum())


def test_the_sieve_lets_the_most_promising_passages_through() -> None:
    """By their words and those of the headings over them, in reading order; all of them where there is no sieve."""
    blocks = candidates("trains to Ware and Hove", PAGE)
    asked = [blocks.passage(number) for number in blocks.promising(2).tolist()]

    assert ["Trains Ware: Ware One", "Trains Hove: Hove One"] == [" ".join(text.split()[:4]) for text in asked]
    assert len(TOWNS) == len(blocks.promising(None))


def test_where_words_are_almost_sure_fewer_are_asked_about() -> None:
    """A quarter of the passages that might be, or as many as hold the answer by their words."""
    sure = f"<h2>When does the last ferry to Sark leave in winter?</h2><p>At noon. {PAGE * 4}"
    asked = [len(candidates("last ferry to Sark in winter", sure).promising(number)) for number in (1, 8, 16, None)]

    assert [1, 2, 4, 4 * len(TOWNS)] == asked
    assert 16 == len(candidates("departures", sure).promising(16))


def test_what_stands_over_a_passage_is_cut() -> None:
    """A heading of endless length leaves room for the passage itself."""
    blocks = candidates("x", f"<title>{'t' * 5000}</title><p>x y z")

    assert f"{'t' * 300}: x y z" == blocks.passage(0)


def test_similar_passages_win() -> None:
    """Where words tell nothing apart, the model does."""
    blocks = candidates("departures", PAGE)
    result = ranked(rank(blocks, "both", None), [0, 0, 0, 1, 0, 0])

    assert "m" == result.model
    assert result.failure is None
    assert "Hove" in blocks.outline.headings[int(result.scores.argmax())]


def test_a_failing_model_leaves_the_words() -> None:
    """As if nobody had asked it, but for the failure."""
    blocks = candidates("Ware", PAGE)
    result, words = ranked(rank(blocks, "both", 3), ModelError("down")), ranked(rank(blocks, "words", 3), [])

    assert "down" == str(result.failure)
    assert (words.model, words.scores.tolist()) == (result.model, result.scores.tolist())


def test_similarity_alone_is_the_papers_first_step() -> None:
    """Each block's own text, and its similarity as its score."""
    blocks = candidates("Ware", "<p>Ely<p>Ware<p>Hove", max_words=1)
    result = ranked(rank(blocks, "embedding", None), [0.5, 0.1, 0.2])

    assert [0.5, 0.1, 0.2] == pytest.approx(result.scores.tolist())
    assert result.scores.tolist() == result.ranks.tolist()


def test_of_equal_chances_the_cheaper_block_comes_first() -> None:
    """A block pays for its text and its tags."""
    tree = BlockTree.from_pages([Page("<p>a<p>a long sentence of many words<table><tr><td>a<td>b<td>c</table>")], 6)
    ranks = per_token(np.zeros(3), tree, tree.cut(6))

    assert 0 == ranks.argmax()
    assert (ranks < 0.1).all()


def test_of_what_is_said_again_the_best_is_kept_once() -> None:
    """Where the copies have the same chance, the first; in other letters too; other blocks keep theirs."""
    said = "We answer all of your questions every day"
    given = np.log([0.1, 0.2, 0.2, 0.5])

    assert [-np.inf, given[1], -np.inf, given[3]] == once(
        given, [said, said, said.upper(), "Other"], np.array([8, 8, 8, 1])
    ).tolist()


def test_short_blocks_may_be_said_again() -> None:
    """A word or two mean something else elsewhere."""
    given = np.log([0.5, 0.5])

    assert given.tolist() == once(given, ["Yes", "Yes"], np.array([1, 1])).tolist()
