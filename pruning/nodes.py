"""The cleaned page as a flat table of nodes, and how the parser's events become one (tidy.py goes on from there).

Nodes stand in document order, so a node's descendants are the run of nodes after it up to `end`. All text lies in one
buffer, in reading order; a node's own stretch of it holds everything below that node. Arrays instead of objects, so
that a table is pickled, cached and walked fast.
"""

from dataclasses import dataclass, field

import numpy as np

from pruning import elements
from pruning.metadata import Metadata

# The parser leaves a mark in the text where an element starts or ends.
BLOCK_MARK, INLINE_MARK = "\x00", "\x01"


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

    def number_below(self, chosen: np.ndarray) -> np.ndarray:
        """int (n,): how many of the chosen nodes, bool (n,), stand somewhere below each node."""
        count = np.concatenate(([0], np.cumsum(chosen, dtype=np.int32)))
        return count[self.end] - count[np.arange(1, len(self) + 1)]

    def is_below(self, chosen: np.ndarray) -> np.ndarray:
        """bool (n,): nodes somewhere below one of the chosen nodes, bool (n,)."""
        begun = np.bincount(np.flatnonzero(chosen) + 1, minlength=len(self) + 1)
        ended = np.bincount(self.end[chosen], minlength=len(self) + 1)
        return np.cumsum(begun - ended)[:-1] > 0

    def nearest_without(self, gone: np.ndarray) -> np.ndarray:
        """int (n,): each node's nearest ancestor that is none of the chosen, bool (n,); the root's is the root."""
        parent = np.maximum(self.parent, 0)
        jump = np.where(gone, parent, np.arange(len(parent)))
        while True:
            further = jump[jump]
            if np.array_equal(further, jump):
                return jump[parent]
            jump = further


@dataclass(slots=True)
class Events:
    """What the parser saw: in `codes` an element's code where it starts, 0 where it ends; for each a mark in `text`."""

    codes: bytearray
    text: str
    attributes: dict[int, str]  # index into codes -> attributes, written
    removed: dict[str, int]


def from_events(events: Events, metadata: Metadata) -> NodeTable:
    """The table of balanced events, the root's first and last."""
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
