"""A kept block brings what gives it its meaning: its headings, its table's caption and header rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning import BlockTree, Page
from pruning.context import Context
from pruning.elements import NAMES
from tests.pruning.strategies import ANY_PAGES

TABLE = "<table><caption>Cap<thead><tr><th>Head<th>Other<tbody><tr><td>cell<td>x<tr><td>last<td>y</table>"

GROUPS = """<table><tr><th>Crop<th>Tons<tr><td>peas<td>1<tr><th>in<th>spring<tr><td>oats<td>7
<tr><th>in<th>fall<tr><td>rye<td>4</table>"""


def context_of(page: str, text: str, max_words: int = 1) -> list[str]:
    """What explains the block with that text, the most telling first."""
    tree = BlockTree.from_pages([Page(page)], max_words)
    blocks = tree.cut(max_words)
    block = next(block for block in blocks.tolist() if tree.text(block) == text)
    return [tree.text(other) for other in Context(tree, blocks).of(block)]


@pytest.mark.parametrize(
    ("page", "text", "expected"),
    [
        ("<h1>One</h1><h2>Two</h2><p>a</p>", "a", ["Two", "One"]),
        ("<h1>One</h1><h2>Two</h2><h3>Three</h3><h2>Next</h2><p>a</p>", "a", ["Next", "One"]),
        ("<h1>One</h1><h2>Two</h2><p>a</p>", "Two", ["One"]),
        ("<h1>One</h1><p>a</p>", "One", []),
        ("<p>a</p><h1>One</h1>", "a", []),
        ("<h3>Low</h3><p>b</p><h2>High</h2><p>a</p>", "a", ["High"]),
        ("<section><h2>Mine</h2><p>a</p></section><section><h2>Other</h2><p>b</p></section>", "a", ["Mine"]),
        ("<div><h2>Mine</h2><p>x</p></div><div><p>a</p><p>b</p></div>", "b", ["Mine"]),
        ("<nav><ul><li><h3>Menu</h3><p>y</p><li>x</ul></nav><main><p>a</p><p>b</p></main>", "b", []),
        ("<h2><a href=x>Linked</a></h2><ul><li>a<li>b</ul>", "b", ["Linked"]),
    ],
)
def test_headings_over_a_block(page: str, text: str, expected: list[str]) -> None:
    """The nearest, and above it each of a higher rank; not those of other sections, nor those behind."""
    assert expected == context_of(page, text)


@pytest.mark.parametrize(
    ("page", "text", "expected"),
    [
        (TABLE, "last y", ["Cap", "Head Other"]),
        (f"<h2>Over</h2>{TABLE}", "cell x", ["Cap", "Head Other", "Over"]),
        (TABLE, "Head Other", ["Cap"]),
        ("<table><tr><th>A<th>B<tr><td>c<td>d<tr><td>e<td>f</table>", "e f", ["A B"]),
        ("<table><tr><th>A<td>b<tr><th>C<td>d</table>", "C d", []),
        ("<table><tr><td>x<td><table><tr><th>In<th>N<tr><td>c<td>d</table><tr><td>e<td>f</table>", "c d", ["In N"]),
        (
            "<table><tr><th>A<th>B<tr><td>x y z<td><table><tr><th>In<th>N<tr><td>c<td>d</table></table>",
            "c d",
            ["In N", "A B"],
        ),
        (GROUPS, "rye 4", ["Crop Tons", "in fall"]),
        (GROUPS, "oats 7", ["Crop Tons", "in spring"]),
        (GROUPS, "in fall", ["Crop Tons", "in spring"]),
    ],
)
def test_a_tables_head(page: str, text: str, expected: list[str]) -> None:
    """Its caption, its `thead`, and rows of nothing but header cells; of the tables around it too, from within out."""
    assert expected == context_of(page, text, max_words=2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A day.", ["date"]),
        ("The day that it is.", ["today()"]),
        ("Local.", ["today()"]),
        ("today()", ["date"]),
        ("Other.", []),
    ],
)
def test_a_terms_explanation_brings_the_term(text: str, expected: list[str]) -> None:
    """A definition without what it defines says nothing: that of its own list."""
    page = "<dl><dt>date<dd><p>A day.<dl><dt>today()<dd><p>The day that it is.<p>Local.</dl></dl><p>Other."

    assert expected == context_of(page, text, max_words=5)


@given(pages=st.lists(ANY_PAGES, min_size=1, max_size=2), max_words=st.sampled_from([1, 2, 5, 20]))
def test_context_is_of_the_same_page_and_never_the_block_itself(pages: list[str], max_words: int) -> None:
    """Each at most once, headings above the block and each of a higher rank than the one before it."""
    tree = BlockTree.from_pages([Page(page) for page in pages], max_words)
    blocks = tree.cut(max_words)
    context = Context(tree, blocks)
    for block in blocks.tolist():
        found = context.of(block)
        tags = [NAMES[tree.tag[other]] for other in found]
        ranks = [tag for tag in tags if tag in ("h1", "h2", "h3", "h4", "h5", "h6")]

        assert block not in found
        assert len(found) == len(set(found))
        assert set(found) <= set(blocks[tree.page[blocks] == tree.page[block]].tolist())
        assert sorted(set(ranks), reverse=True) == ranks
        assert set(tags) - set(ranks) <= {"caption", "thead", "tr", "dt"}
        assert all(
            tree.start[other] < tree.start[block] for other, tag in zip(found, tags, strict=True) if tag in ranks
        )


def test_the_first_row_of_a_table_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many header rows there are: a page of nothing else must not take the square of its length."""
    looked: list[int] = []
    find = Context._first_row
    monkeypatch.setattr(Context, "_first_row", lambda self, block: looked.append(block) or find(self, block))
    tree = BlockTree.from_pages([Page("<table>" + "<tr><th>h<th>i" * 30 + "<tr><td>x<td>y</table>")], 2)
    Context(tree, tree.cut(2))

    assert 1 == len(looked)
