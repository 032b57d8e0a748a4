"""The numbered HTML: what it shows is what the paths name."""

import html
import re
from collections import defaultdict
from itertools import pairwise
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pruning import BlockTree, Page
from pruning.numbered import NumberedPages
from tests.pruning.strategies import ANY_PAGES

PAGE_LISTS = st.lists(ANY_PAGES, min_size=1, max_size=3)
WIDTHS = st.sampled_from([1, 4, 16, 128])


def trees(pages: list[str], max_words: int) -> tuple[BlockTree, np.ndarray]:
    """The tree of these pages, and its blocks of at most so many words."""
    tree = BlockTree.from_pages([Page(page) for page in pages], max_words)
    return tree, tree.cut(max_words)


def walked(numbered: NumberedPages) -> dict[str, str]:
    """Path -> content, as found by reading the HTML from its beginning: start tags down, end tags up."""
    contents = {element.path: element.content for element in numbered.elements}
    found, at, around = {}, 0, [""]
    while at < len(numbered.html):
        tag = re.compile(r"<(/?)([a-z0-9]+)>(<title>[^<]*</title>)?").match(numbered.html, at)
        assert tag, numbered.html[at : at + 40]
        at = tag.end()
        if tag[1]:
            assert around.pop().endswith(f"<{tag[2]}>")
            continue
        around.append(f"{around[-1]}<{tag[2]}>")
        if around[-1] in contents:
            assert numbered.html.startswith(contents[around[-1]], at)
            at += len(contents[around[-1]])
            found[around[-1]] = contents[around[-1]]
    assert [""] == around
    return found


def words(markup: str) -> list[str]:
    """What a reader sees of a block."""
    shown = re.sub(r'<img alt="([^"]*)">', r" \1 ", markup)
    shown = re.sub(r"</?(a|sub|sup|del|ins|s)( [^>]*)?>", "", shown)
    return html.unescape(re.sub(r"<[^>]*>", " ", shown)).split()


@given(PAGE_LISTS, WIDTHS)
def test_each_path_leads_to_its_block(pages: list[str], max_words: int) -> None:
    """Following a block's path through the HTML, one arrives at its words, and nothing else is there."""
    tree, blocks = trees(pages, max_words)
    numbered = NumberedPages(tree, blocks)

    found = walked(numbered)

    assert list(numbered.paths) == list(found)
    assert [words(html.escape(tree.text(block))) for block in blocks.tolist()] == [
        words(content) for content in found.values()
    ]


@given(PAGE_LISTS, WIDTHS)
def test_no_path_begins_with_another(pages: list[str], max_words: int) -> None:
    """Paths are unique, and each can end only where its block is."""
    paths = sorted(NumberedPages(*trees(pages, max_words)).paths)

    assert [] == [one for one, other in pairwise(paths) if other.startswith(one)]


@given(PAGE_LISTS, WIDTHS, st.randoms(use_true_random=False))
def test_siblings_of_one_name_are_numbered(pages: list[str], max_words: int, random: Random) -> None:
    """From 0 in the order of the page, among those that are written; an only one has no number."""
    tree, blocks = trees(pages, max_words)
    chosen = np.array([block for block in blocks.tolist() if random.random() < 0.6], np.intp)
    numbered = NumberedPages(tree, chosen)

    siblings: dict[str, dict[str, None]] = defaultdict(dict)
    for path in numbered.paths:
        labels = re.findall(r"<(\w+)>", path)
        for depth, label in enumerate(labels):
            siblings["/".join(labels[:depth])][label] = None
    for labels in siblings.values():
        names: dict[str, list[str]] = defaultdict(list)
        for label in labels:
            name = re.fullmatch(r"(h[1-6]|[a-z]+)([0-9]*)", label)
            assert name
            names[name[1]].append(name[2])
        for numbers in names.values():
            assert numbers in ([""], [str(number) for number in range(len(numbers))] * (len(numbers) > 1))


@given(PAGE_LISTS, WIDTHS, st.randoms(use_true_random=False))
def test_the_order_given_does_not_matter(pages: list[str], max_words: int, random: Random) -> None:
    """Blocks are written in the order of the pages, and each gets its own path back."""
    tree, blocks = trees(pages, max_words)
    shuffled = blocks.tolist()
    random.shuffle(shuffled)
    numbered, other = NumberedPages(tree, blocks), NumberedPages(tree, shuffled)

    assert numbered.html == other.html
    assert dict(zip(blocks.tolist(), numbered.paths, strict=True)) == dict(zip(shuffled, other.paths, strict=True))


def test_pages_are_numbered_and_titled() -> None:
    """Several pages are `html0`, `html1`…; a page's title says what it is about, and is escaped."""
    tree, blocks = trees(["<title>A &lt; b</title>one", "two"], 8)

    numbered = NumberedPages(tree, blocks)

    one = "<html0><title>A &lt; b</title><body>one</body></html0>"
    assert one + "<html1><body>two</body></html1>" == numbered.html
    assert ("<html0><body>", "<html1><body>") == numbered.paths


def test_a_single_page_has_no_number() -> None:
    """What is there once needs none; wrappers around one thing are left out, others are numbered."""
    page = "<div><div><p>a b</p><p>c d</p></div><div><h1>e f</h1></div><section>g <p>h i</p></section></div>"
    tree, blocks = trees([page], 2)

    numbered = NumberedPages(tree, blocks)

    assert (
        "<html><body><div><p0>a b</p0><p1>c d</p1></div><h1>e f</h1>"
        "<section><p0>g</p0><p1>h i</p1></section></body></html>"
    ) == numbered.html
    assert (
        "<html><body><div><p0>",
        "<html><body><div><p1>",
        "<html><body><h1>",
        "<html><body><section><p0>",
        "<html><body><section><p1>",
    ) == numbered.paths


def test_only_what_is_asked_about_is_written() -> None:
    """Blocks that were dropped leave no trace, and what remains is numbered as if they had never been."""
    tree, blocks = trees(["<ul><li>a a<li>b b<li>c c</ul><ul><li>d d<li>e e</ul>"], 2)

    numbered = NumberedPages(tree, blocks[[1, 2, 4]])

    assert "<html><body><ul0><li0>b b</li0><li1>c c</li1></ul0><ul1><li>e e</li></ul1></body></html>" == numbered.html


def test_parts_of_a_long_text_are_texts() -> None:
    """A paragraph that is cut is an element with texts in it, however often it was halved."""
    tree, blocks = trees(["<p>a b. c d. e f. g h.</p><p>i</p>"], 2)

    numbered = NumberedPages(tree, blocks)

    texts = "<text0>a b.</text0><text1>c d.</text1><text2>e f.</text2><text3>g h.</text3>"
    assert f"<html><body><p0>{texts}</p0><p1>i</p1></body></html>" == numbered.html


def test_attributes_stay_within_blocks() -> None:
    """The tags on paths are as the paths have them; within a block, what an attribute says is kept."""
    table = '<table><tr><td colspan="2">a b c<td><ol start="7"><li>d<li>e</ol></tr><tr><td rowspan="3">f</tr></table>'
    tree, blocks = trees([table], 3)

    assert (
        '<html><body><table><tr0><td0>a b c</td0><td1><ol start="7"><li>d<li>e</ol></td1></tr0>'
        '<tr1><td rowspan="3">f</tr1></table></body></html>'
    ) == NumberedPages(tree, blocks).html


def test_no_blocks_no_html() -> None:
    """Nothing asked about, nothing written."""
    tree, _ = trees(["<p>a</p>"], 4)

    assert "" == NumberedPages(tree, []).html
    assert () == NumberedPages(tree, []).paths
