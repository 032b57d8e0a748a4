"""What is rendered is read as it was meant: an HTML5 parser and libxml2 find the nodes that were kept, no others."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning import BlockTree, Page
from pruning.render import HtmlWriter, attribute, escape, render
from tests.pruning import corpus, oracle
from tests.pruning.strategies import ANY_PAGES

SEVERAL = st.lists(ANY_PAGES, min_size=1, max_size=3)
SIZES = st.sampled_from([1, 2, 3, 7, 20, 100])
CHOICES = st.integers(0, 2**64 - 1)
HOSTILE = "https://example.org/?a=1&copy=2\"'><script>alert(1)</script>"


def some(blocks: Sequence[int], choice: int) -> list[int]:
    """The blocks whose bits are set."""
    return [block for number, block in enumerate(blocks) if choice >> (number % 64) & 1]


def both_trees(html: str) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The result's tree, by the parser of the HTML standard and by libxml2."""
    return oracle.tree_of(oracle.parsed_as_html5(html)), oracle.tree_of(oracle.parsed(html))


def sections(tree: BlockTree, kept: list[int]) -> tuple[Any, ...]:
    """The tree of a joined result: a section for each page of which something is kept."""
    found = []
    for page, table in enumerate(tree.tables):
        mine = [block for block in kept if tree.page[block] == page]
        says = (("data-source", str(page + 1)), ("data-url", table.metadata.url), ("title", table.metadata.title))
        attributes = tuple((name, " ".join(value.split())) for name, value in says if value)
        found += [("section", attributes, oracle.tree_of_blocks(tree, mine))] if mine else []
    return tuple(found)


@given(page=ANY_PAGES, max_words=SIZES, choice=CHOICES, links=st.booleans())
def test_a_pages_result_has_the_nodes_that_were_kept(page: str, max_words: int, choice: int, links: bool) -> None:
    """Any blocks of any page, cut to any size."""
    tree = BlockTree.from_pages([Page(page)], max_words, links=links)
    kept = some(tree.cut(max_words).tolist(), choice)
    expected = oracle.tree_of_blocks(tree, kept)

    assert (expected, expected) == both_trees(render(HtmlWriter(tree), kept, joined=False))


@given(pages=SEVERAL, max_words=SIZES, choice=CHOICES)
def test_the_joined_result_has_the_nodes_that_were_kept(pages: list[str], max_words: int, choice: int) -> None:
    """A section for each page of which something was kept, with its number, address and title."""
    tree = BlockTree.from_pages([Page(page, url=HOSTILE, title=HOSTILE) for page in pages], max_words)
    kept = some(tree.cut(max_words).tolist(), choice)
    expected = sections(tree, kept)

    assert (expected, expected) == both_trees(render(HtmlWriter(tree), kept))


@pytest.mark.parametrize("path", corpus.PAGES)
@pytest.mark.parametrize("max_words", [4, 60])
def test_results_of_real_pages_have_the_nodes_that_were_kept(path: Path, max_words: int) -> None:
    """Every other block, and two of three, of pages that nobody of this project wrote."""
    tree = BlockTree.from_pages([Page(corpus.read(path))], max_words, links=True)
    blocks = tree.cut(max_words).tolist()
    for choice in (0x5555_5555_5555_5555, 0x6DB6_DB6D_B6DB_6DB6):
        expected = oracle.tree_of_blocks(tree, some(blocks, choice))

        assert (expected, expected) == both_trees(render(HtmlWriter(tree), some(blocks, choice), joined=False))


@given(pages=SEVERAL, max_words=SIZES, choice=CHOICES)
def test_the_result_says_what_the_blocks_say(pages: list[str], max_words: int, choice: int) -> None:
    """The words of the kept blocks in reading order, and not a letter else."""
    tree = BlockTree.from_pages([Page(page) for page in pages], max_words)
    kept = some(tree.cut(max_words).tolist(), choice)
    written = render(HtmlWriter(tree), reversed(kept))

    assert oracle.joined_letters("".join(map(tree.text, kept))) == oracle.written_letters(written)


@given(pages=SEVERAL, max_words=SIZES, choice=CHOICES)
def test_the_result_holds_nothing_hidden_or_active(pages: list[str], max_words: int, choice: int) -> None:
    """No script, style, handler, hidden text, `source` or `context`, and no attribute but those that say something."""
    tree = BlockTree.from_pages([Page(page, url=HOSTILE, title=HOSTILE) for page in pages], max_words, links=True)
    written = render(HtmlWriter(tree), some(tree.cut(max_words).tolist(), choice))

    for element in oracle.parsed_as_html5(written).iter():
        assert element.tag not in oracle.NEVER_SHOWN | {"source"}
        assert set(element.attrib) <= {"href", "alt", "colspan", "rowspan", "start", "reversed", "value"} | {
            *("data-source", "data-url", "title")
        }


