"""Text beside blocks is a paragraph, unless it opens the element around it."""

import pytest
from hypothesis import given

from pruning import Page, clean
from pruning.elements import NAMES
from pruning.nodes import NodeTable
from pruning.parse import node_table
from tests.pruning.oracle import NO_PARAGRAPHS
from tests.pruning.strategies import ANY_PAGES


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("a<p>b</p>c<p>d", "a\n<p>b\n<p>c\n<p>d\n"),
        (
            "<p>a</p><div>b <sub>1</sub><img alt='a hedge'><p>c</p></div>",
            '<p>a\n<p>b <sub>1</sub><img alt="a hedge">\n<p>c\n',
        ),
        ("<ol start=2><li>a<p>b</p>c<li>d</ol>", '<ol start="2">\n<li>\na\n<p>b\n<p>c\n<li>d\n</ol>\n'),
        ("<h2><div>a</div>b<div>c</div></h2>", "<h2>\n<div>a</div>\nb\n<div>c</div>\n</h2>\n"),
    ],
)
def test_text_beside_blocks_is_a_paragraph(html: str, expected: str) -> None:
    """But for the first in an element that is written, and where no paragraph may stand."""
    assert f"<!DOCTYPE html>\n{expected}" == clean(html)


@given(page=ANY_PAGES)
def test_no_text_stands_behind_a_block(page: str) -> None:
    """Where a paragraph may stand; and a paragraph reaches around all of its text."""
    table = node_table(Page(page))
    is_block, holds_block = table.is_block().tolist(), set[int]()
    for node, above in enumerate(table.parent.tolist()):
        if not is_block[node] and above in holds_block:
            assert not _may_hold_paragraphs(table, above)
        if is_block[node]:
            holds_block.add(above)
        if NAMES[table.tag[node]] == "p":
            assert table.start[node] <= table.start[node + 1]
            assert table.stop[node] >= max(table.stop[node + 1 : table.end[node]])


def _may_hold_paragraphs(table: NodeTable, node: int) -> bool:
    around = []
    while node > 0:
        around.append(NAMES[table.tag[node]])
        node = int(table.parent[node])
    return NO_PARAGRAPHS.isdisjoint(around)
