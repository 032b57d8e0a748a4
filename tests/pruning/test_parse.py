"""One page's markup in, its table of nodes out: what each kind of element becomes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning import Limits, Page, PageTimeout, TooManyNodes
from pruning.elements import NAMES
from pruning.nodes import NodeTable
from pruning.parse import node_table
from tests.pruning import oracle
from tests.pruning.strategies import ANY_PAGES


def table_of(html: str, *, links: bool = False, **limits: int) -> NodeTable:
    """The table of a page given as HTML."""
    return node_table(Page(html, url="https://x.example/a/"), Limits(**limits), links=links)


def outline(table: NodeTable, node: int = 0) -> str:
    """The tree below a node, as `tag(child child)`, texts in quotes."""
    children = [child for child in range(len(table)) if table.parent[child] == node]
    inner = " ".join(outline(table, child) for child in children)
    if NAMES[table.tag[node]] in ("#text", "img"):
        quoted = f"'{table.text[table.start[node] : table.stop[node]]}'"
        return quoted if table.tag[node] == 0 else f"img{quoted}"
    written = f"{NAMES[table.tag[node]]}{table.attributes.get(node, '')}"
    return f"{written}({inner})" if node else inner


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a <b>b</b>c", "p('a bc')"),
        ("<p>H<sub>2</sub>O", "p('H' sub('2') 'O')"),
        ("<p>a<sup>[1]</sup> b<sup>2</sup>", "p('a[1] b' sup('2'))"),
        ("<p><del>a</del> <ins>b</ins> <s>c</s> <strike>d</strike>", "p(del('a') ' ' ins('b') ' ' s('c') ' ' s('d'))"),
        ("<p>a<br>b<hr>c", "p('a b') p('c')"),
        ("<p>a<button>b</button>c<select><option>d<option>e</select>", "p('a b c d e')"),
        ("<p>a<x-y>b</x-y>c", "p('a b c')"),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>", "'漢 kan'"),
        ("<p>a<img alt='a hedge'>b", "p('a' img'a hedge' 'b')"),
        ("<p>a<img alt=logo>b", "p('ab')"),
        ("<form><fieldset><legend>a</legend><p>b</fieldset></form>", "div('a') p('b')"),
        ("<menu><li>a<li>b</menu><dir><li>c<li>d</dir>", "ul(li('a') li('b')) ul(li('c') li('d'))"),
        ("<li>a", "'a'"),
        ("x<li>a", "'x' div('a')"),
        ("x<td>a", "'x' div('a')"),
        ("x<summary>a", "'x' div('a')"),
        ("<dl><div><dt>a<dd>b</div></dl>", "dl(dt('a') dd('b'))"),
        ("<table><td>a<td>b<tr><td>c</table>", "table(tr(td('a') td('b')) tr(td('c')))"),
        ("<table><td>a</td><caption>b</caption></table>", "table(tr(td('a')) caption('b'))"),
        ("<table><th>a</table>b", "table(tr(th('a'))) p('b')"),
        ("<details><summary>a</summary>b</details>", "details(summary('a') p('b'))"),
        ("<dialog>a</dialog><dialog open>b</dialog>", "'b'"),
        ("<pre>\n a\n\n  b <b>c</b>\n</pre>", "pre(' a\n\n  b c')"),
        ("<xmp><b>a</b></xmp>", "pre('<b>a</b>')"),
        ("<math><mi>a</mi><annotation>no</annotation></math>", "'a'"),
        ("<svg><title>no</title><text>a</text></svg>", "'a'"),
        ("<head><title>no</title></head>a", "'a'"),
        ("<title>no</title><section>a</section>b", "section('a') p('b')"),
        ("<frameset><noframes>no</noframes></frameset>", ""),
    ],
)
def test_what_an_element_becomes(html: str, expected: str) -> None:
    """A node, a line break, a space, or nothing."""
    assert expected == outline(table_of(html))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<td colspan=2 rowspan='3' class=x>", ' colspan="2" rowspan="3"'),
        ("<td colspan=1 rowspan=0>", ""),
        ("<td colspan=2px>", ' colspan="2"'),
        ("<td colspan=' 7 '>", ' colspan="7"'),
        ("<td colspan=-2 rowspan=x>", ""),
        ("<td colspan=1001 rowspan=9999999>", ""),
        ('<td colspan="2&quot; onclick=x">', ' colspan="2"'),
        ("<td style='color:red' onclick='x()' id=a>", ""),
    ],
)
def test_numbers_of_cells_are_kept(html: str, expected: str) -> None:
    """As numbers: what they merge, and no other attribute."""
    table = table_of(f"<table><tr>{html}a<th>b")

    assert ([expected] if expected else []) == list(table.attributes.values())


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<ol start=3><li>a", [' start="3"']),
        ("<ol start=-3 reversed><li value=7>a", [' start="-3" reversed', ' value="7"']),
        ("<ul start=3><li value=x>a", []),
        ("<ol start=1e9><li>a", [' start="1"']),
    ],
)
def test_numbers_of_lists_are_kept(html: str, expected: list[str]) -> None:
    """Where an ordered list starts, which way it counts, and what an item's own number is."""
    assert expected == list(table_of(html).attributes.values())


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a <a href=b>c</a>", """p('a ' a href="https://x.example/a/b"('c'))"""),
        ("<a href='?q=\"&amp;&lt;'>c</a>", """a href="https://x.example/a/?q=&quot;&amp;&lt;"('c')"""),
        ("<a href=javascript:x>c</a>", "a('c')"),
        ("<a href=b><div>c</div></a>", "'c'"),
        ("<a href=b>c <b>d<a href=e>f</a></b></a>", """a href="https://x.example/a/b"('c df')"""),
        ("<a href=b>c <i>d</i></a>", """a href="https://x.example/a/b"('c d')"""),
    ],
)
def test_links_are_kept_when_asked_for(html: str, expected: str) -> None:
    """With their addresses; not around blocks, and none within another."""
    assert expected == outline(table_of(html, links=True))


@given(page=ANY_PAGES, depth=st.integers(1, 12))
def test_what_lies_too_deep_keeps_its_text(page: str, depth: int) -> None:
    """Below the limit of depth elements lose their tags, and no word."""
    table = table_of(page, depth=depth)
    found = oracle.plain_words(table.text)

    assert "".join(oracle.visible_words(page, alts=True)) == "".join(found)
    level = [0] * len(table)
    for node in range(1, len(table)):
        level[node] = level[table.parent[node]] + (table.tag[node] != 0)
    assert max(level[node] for node in np.flatnonzero(table.is_block())) <= depth


def test_what_a_deep_image_says_is_set_apart() -> None:
    """As a text among the others, and not within a word."""
    assert "'x x a dog x'" == outline(table_of("<div>x<div>x<img alt='a dog'>x", depth=1))


def test_deep_elements_are_counted() -> None:
    """`removed` tells how many lost their tags."""
    assert 5 == table_of("<div>x" * 14, depth=9).removed["deep"]


def test_the_pages_own_marks_are_no_marks() -> None:
    """A page that holds the characters by which the buffer tells elements apart is read once more, without them."""
    table = table_of("<p>a&#1;b\x01c\x02d\x03\x04e</p><pre>f\x02g</pre>")

    assert "p('abcde') pre('fg')" == outline(table)


def test_a_panel_that_a_control_opens_is_seen() -> None:
    """If the control comes first; a panel before any control stays hidden."""
    page = "<div id=a hidden>one</div><button aria-controls='a b'>x</button><div id=b hidden>two</div>"

    assert "'x' div('two')" == outline(table_of(page))


def test_too_many_nodes_are_an_error() -> None:
    """In one line, with the limit."""
    with pytest.raises(TooManyNodes, match="the page has more than 1,000 elements"):
        table_of("<p>x" * 9000, nodes=1000)
    assert 2001 == len(table_of("<p>x" * 1000, nodes=1000))


def test_a_slow_page_is_an_error() -> None:
    """Past the time limit there is no result."""
    with pytest.raises(PageTimeout, match=r"within 0\.01 s"):
        node_table(Page("<div>" * 300_000 + "</p>" * 300_000), Limits(seconds=0.01))
