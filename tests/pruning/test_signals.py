"""The signals: what each says about a block, and that they stay within their bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning import BlockTree, Page, signals
from pruning.outline import Outline
from tests.pruning.strategies import ANY_PAGES, QUESTIONS

PAGE = """<title>Railways</title><p>Welcome.<h2>Departures</h2>
<table><tr><th>Town<th>Hour<tr><td>Ely<td>seven<tr><td>Ware<td>eight</table><p>No other trains."""


def lexical(question: str, *pages: str, max_words: int = 3) -> tuple[list[str], dict[str, np.ndarray]]:
    """What the blocks say, and their signals."""
    tree = BlockTree.from_pages([Page(page) for page in pages], max_words)
    blocks = tree.cut(max_words)
    texts = [tree.text(block) for block in blocks.tolist()]
    return texts, signals.lexical(tree, blocks, texts, Outline.of(tree, blocks, 80), question)


@pytest.mark.parametrize(
    ("question", "block", "header", "every"),
    [("Ware", 1, 0, 1), ("hour", 0, 1, 1), ("railway departures", 0, 0, 1), ("zebra", 0, 0, 0)],
)
def test_a_row_has_what_it_says_and_what_stands_over_it(
    question: str, block: float, header: float, every: float
) -> None:
    """Its own words, its table's header, its headings and its page's title; plurals count as singulars."""
    texts, found = lexical(question, PAGE)
    row = texts.index("Ware eight")

    assert (block, header, every) == pytest.approx([found[name][row] for name in ("block", "header", "every")])


def test_what_stands_beside_tells_of_a_block() -> None:
    """The one before it, and less so those further away."""
    texts, found = lexical("ely", PAGE)

    assert 1 == found["before"][texts.index("Ware eight")]
    assert 0 == found["before"][texts.index("Town Hour")]
    assert [1, 0.5] == found["neighbours"][[texts.index("Ware eight"), texts.index("No other trains.")]].tolist()


def test_neighbours_are_of_one_page() -> None:
    """The last block of a page says nothing of the next page."""
    texts, found = lexical("Ely", "<p>Ely", "<p>Ware")

    assert [0, 0] == [found[name][texts.index("Ware")] for name in ("before", "neighbours")]


def test_rare_words_weigh_more() -> None:
    """A share is of the weight of the question's words, not of their number."""
    texts, found = lexical("town trains", "<p>town x<p>town y<p>town z<p>trains x")

    assert found["block"][texts.index("trains x")] > 0.5 > found["block"][texts.index("town x")] > 0


def test_the_best_page_has_no_lag() -> None:
    """Others lag behind it."""
    texts, found = lexical("Ely", PAGE, "<p>Nothing of it.")

    assert 0 == found["best_passage_of_page"][texts.index("Welcome.")]
    assert 0 > found["best_passage_of_page"][texts.index("Nothing of it.")]


def test_rows_and_headings_are_known() -> None:
    """By their tags."""
    texts, found = lexical("x", PAGE)

    assert ["Departures"] == [texts[number] for number in np.flatnonzero(found["heading"])]
    assert ["Town Hour", "Ely seven", "Ware eight"] == [texts[number] for number in np.flatnonzero(found["row"])]


@pytest.mark.parametrize("max_words", [1, 3, 40])
def test_what_follows_a_term_explains_it(max_words: int) -> None:
    """Its first block, in however many pieces the term is; not the next one, nor the term. All in one is no term."""
    page = "<p>no<dl><dt>the long term<dd><p>first</p><p>second</p><dt>a<dd>another</dl><dl><dt>end</dl>"
    texts, found = lexical("x", page, "<p>apart", max_words=max_words)
    expected = {1: ["first", "another"], 3: ["first second", "another"], 40: []}

    assert expected[max_words] == [texts[number] for number in np.flatnonzero(found["explains"])]


def test_what_stands_behind_a_question_answers_it() -> None:
    """By the square of its share of what is asked, up to the page's next question, and not on the next page."""
    filler = "and so on " * 40
    page = f"<p>Ely trains?<p>At ten.<p>Ware trains? +<p>At noon.<p>{filler}<p>Too far.<p>Ely<p>Fares؟<p>Ask."
    texts, found = lexical("Ely trains", page, "<p>Next page.")
    answers = dict(zip(texts, found["answers"], strict=True))

    assert 1 == pytest.approx(answers["At ten."])
    assert 0 < answers["At noon."] < 0.5
    assert [0] * 5 == [answers[text] for text in ("Ely trains?", "Too far.", "Ely", "Ask.", "Next page.")]


def test_similarity_counts_by_rank() -> None:
    """Of the passage and of its page; what the model was not asked about comes last."""
    cosines, passage = np.array([0.1, 0.9, -np.inf]), np.array([0, 0, 1, 2])
    found = signals.similar(cosines, passage, np.array([0, 0, 1, 2]))

    assert 0 == found["rank"][2] > found["rank"][0] == found["rank"][1] > found["rank"][3]
    assert 0 == found["rank_of_page"][2] > found["rank_of_page"][0] > found["rank_of_page"][3]


@given(pages=st.lists(ANY_PAGES, max_size=3), question=QUESTIONS, size=st.sampled_from([1, 5, 40]))
def test_all_signals_are_finite_and_shares_are_shares(pages: list[str], question: str, size: int) -> None:
    """For any pages and question, one number for each block."""
    texts, found = lexical(question, *pages, max_words=size)

    assert {(len(texts),)} == {values.shape for values in found.values()}
    assert all(np.isfinite(values).all() for values in found.values())
    shares = ("block", "header", "every", "before", "neighbours", "passage", "section", "best_of_table", "answers")
    for name in shares:
        assert ((found[name] >= 0) & (found[name] <= 1 + 1e-9)).all()
    assert (found["every"] >= np.maximum(found["block"], found["header"]) - 1e-9).all()
