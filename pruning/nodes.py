"""The cleaned page as a flat table of nodes, and how the parser's events become one.

Nodes stand in document order, so a node's descendants are the run of nodes after it up to `end`. All text lies in one
buffer, in reading order; a node's own stretch of it holds everything below that node. Arrays instead of objects, so
that a table is pickled, cached and walked fast.
"""

from dataclasses import dataclass, field

import numpy as np

from pruning import elements
from pruning.elements import CODES, TEXT
from pruning.metadata import Metadata

# The parser leaves a mark in the text where an element starts or ends.
BLOCK_MARK, INLINE_MARK = "\x00", "\x01"

_DIV, _P, _SUP, _IMG, _TABLE, _TR = (CODES[name] for name in ("div", "p", "sup", "img", "table", "tr"))
_TABLE_PARTS = np.isin(np.arange(len(elements.NAMES)), [CODES[t] for t in "table thead tr td th caption".split()])


@dataclass(slots=True)
class NodeTable:
    """A cleaned page.

    Attributes:
        tag: uint8 (n,), element codes; 0 is text. Node 0 is the root, which has no tag of its own.
        parent: int32 (n,), the root's is -1.
        end: int32 (n,), one past the node's last descendant.
        start, stop: int32 (n,), the node's stretch of `text`. An image's is its alt text.
        words: int32 (n,), words below the node; each CJK or Thai character counts as one.
        spaced: int32 (n,), words below the node as white space separates them.
        attributes: node -> its attributes, written and escaped (` colspan="2"`).
        text: all text in reading order, marks between the nodes.
        metadata: what the page says about itself.
        removed: what cleaning took away, by kind.
    """

    tag: np.ndarray
    parent: np.ndarray
    end: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    words: np.ndarray
    spaced: np.ndarray
    attributes: dict[int, str]
    text: str
    metadata: Metadata
    removed: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tag)

    def is_block(self) -> np.ndarray:
        """bool (n,): block-level elements, the root among them."""
        return elements.IS_BLOCK[self.tag]


@dataclass(slots=True)
class Events:
    """What the parser saw: in `codes` an element's code where it starts, 0 where it ends; for each a mark in `text`."""

    codes: bytearray
    text: str
    attributes: dict[int, str]  # index into codes -> attributes, written
    removed: dict[str, int]


def build(events: Events, metadata: Metadata) -> NodeTable:
    """Turn balanced events, the root's first and last, into a table, and take out what says nothing."""
    table = _from_events(events, metadata)
    _repair(table)
    return _without(table, _superfluous(table))


def _from_events(events: Events, metadata: Metadata) -> NodeTable:
    codes = np.frombuffer(bytes(events.codes), np.uint8)
    chars = np.frombuffer(events.text.encode("utf-32-le", "surrogatepass"), np.uint32)
    marks = np.flatnonzero(chars <= 1).astype(np.int32)
    starts = codes > 0
    # Between any two events there is a stretch of text; slots interleave them: text 0, event 0, text 1, event 1, …
    text_from = np.concatenate(([0], marks + 1)).astype(np.int32)
    text_to = np.concatenate((marks, [len(chars)])).astype(np.int32)
    is_node = np.empty(2 * len(codes) + 1, bool)
    is_node[0::2] = text_to > text_from
    is_node[1::2] = starts
    before = np.cumsum(is_node, dtype=np.int32)  # nodes up to and including each slot
    level = np.cumsum(np.where(starts, 1, -1), dtype=np.int32)
    opened, closed = _pairs(level, starts)

    n = int(before[-1])
    text_slots = np.flatnonzero(is_node[0::2])
    texts, elems = before[0::2][text_slots] - 1, before[1::2][opened] - 1
    columns = ("parent", "end", "start", "stop", "words", "spaced")
    table = NodeTable(
        tag=np.zeros(n, np.uint8),
        **{name: np.zeros(n, np.int32) for name in columns},
        attributes={int(before[2 * event + 1] - 1): value for event, value in events.attributes.items()},
        text=events.text,
        metadata=metadata,
        removed=events.removed,
    )
    table.tag[elems] = codes[opened]
    table.end[texts], table.end[elems] = texts + 1, before[1::2][closed]
    table.start[texts], table.stop[texts] = text_from[text_slots], text_to[text_slots]
    table.start[elems], table.stop[elems] = marks[opened] + 1, marks[closed]
    depth = np.zeros(n, np.int64)
    depth[texts], depth[elems] = level[text_slots - 1] + 1, level[opened]
    table.parent[:] = _parents(depth, elems)
    table.words[:], table.spaced[:] = _count_words(chars, table.start, table.stop)
    return table


