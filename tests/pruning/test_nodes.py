"""The flat table of nodes says the same as a tree built node by node."""

import pickle
from dataclasses import dataclass, field

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from pruning import Page
from pruning.characters import BLOCK_MARK, kinds_of
from pruning.elements import CODES, NAMES, TEXT
from pruning.metadata import Metadata
from pruning.nodes import Events, Nesting, NodeTable, from_events
from pruning.parse import node_table
from pruning.words import count_words
from tests.pruning.strategies import ANY_PAGES


@dataclass
class Node:
    """A node of a tree, as everybody would write it."""

    tag: int
    start: int
    parent: int
    stop: int = 0
    end: int = 0


@dataclass
class Slow:
    """Nodes one after the other, by a stack."""

    codes: bytearray = field(default_factory=bytearray)
    text: str = ""
    nodes: list[Node] = field(default_factory=list)
    stack: list[int] = field(default_factory=list)

    def open(self, code: int) -> None:
        self.codes.append(code)
        self.text += BLOCK_MARK
        self.nodes.append(Node(code, len(self.text), self.stack[-1] if self.stack else -1))
        self.stack.append(len(self.nodes) - 1)

    def say(self, text: str) -> None:
        if text:
            number = len(self.nodes)
            self.nodes.append(Node(TEXT, len(self.text), self.stack[-1], len(self.text) + len(text), number + 1))
            self.text += text

    def close(self) -> None:
        node = self.nodes[self.stack.pop()]
        node.stop, node.end = len(self.text), len(self.nodes)
        self.codes.append(0)
        self.text += BLOCK_MARK


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.integers(1, len(NAMES) - 1)),
        st.tuples(st.just("say"), st.sampled_from(["a", "b c", " ", "漢字", "d ", "𠀋x"])),
        st.tuples(st.just("close"), st.just(None)),
    ),
    max_size=40,
)


@st.composite
def trees(draw: st.DrawFn) -> Slow:
    """A tree of any shape, a text never beside a text."""
    tree = Slow()
    tree.open(CODES["div"])
    for step, what in draw(STEPS):
        if step == "open":
            tree.open(what)
        elif step == "say" and tree.text.endswith(BLOCK_MARK):
            tree.say(what)
        elif step == "close" and len(tree.stack) > 1:
            tree.close()
    while tree.stack:
        tree.close()
    return tree


def table_of(tree: Slow) -> NodeTable:
    """The table of a tree's events."""
    events = Events(tree.codes, tree.text, {}, {})
    return from_events(events, kinds_of(tree.text), Nesting.of(events), Metadata())


@given(tree=trees())
def test_the_table_is_the_tree(tree: Slow) -> None:
    """Tags, parents, ends and stretches of text are those of the nodes, in document order."""
    table = table_of(tree)

    assert [node.tag for node in tree.nodes] == table.tag.tolist()
    assert [node.parent for node in tree.nodes] == table.parent.tolist()
    assert [node.end for node in tree.nodes] == table.end.tolist()
    assert [(node.start, node.stop) for node in tree.nodes] == list(
        zip(table.start.tolist(), table.stop.tolist(), strict=True)
    )


@given(tree=trees())
def test_words_below_a_node_are_those_of_its_text(tree: Slow) -> None:
    """By white space and marks; and with each character of an unspaced script as a word."""
    table = table_of(tree)
    stretches = [tree.text[node.start : node.stop].replace("\x00", " ") for node in tree.nodes]

    assert [len(text.split()) for text in stretches] == table.spaced.tolist()
    apart = [text.translate({ord(character): f" {character} " for character in "漢字𠀋"}) for text in stretches]
    assert [len(text.split()) for text in apart] == table.words.tolist()


@given(tree=trees(), seed=st.integers(0, 2**32 - 1))
def test_what_is_below_and_above_is_found(tree: Slow, seed: int) -> None:
    """Counts below, membership below, and the nearest ancestor that stays, as by walking up from each node."""
    table = table_of(tree)
    chosen = np.random.default_rng(seed).random(len(table)) < 0.3
    chosen[0] = False
    above = [ancestors(table, node) for node in range(len(table))]

    assert [any(chosen[up] for up in ups) for ups in above] == table.is_below(chosen).tolist()
    below = [sum(chosen[node] and up in above[node] for node in range(len(table))) for up in range(len(table))]
    assert below == table.number_below(chosen).tolist()
    nearest = [next((up for up in ups if not chosen[up]), 0) for ups in above]
    assert nearest == table.nearest_without(chosen).tolist()


def ancestors(table: NodeTable, node: int) -> list[int]:
    """The nodes around a node, innermost first."""
    found = []
    while table.parent[node] >= 0:
        node = int(table.parent[node])
        found.append(node)
    return found


@given(page=ANY_PAGES, links=st.booleans())
def test_a_cleaned_page_is_a_sound_table(page: str, links: bool) -> None:
    """Children lie within their parents, in the table and in the text; attributes belong to tags that have them."""
    table = node_table(Page(page), links=links)
    parent = table.parent[1:]

    assert -1 == table.parent[0]
    assert (parent < np.arange(1, len(table))).all()
    assert (table.end[1:] <= table.end[parent]).all()
    assert (table.start[1:] >= table.start[parent]).all()
    assert (table.stop[1:] <= table.stop[parent]).all()
    assert {NAMES[table.tag[node]] for node in table.attributes} <= {"a", "td", "th", "ol", "li"}
    counted = [count_words(table.text[a:b]) for a, b in zip(table.start.tolist(), table.stop.tolist(), strict=True)]
    assert counted == list(zip(table.words.tolist(), table.spaced.tolist(), strict=True))


@given(page=ANY_PAGES, links=st.booleans())
@example(page="<p>a<img>b<sup>[1]</sup>漢<img> c<b><img>字</b>", links=False)
def test_no_text_stands_beside_a_text(page: str, links: bool) -> None:
    """What was between them is gone, so they are one, and no mark is left within."""
    table = node_table(Page(page), links=links)
    texts = table.tag == TEXT

    assert not (texts[1:] & texts[:-1] & (table.parent[1:] == table.parent[:-1])).any()
    for start, stop in zip(table.start[texts].tolist(), table.stop[texts].tolist(), strict=True):
        assert not {"\x00", "\x01"} & set(table.text[start:stop])


def test_a_table_is_pickled_whole() -> None:
    """It goes to another process and comes back the same."""
    table = node_table(
        Page("<title>T</title><h1>a</h1><table><tr><td colspan=2>漢字<td>b</table>", url="https://x.example/")
    )

    again = pickle.loads(pickle.dumps(table))

    for name in NodeTable.__slots__:
        assert np.array_equal(getattr(table, name), getattr(again, name)), name
