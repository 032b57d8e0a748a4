"""The leaves of the tree of blocks hold each word of the cleaned pages once, in order, whatever their size."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pruning import BlockTree, Page, clean
from pruning.blocks import halve, plain
from pruning.document import Limits, utf8
from tests.pruning import corpus, oracle
from tests.pruning.strategies import ANY_PAGES, LATIN, OTHER_SCRIPTS

SIZES = (1, 2, 3, 7, 20, 256)
SEVERAL = st.lists(ANY_PAGES, min_size=1, max_size=3)


def tree_of(*pages: str, max_words: int = 256) -> BlockTree:
    """The tree of pages given as HTML."""
    return BlockTree.from_pages([Page(page) for page in pages], max_words)


def texts(tree: BlockTree, blocks: np.ndarray) -> list[str]:
    """What each block says."""
    return [tree.text(block) for block in blocks.tolist()]


def check_leaves(tree: BlockTree, expected: list[str], max_words: int) -> None:
    """The blocks of a cut say the expected words, and are no larger than they may be."""
    blocks = tree.cut(max_words)
    said = texts(tree, blocks)

    assert all(said)
    assert oracle.joined_letters(" ".join(expected)) == oracle.joined_letters(" ".join(said))
    if max_words > 1 and not re.search(
        "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u9fff\uf900-\ufaff𠀀-𯿿]", "".join(expected)
    ):
        assert expected == " ".join(said).split()
    for block in blocks.tolist():
        assert tree.words[block] <= max_words or not tree.split(block)


@pytest.mark.parametrize("max_words", SIZES)
@given(pages=SEVERAL)
def test_the_leaves_words_in_order_are_the_pages_words(pages: list[str], max_words: int) -> None:
    """Of all pages, for blocks of any size; what images say among them."""
    expected = [word for page in pages for word in oracle.visible_words(page, alts=True)]

    check_leaves(tree_of(*pages, max_words=max_words), expected, max_words)


@pytest.mark.parametrize("path", corpus.PAGES)
def test_the_leaves_words_in_order_are_those_of_real_pages(path: Path) -> None:
    """The same on pages that nobody of this project wrote, cut by one tree into several sizes."""
    data = corpus.read(path)
    expected = oracle.visible_words(utf8(Page(data), Limits()), alts=True)
    tree = BlockTree.from_pages([Page(data)])

    for max_words in (256, 20, 3):
        check_leaves(tree, expected, max_words)


@given(page=ANY_PAGES)
def test_the_tree_of_a_cleaned_page_says_the_same(page: str) -> None:
    """Pruning what was cleaned before makes no difference to the words."""
    assert texts(tree_of(page), tree_of(page).cut(256)) == texts(tree_of(clean(page)), tree_of(clean(page)).cut(256))


@given(pages=SEVERAL, sizes=st.permutations(SIZES))
def test_a_blocks_name_is_the_same_in_every_cut(pages: list[str], sizes: list[int]) -> None:
    """It depends on the page alone: not on other pages, nor on what the tree was cut into before."""
    tree = tree_of(*pages, max_words=sizes[0])
    alone = [tree_of(page) for page in pages]

    for max_words in sizes:
        expected = [
            (f"{number}.{name.split('.', 1)[1]}", text)
            for number, single in enumerate(alone, 1)
            for name, text in named(single, max_words)
        ]
        assert expected == named(tree, max_words)
        assert len(expected) == len(dict(expected))


def named(tree: BlockTree, max_words: int) -> list[tuple[str, str]]:
    """The names and texts of a cut."""
    return [(tree.name(block), tree.text(block)) for block in tree.cut(max_words).tolist()]


@given(pages=SEVERAL, max_words=st.sampled_from(SIZES))
def test_splitting_a_block_loses_nothing(pages: list[str], max_words: int) -> None:
    """A block's parts say in order what it says, each less than it; what can't be split is one word."""
    tree = tree_of(*pages, max_words=max_words)
    pending = tree.cut(max_words).tolist()
    while pending:
        block = pending.pop()
        parts = tree.split(block)
        pending += parts
        if parts:
            assert oracle.joined_letters(tree.text(block)) == oracle.joined_letters("".join(map(tree.text, parts)))
            assert all(tree.text(part) for part in parts)
        else:
            assert 1 == tree.spaced[block] or " " not in tree.text(block)


@given(pages=SEVERAL)
def test_lines_are_the_finest_elements(pages: list[str]) -> None:
    """They say all words once, and none stands in another."""
    tree = tree_of(*pages)
    lines = tree.lines()

    assert oracle.joined_letters("".join(texts(tree, tree.cut(10**6)))) == oracle.joined_letters(
        "".join(texts(tree, lines))
    )
    around = {above for block in lines.tolist() for above in tree.ancestors(block)}
    assert not around & set(lines.tolist())


@given(pages=SEVERAL, max_words=st.sampled_from(SIZES))
def test_every_block_lies_in_its_parent(pages: list[str], max_words: int) -> None:
    """In nodes, in the text, in words, and in the same page."""
    tree = tree_of(*pages, max_words=max_words)
    child = np.flatnonzero(tree.parent >= 0)
    parent = tree.parent[child]

    assert len(pages) == np.count_nonzero(tree.parent < 0)
    assert (tree.page[child] == tree.page[parent]).all()
    assert (tree.start[child] >= tree.start[parent]).all()
    assert (tree.stop[child] <= tree.stop[parent]).all()
    assert (tree.node[child] >= tree.node[parent]).all()
    assert (tree.last[child] <= tree.last[parent]).all()
    assert (tree.spaced[child] <= tree.spaced[parent]).all()


WORDS = st.sampled_from([*LATIN, *OTHER_SCRIPTS, "กำลัง", "か゛が", "ကြောင့်"])


@given(words=st.lists(WORDS, min_size=1), gap=st.sampled_from([" ", "\n", "\x00", ". ", "。", ""]))
@example(words=["a", "b"], gap=" \x01\x01")
def test_the_halves_of_a_text_are_the_text(words: list[str], gap: str) -> None:
    """Only white space and marks fall away between them, and both say something."""
    text = gap.join(words)
    halves = halve(text, 0, len(text))

    if halves:
        (left, cut), (again, right) = halves
        assert text[left:cut].strip("\x00\x01 \n")
        assert text[again:right].strip("\x00\x01 \n")
        assert not (text[:left] + text[cut:again] + text[right:]).strip("\x00\x01 \n")
    else:
        assert 1 == len(re.split("[ \n\x00]+", text.strip("\x00\x01 \n")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two three\nfour. five six seven", ["one two three", "four. five six seven"]),
        ("One. Two three four five six? Seven eight.", ["One. Two three four five six?", "Seven eight."]),
        ("one two three four", ["one two", "three four"]),
        ("漢字かな。交じり文", ["漢字かな。", "交じり文"]),
        ("漢字かな", ["漢字", "かな"]),
        ("กำ", []),
        ("ที่", []),
        ("onlyoneword", []),
        ("", []),
        (" \x01 ", []),
        ("x" * 10_000 + " y", ["x" * 10_000, "y"]),
    ],
)
def test_a_text_is_cut_at_the_best_border(text: str, expected: list[str]) -> None:
    """Between lines rather than sentences, sentences rather than words; before no mark that belongs to a letter."""
    assert expected == [text[start:stop] for start, stop in halve(text, 0, len(text))]


@pytest.mark.parametrize(
    ("page", "max_words", "expected"),
    [
        ("<p>one two</p><p>three four</p>", 4, ["one two three four"]),
        ("<p>one two</p><p>three four</p>", 3, ["one two", "three four"]),
        ("before<div>inside</div>behind", 1, ["before", "inside", "behind"]),
        ("<ul><li>a b<li>c d</ul><p>e", 2, ["a b", "c d", "e"]),
        ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", 2, ["a b", "c d"]),
        ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", 1, ["a", "b", "c", "d"]),
        ("<pre>a b\nc d\ne f</pre>", 4, ["a b", "c d\ne f"]),
        ("<p>東京都に住む</p>", 3, ["東京都", "に住む"]),
        ("<p>H<sub>2</sub>O", 3, ["H2O"]),
        ("a<img alt='a hedge'>b", 9, ["a a hedge b"]),
    ],
)
def test_a_page_falls_into_blocks(page: str, max_words: int, expected: list[str]) -> None:
    """By elements as long as there are any, then by lines, sentences, words."""
    tree = tree_of(page, max_words=max_words)

    assert expected == texts(tree, tree.cut(max_words))


def test_a_path_names_the_elements_around() -> None:
    """From the outermost to the block's own."""
    tree = tree_of("<p>y</p><main><div><p>x</p></div><table><tr><th>a b<td>c</table></main>", max_words=1)

    assert ["p", "main>p", "main>table>tr>th>#text", "main>table>tr>th>#text", "main>table>tr>td"] == [
        tree.path(block) for block in tree.cut(1).tolist()
    ]


def test_no_pages_make_no_blocks() -> None:
    """An empty tree can be cut like any other."""
    tree = BlockTree.from_pages([])

    assert [] == tree.cut(256).tolist() == tree.lines().tolist()
    assert 0 == len(tree)
    assert [] == tree_of("", "<script>x</script>").cut(1).tolist()


@pytest.mark.parametrize(
    ("text", "expected"), [("a\x01b\x01c", "abc"), ("a\x00\x00b", "a b"), ("\x00a\x00", "a"), ("a b", "a b"), ("", "")]
)
def test_marks_are_no_text(text: str, expected: str) -> None:
    """Inline elements leave no trace, blocks leave a space between them."""
    assert expected == plain(text)