def _pairs(level: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Events that open an element, sorted by level, and the events that close each.

    On one level starts and ends take turns, so sorting by level puts each start before its end.
    """
    order = np.argsort(np.where(starts, level, level + 1), kind="stable")
    return order[0::2], order[1::2]


def _parents(depth: np.ndarray, elems: np.ndarray) -> np.ndarray:
    """The parent is the last element before a node that is one level higher."""
    n = len(depth)
    keys = depth[elems] * n + elems  # sorted already: elems come by level, then by position
    wanted = (depth - 1) * n + np.arange(n)
    parent = elems[np.maximum(np.searchsorted(keys, wanted) - 1, 0)].astype(np.int32)
    parent[0] = -1
    return parent


# Scripts written without spaces between words: Thai, Lao, Myanmar, Khmer, kana, Han, and Han's extensions.
_UNSPACED = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF)),
    *((0xF900, 0xFAFF), (0x20000, 0x3FFFF)),
)


def _count_words(chars: np.ndarray, start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Words in each stretch, unspaced scripts by character; and words as white space separates them."""
    gap = chars <= 32
    begins = ~gap
    begins[1:] &= gap[:-1]
    spaced = np.concatenate(([0], np.cumsum(begins, dtype=np.int32)))
    spaced = spaced[stop] - spaced[start]
    if not len(chars) or chars.max() < _UNSPACED[0][0]:
        return spaced, spaced
    single = np.zeros(len(chars), bool)
    for low, high in _UNSPACED:
        single |= (chars >= low) & (chars <= high)
    begins |= single
    begins[1:] |= single[:-1] & ~gap[1:]
    words = np.concatenate(([0], np.cumsum(begins, dtype=np.int32)))
    return words[stop] - words[start], spaced


def count_words(text: str) -> tuple[int, int]:
    """Words in a text, unspaced scripts by character; and words as white space separates them."""
    chars = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    words, spaced = _count_words(chars, np.array([0]), np.array([len(chars)]))
    return int(words[0]), int(spaced[0])


def _repair(table: NodeTable) -> None:
    """Rename what an HTML parser would move elsewhere, so that the page written again is read as the same tree."""
    tag, parent = table.tag, table.parent
    blocks_below = _blocks_below(table)
    tag[(tag == _P) & (blocks_below > 0)] = _DIV
    heading = elements.IS_HEADING[tag]
    tag[1:][heading[1:] & heading[parent[1:]]] = _DIV
    stray = elements.HOLDS_NO_TEXT[tag[parent[1:]]] & ~_TABLE_PARTS[tag[1:]] & (table.words[1:] > 0)
    if stray.any():
        _demote_tables(table, np.flatnonzero(stray) + 1)


def _blocks_below(table: NodeTable) -> np.ndarray:
    count = np.concatenate(([0], np.cumsum(table.is_block(), dtype=np.int32)))
    return count[table.end] - count[np.arange(1, len(table) + 1)]


def _demote_tables(table: NodeTable, strays: np.ndarray) -> None:
    """A table with text outside its cells is a layout, or broken: its parts become divs, and no word moves."""
    tag = table.tag.tolist()
    nearest = [0] * len(tag)
    for node, up in enumerate(table.parent.tolist()):
        nearest[node] = node if tag[node] == _TABLE else nearest[up] if node else 0
    owner = np.array(nearest)
    broken = np.zeros(len(tag), bool)
    broken[owner[strays]] = True
    parts = broken[owner] & _TABLE_PARTS[table.tag]
    table.tag[parts] = _DIV
    table.removed["broken_tables"] = table.removed.get("broken_tables", 0) + len(np.unique(owner[strays]))
    for node in np.flatnonzero(parts).tolist():
        table.attributes.pop(node, None)


def _superfluous(table: NodeTable) -> np.ndarray:
    """bool (n,): nodes that go, their children taking their place."""
    tag, parent, words = table.tag, table.parent, table.words
    is_text = tag == TEXT
    up = np.maximum(parent, 0)
    gone = words == 0
    gone &= ~_keeps_table_shape(table)
    gone |= is_text & (tag[up] == _IMG)  # an alt text belongs to its image
    gone[is_text & ~gone[up] & (words == 0)] = False  # a space between two inline elements
    empty = int(np.count_nonzero(gone & ~is_text))
    inline = ~is_text & ~table.is_block()
    gone |= inline & (_blocks_below(table) > 0)  # a link around a whole card
    gone |= (tag == _SUP) & _starts_with_bracket(table)  # a footnote's mark is no exponent
    gone |= _needless_wrappers(table, gone)
    gone[0] = False
    _count_removed(table, empty, gone)
    return gone


def _keeps_table_shape(table: NodeTable) -> np.ndarray:
    """bool (n,): empty cells of rows that have others with text, and, where cells span rows, empty rows."""
    tag, parent, words = table.tag, np.maximum(table.parent, 0), table.words
    keeps = elements.IS_CELL[tag] & (words[parent] > 0)
    rows = (tag == _TR) & (words == 0)
    if rows.any() and any("rowspan" in value for value in table.attributes.values()):
        above = np.where(tag[parent] == _TABLE, parent, parent[parent])  # a row stands in a table or in its thead
        keeps |= rows & (words[above] > 0)
        keeps |= elements.IS_CELL[tag] & keeps[parent]
    return keeps


def _starts_with_bracket(table: NodeTable) -> np.ndarray:
    marks = np.zeros(len(table), bool)
    for node in np.flatnonzero(table.tag == _SUP).tolist():
        marks[node] = table.text[table.start[node] : table.stop[node]].lstrip(INLINE_MARK + " ").startswith("[")
    return marks


def _needless_wrappers(table: NodeTable, gone: np.ndarray) -> np.ndarray:
    """bool (n,): wrappers around one block, then wrappers that are all that is left in their parent."""
    wrapper = elements.IS_WRAPPER[table.tag] & ~gone
    wrapper[0] = False
    _, children, blocks = _family(table, gone)
    around_one = wrapper & (children == 1) & (blocks == 1)
    parent, children, _ = _family(table, gone | around_one)
    alone = wrapper & (children[parent] == 1) & ~elements.HOLDS_NO_TEXT[table.tag[parent]]
    return around_one | alone


def _family(table: NodeTable, gone: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each node's parent among those that stay, and its number of children and of block children that stay."""
    parent = _nearest_kept(np.maximum(table.parent, 0), gone)
    stay = np.flatnonzero(~gone)[1:]  # all but the root
    children = np.bincount(parent[stay], minlength=len(table))
    blocks = np.bincount(parent[stay], weights=table.is_block()[stay], minlength=len(table))
    return parent, children, blocks


def _nearest_kept(parent: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """int (n,): each node's nearest ancestor that stays."""
    jump = np.where(gone, parent, np.arange(len(parent)))
    while True:
        further = jump[jump]
        if np.array_equal(further, jump):
            return jump[parent]
        jump = further


def _count_removed(table: NodeTable, empty: int, gone: np.ndarray) -> None:
    wrappers = int(np.count_nonzero(gone & (table.tag != TEXT))) - empty
    for kind, number in (("empty", empty), ("wrappers", wrappers)):
        if number > 0:
            table.removed[kind] = number


def _without(table: NodeTable, gone: np.ndarray) -> NodeTable:
    keep = ~gone
    new = np.concatenate(([0], np.cumsum(keep, dtype=np.int32)))
    parent = new[_nearest_kept(np.maximum(table.parent, 0), gone)]
    parent[0] = -1
    return NodeTable(
        tag=table.tag[keep],
        parent=parent[keep],
        end=new[table.end][keep],
        start=table.start[keep],
        stop=table.stop[keep],
        words=table.words[keep],
        spaced=table.spaced[keep],
        attributes={int(new[node]): value for node, value in table.attributes.items() if keep[node]},
        text=table.text,
        metadata=table.metadata,
        removed=table.removed,
    )
