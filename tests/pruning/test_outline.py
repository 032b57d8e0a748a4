"""Where blocks stand: titles, headings, tables, passages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning import BlockTree, Page
from pruning.outline import Outline, passages
from tests.pruning.strategies import ANY_PAGES

PAGE = """<h1>Trains</h1><p>All of them.<h2>Express</h2><h3>East</h3><p>Leaves at ten.<h2>Slow</h2>
<table><caption>By town</caption><tr><th>Town<th>Hour<tr><td>Ely<td>seven<tr><td>Ware<td>eight</table><p>No others."""


def outline(*pages: str, max_words: int = 3, passage_words: int = 80) -> tuple[list[str], Outline]:
    """What the blocks say, and where they stand."""
    tree = BlockTree.from_pages([Page(page) for page in pages], max_words)
    blocks = tree.cut(max_words)
    return [tree.text(block) for block in blocks.tolist()], Outline.of(tree, blocks, passage_words)


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("All of them.", ("Trains",)),
        ("Leaves at ten.", ("Trains", "Express", "East")),
        ("Slow", ("Trains", "Slow")),
        ("Ely seven", ("Trains", "Slow")),
    ],
)
def test_headings_hold_until_one_of_their_rank_or_above(text: str, headings: tuple[str, ...]) -> None:
    """A heading ends those of its rank and below; a heading is its own."""
    texts, found = outline(PAGE)

    assert headings == found.headings[texts.index(text)]


def test_headings_end_with_their_page() -> None:
    """The next page begins without any."""
    texts, found = outline(PAGE, "<p>Another.")

    assert () == found.headings[texts.index("Another.")]


@pytest.mark.parametrize(
    ("page", "title"),
    [("<title>A</title><h1>B</h1>", "A"), ("<h2>C</h2><h1>B</h1><h1>D</h1>", "B"), ("<h2>C</h2>", ""), ("", "")],
)
def test_a_page_without_title_is_called_by_its_first_heading(page: str, title: str) -> None:
    """Of the first rank, that is."""
    assert (title,) == outline(page)[1].title


def test_rows_stand_under_their_tables_header() -> None:
    """Its caption and first row; what is no row of it, and the first row itself, stand under none."""
    texts, found = outline(PAGE)

    assert "By town Town Hour" == found.header[texts.index("Ely seven")] == found.header[texts.index("Ware eight")]
    assert "" == found.header[texts.index("Town Hour")] == found.header[texts.index("No others.")]
    assert found.table[texts.index("Ely seven")] == found.table[texts.index("Town Hour")] >= 0
    assert -1 == found.table[texts.index("No others.")]


def test_of_nested_tables_the_inner_one_counts() -> None:
    """A table in a cell says more about its rows than the one around it."""
    inner = "<table><tr><th>in<th>side<tr><td>a b<td>c d</table>"
    texts, found = outline(f"<table><tr><th>out<th>side<tr><td>{inner}<td>x y z</table>")

    assert "in side" == found.header[texts.index("a b")]


def test_a_long_first_row_is_cut() -> None:
    """Past some words it is a text and no header."""
    texts, found = outline(f"<table><tr><td>{'w ' * 50}<tr><td>a<td>b</table>")

    assert " ".join("w" * 30) == found.header[texts.index("a b")]


def test_a_heading_begins_a_passage() -> None:
    """Unless little stands before it: headings that follow each other stay together."""
    texts, found = outline(PAGE, passage_words=9)
    together = {text: int(number) for text, number in zip(texts, found.passage, strict=True)}

    assert together["Trains"] == together["All of them."]
    assert together["Express"] == together["East"] == together["Leaves at ten."]
    assert together["East"] < together["Slow"]


@given(pages=st.lists(ANY_PAGES, max_size=3), size=st.sampled_from([1, 5, 40]), most=st.sampled_from([1, 20, 80]))
def test_passages_are_runs_of_one_page_and_of_so_many_words(pages: list[str], size: int, most: int) -> None:
    """Numbered from 0 without gaps; only a single block is longer."""
    tree = BlockTree.from_pages([Page(page) for page in pages], size)
    blocks = tree.cut(size)
    numbers = passages(tree, blocks, most)

    assert list(range(len(set(numbers.tolist())))) == sorted(set(numbers.tolist()))
    assert (np.diff(numbers) >= 0).all()
    for number in set(numbers.tolist()):
        within = blocks[numbers == number]
        assert 1 == len(set(tree.page[within].tolist()))
        assert 1 == len(within) or tree.words[within].sum() <= most
