"""Definition lists: which terms a text explains."""

import numpy as np
import pytest
from hypothesis import given

from pruning import Page
from pruning.blocks import plain
from pruning.definitions import Definitions
from pruning.elements import CODES
from pruning.nodes import NodeTable
from pruning.parse import node_table
from tests.pruning.strategies import ANY_PAGES

MANUAL = """<p>Before.<dl><dt>class date<dd>A day.<dl><dt>today()</dt><dt>now()<dd><p>The day that it is.<p>Local.</dd>
<dd>Or so.<dt>year<dd>A number.</dl><p>It adds up.<dt>Last</dl>"""


def terms_of(table: NodeTable, text: str) -> list[str]:
    """The terms that the text explains."""
    nodes = np.flatnonzero((table.tag == 0) & (table.words > 0)).tolist()
    node = next(node for node in nodes if said(table, node) == text)
    return [said(table, term) for term in Definitions(table).explained(node)]


def said(table: NodeTable, node: int) -> str:
    """What stands below a node."""
    return plain(table.text[table.start[node] : table.stop[node]]).strip()


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("A day.", ["class date"]),
        ("The day that it is.", ["today()", "now()"]),
        ("Local.", ["today()", "now()"]),
        ("Or so.", ["today()", "now()"]),
        ("A number.", ["year"]),
        ("It adds up.", ["class date"]),
        ("Before.", []),
        ("year", ["class date"]),
        ("Last", []),
    ],
)
def test_a_text_explains_the_terms_before_it(text: str, terms: list[str]) -> None:
    """Those of the innermost list; several before one text, several texts behind one term."""
    assert terms == terms_of(node_table(Page(MANUAL)), text)


def test_lists_stand_beside_each_other() -> None:
    """What has no term in its own list has none."""
    table = node_table(Page("<dl><dt>one<dd>First.</dl><dl><dd>Second.</dl>"))

    assert [["one"], []] == [terms_of(table, text) for text in ("First.", "Second.")]


@given(page=ANY_PAGES)
def test_terms_stand_before_what_explains_them(page: str) -> None:
    """They are `dt` of the same list as the innermost `dd` around a node, in page order."""
    table = node_table(Page(page))
    definitions = Definitions(table)
    for node in range(len(table)):
        terms = definitions.explained(node)

        assert terms == sorted(set(terms))
        assert all(table.tag[term] == CODES["dt"] and table.end[term] <= node for term in terms)
        assert len({int(table.parent[term]) for term in terms}) <= 1


def test_many_terms_of_one_text_take_no_square_of_their_number() -> None:
    """They stand in one list that all of their texts share."""
    table = node_table(Page("<dl>" + "<dt>a</dt>" * 50 + "<dd>b</dd><dd>c</dd></dl>"))
    definitions = Definitions(table)
    one, other = np.flatnonzero(table.tag == CODES["dd"]).tolist()

    assert 50 == len(definitions.explained(one))
    assert definitions.explained(one) is definitions.explained(other)
