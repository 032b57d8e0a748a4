"""Markdown and plain text say what the blocks say."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning import BlockTree, Page
from pruning.plain import MarkdownWriter, TextWriter
from pruning.render import render
from tests.pruning import oracle
from tests.pruning.strategies import ANY_PAGES

SIZES = st.sampled_from([1, 2, 7, 20, 256])


def written(page: str, writer: type[TextWriter], max_words: int = 256, *, links: bool = True) -> str:
    """All of a page."""
    tree = BlockTree.from_pages([Page(page)], max_words, links=links)
    return render(writer(tree), tree.cut(max_words), joined=False)


@given(page=ANY_PAGES, max_words=SIZES)
def test_text_says_all_that_is_kept(page: str, max_words: int) -> None:
    """Word for word, but for the signs between the cells of a row."""
    expected = oracle.visible_words(page, alts=True)

    assert oracle.joined_letters("".join(expected)) == oracle.joined_letters(
        written(page, TextWriter, max_words).replace("|", "")
    )


@given(page=ANY_PAGES, max_words=SIZES, links=st.booleans())
def test_markdown_says_all_that_is_kept(page: str, max_words: int, links: bool) -> None:
    """The letters of the page stand in it in order, with no marks of our own among them."""
    found = iter(oracle.joined_letters(written(page, MarkdownWriter, max_words, links=links)))

    assert all(letter in found for letter in oracle.joined_letters("".join(oracle.visible_words(page, alts=True))))


@given(page=ANY_PAGES, max_words=SIZES, writer=st.sampled_from([TextWriter, MarkdownWriter]))
def test_no_mark_is_written(page: str, max_words: int, writer: type[TextWriter]) -> None:
    """Neither NUL nor U+0001, by which the buffer tells elements apart; and no blank line at either end."""
    text = written(page, writer, max_words)

    assert not {"\x00", "\x01"} & set(text)
    assert text == (text.strip("\n") + "\n" if text.strip("\n") else "")


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<h2>A <b>head</b></h2><p>x", "## A head\nx\n"),
        ("<ul><li>a<li>b<ul><li>c<li>d</ul></ul>", "- a\n- b\n  - c\n  - d\n"),
        ("<ol start=3><li>a<li>b</ol>", "3. a\n4. b\n"),
        ("<blockquote><p>a<p>b</blockquote>", "> a\n> b\n"),
        ("<pre>a\n  b</pre>", "```\na\n  b\n```\n"),
        ("<pre>a\n```\nb</pre>", "````\na\n```\nb\n````\n"),
        ("<table><tr><th>a<th>b<tr><td><td>c</table>", "| a | b |\n| --- | --- |\n|  | c |\n"),
        ("<table><tr><td>a|b<td>c<tr><td>d</table>", "| a\\|b | c |\n| d |\n"),
        (
            "<p>see <a href='/x?a=1&amp;b=\"'>this <del>old</del></a></p>",
            'see [this old](https://x.example/x?a=1&b=")\n',
        ),
        ("<p>a <del>b</del> <s>c</s> d", "a ~~b~~ ~~c~~ d\n"),
        ("<a href=/x>a</a><div></div>b", "[a](https://x.example/x) b\n"),
        ("<p>a<br>b<p>c", "a b\nc\n"),
        ("<a href='/a (b) c'>x</a>", "[x](https://x.example/a%20%28b%29%20c)\n"),
        ("<ol reversed><li>a<li>b<li value=9>c<li>d</ol>", "4. a\n3. b\n9. c\n8. d\n"),
        ("<ol><li>a<li value=9>b<li>c</ol>", "1. a\n9. b\n10. c\n"),
    ],
)
def test_markdown_of_elements(page: str, expected: str) -> None:
    """Headings, lists, quotes, code, tables, links and deletions, as GitHub writes them."""
    tree = BlockTree.from_pages([Page(page, url="https://x.example/")], links=True)

    assert expected == render(MarkdownWriter(tree), tree.cut(256), joined=False)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<h2>A</h2><ul><li>a<li>b</ul>", "A\na\nb\n"),
        ("<table><tr><th>a<th>b<tr><td>c<td><p>d<p>e</table>", "a | b\nc | d e\n"),
        ("<pre>a\n  b</pre>", "a\n  b\n"),
        ("a<img alt='a hedge'>b", "a a hedge b\n"),
    ],
)
def test_text_of_elements(page: str, expected: str) -> None:
    """A line for each block, one for all of a row's cells."""
    assert expected == written(page, TextWriter)


@pytest.mark.parametrize(
    ("writer", "expected"),
    [
        (TextWriter, "[1] T & U https://x.example/\na\n[2]\nb\n"),
        (MarkdownWriter, "# [1] [T & U](https://x.example/)\na\n# [2] untitled\nb\n"),
    ],
)
def test_pages_are_told_apart(writer: type[TextWriter], expected: str) -> None:
    """By number, title and address."""
    tree = BlockTree.from_pages([Page("<title>T &amp; U</title>a", url="https://x.example/"), Page("b")])

    assert expected == render(writer(tree), tree.cut(256))


@given(page=ANY_PAGES)
def test_a_piece_of_a_list_item_is_a_list_item(page: str) -> None:
    """However small blocks are, items keep their signs, and ordered ones their numbers."""
    for max_words in (1, 256):
        numbers = re.findall(
            r"^\s*(\d+)\. ", written(f"<ol><li>{'word ' * 9}<li>b</ol>{page}", MarkdownWriter, max_words), re.M
        )

        assert {"1", "2"} <= set(numbers)