@given(page=ANY_PAGES, max_words=SIZES, choice=CHOICES)
def test_citations_name_each_block_and_change_no_word(page: str, max_words: int, choice: int) -> None:
    """Each kept block stands in an element with its id, in order; the rest of the tree is as it was."""
    tree = BlockTree.from_pages([Page(page)], max_words)
    kept = some(tree.cut(max_words).tolist(), choice)
    cited = oracle.parsed_as_html5(render(HtmlWriter(tree, citations=True), kept))

    assert [tree.name(block) for block in kept] == [
        element.attrib["data-block"] for element in cited.iter() if "data-block" in element.attrib
    ]
    assert oracle.written_words(render(HtmlWriter(tree), kept)) == oracle.visible_text(cited).split()


def test_preformatted_text_keeps_its_lines() -> None:
    """Indents and blank lines come back from the parser as they were."""
    tree = BlockTree.from_pages([Page("<pre>\nif x:\n    y  # &lt;b&gt;\n\n\tz</pre>")])

    written = render(HtmlWriter(tree), tree.cut(256), joined=False)

    assert "if x:\n    y  # <b>\n\n\tz" == oracle.parsed_as_html5(written).find(".//pre").text


@pytest.mark.parametrize(
    ("page", "keep", "expected"),
    [
        ("<h1>a</h1><p>b<p>c", "bc", "<p>b\n<p>c\n"),
        ("<div><div><p>a</p></div><p>b</p></div>", "ab", "<p>a\n<p>b\n"),
        ("x<p>a</p><p>b</p>", "ab", "<p>a\n<p>b\n"),
        ("<div>x<p>a</p>y</div>", "xay", "x\n<p>a\n<p>y\n"),
        ("<ul><li>a<li>b<li>c</ul>", "ac", "<ul>\n<li>a\n<li>c\n</ul>\n"),
        ("<ul><li>a</li><p>b</p></ul>", "ab", "<ul>\n<li>a</li>\n<p>b\n</ul>\n"),
        ("<ol start=3><li value=7>a<li>b</ol>", "a", '<ol start="3">\n<li value="7">a\n</ol>\n'),
        (
            "<table><tr><th>a<th>b<tr><td>c<td>d</table>",
            "ad",
            "<table>\n<tr>\n<th>\na\n<th>\n<tr>\n<td>\n<td>\nd\n</table>\n",
        ),
        (
            "<table><tr><th colspan=2>a<tr><td><td>c</table>",
            "ac",
            '<table>\n<tr><th colspan="2">a\n<tr><td><td>c\n</table>\n',
        ),
        ("<dl><dt>a<dd>b</dl>", "ab", "<dl>\n<dt>a\n<dd>b\n</dl>\n"),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "bd", "<dl>\n<dd>b</dd>\n<dd>d</dd>\n</dl>\n"),
        ("<div>a</div><div>b</div><div>c</div>", "ab", "<p>a\n<p>b\n"),
        ("x<div>a</div><h2><div>b</div>c</h2>", "xabc", "x\n<p>a\n<h2>\n<div>b</div>\nc\n</h2>\n"),
        ("<ul><li><p>a</p><li><p>b</p><p>c</p></ul>", "ab", "<ul>\n<li>a\n<li>\n<p>b\n</ul>\n"),
        ("<details><summary>a</summary>b</details>", "b", "<details>\n<p>b\n</details>\n"),
        ("a<p>b</p><details><summary>c</summary>d</details>", "bd", "<p>b</p>\n<details>\n<p>d\n</details>\n"),
    ],
)
def test_blocks_are_written_with_what_stands_around_them(page: str, keep: str, expected: str) -> None:
    """A line for each block, a line for each tag that stands around several."""
    tree = BlockTree.from_pages([Page(page)], 1)
    kept = [block for block in tree.cut(1).tolist() if tree.text(block) in keep]

    assert f"<!DOCTYPE html>\n{expected}" == render(HtmlWriter(tree), kept, joined=False)


def test_nothing_kept_is_nothing_written() -> None:
    """Not even the head of a document."""
    assert "" == render(HtmlWriter(BlockTree.from_pages([Page("<p>a")])), [])


@given(
    text=st.text() | st.lists(st.sampled_from(["&", "lt", ";", "<", "#65", "x", " ", '"', "&amp;", ">"])).map("".join)
)
def test_text_is_escaped_so_that_it_reads_the_same(text: str) -> None:
    """As text and as the value of an attribute, with no more escapes than needed."""
    text = re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]|[^\u0000-\uffff]", "", text)
    root = oracle.parsed_as_html5(f'<!DOCTYPE html><p title="{attribute(text)}">{escape(text)}')

    assert {"title": text} == root.find(".//p").attrib
    assert text == "".join(root.find(".//p").itertext())
    assert escape(text).count("&amp;") <= len(re.findall("&(?=[a-zA-Z#])", text))
