"""The cleaned page as a flat table of nodes, and how the parser's events become one (tidy.py goes on from there).

Nodes stand in document order, so a node's descendants are the run of nodes after it up to `end`. All text lies in one
buffer, in reading order; a node's own stretch of it holds everything below that node. Arrays instead of objects, so
that a table is pickled, cached and walked fast.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pruning import elements
from pruning.metadata import Metadata
from pruning.words import count_before, places_up_to, words_between

# The parser leaves a mark in the text where an element starts or ends.
BLOCK_MARK, INLINE_MARK = "\x00", "\x01"

_MANY = 100  # nodes of a text from which it pays off to look up those that a piece of it holds


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
        count = count_before(chosen)
        return count[self.end] - count[1:]

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
            if (further == jump).all():
                return jump[parent]
            jump = further

    def reaching(self, first: int, last: int, start: int, stop: int) -> Sequence[int]:
        """Those of the nodes `first` to `last` that reach into a stretch of the text; all, where they are few."""
        if last - first < _MANY:
            return range(first, last)
        low, high = (np.searchsorted(self.start[first:last], (start, stop)) + first).tolist()
        around = []
        node = low - 1  # of all that begin before the stretch, only this one and its ancestors can end behind it
        while node >= first:
            if self.stop[node] > start:
                around.append(node)
            node = int(self.parent[node])
        return [*reversed(around), *range(low, high)]


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
    marks = places_up_to(ord(INLINE_MARK), events.text)
    starts = codes > 0
    # Between any two events there is a stretch of text; slots interleave them: text 0, event 0, text 1, event 1, …
    borders = np.empty(len(codes) + 2, np.int32)
    borders[0], borders[1:-1], borders[-1] = -1, marks, len(events.text)
    text_from, text_to = borders[:-1] + 1, borders[1:]
    is_node = np.empty(2 * len(codes) + 1, bool)
    is_node[0::2] = text_to > text_from
    is_node[1::2] = starts
    before = np.cumsum(is_node, dtype=np.int32)  # nodes up to and including each slot
    level = np.cumsum(np.where(starts, 1, -1), dtype=np.int32)
    opened, closed = _pairs(level, starts)

    n = int(before[-1])
    text_slots = np.flatnonzero(is_node[0::2])
    texts, elems = before[0::2][text_slots] - 1, before[1::2][opened] - 1
    tag = np.zeros(n, np.uint8)
    end, start, stop, depth = (np.empty(n, np.int32) for _ in range(4))
    tag[elems] = codes[opened]
    end[texts], end[elems] = texts + 1, before[1::2][closed]
    start[texts], start[elems] = text_from[text_slots], text_from[opened + 1]
    stop[texts], stop[elems] = text_to[text_slots], text_to[closed]
    depth[texts], depth[elems] = level[text_slots - 1] + 1, level[opened]
    words, spaced = words_between(events.text, start, stop)
    return NodeTable(
        tag=tag,
        parent=_parents(depth, elems),
        end=end,
        start=start,
        stop=stop,
        words=words,
        spaced=spaced,
        attributes={int(before[2 * event + 1] - 1): value for event, value in events.attributes.items()},
        text=events.text,
        metadata=metadata,
        removed=events.removed,
    )


_MANY_LEVELS = 1 << 15


def _pairs(level: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Events that open an element, sorted by level, and the events that close each.

    On one level starts and ends take turns, so sorting by level puts each start before its end.
    """
    keys = level + ~starts
    if len(keys) < _MANY_LEVELS or keys.max() < _MANY_LEVELS:
        keys = keys.astype(np.int16)  # sorted by radix, ten times as fast
    order = np.argsort(keys, kind="stable")
    return order[0::2], order[1::2]


def _parents(depth: np.ndarray, elems: np.ndarray) -> np.ndarray:
    """The parent is the last element before a node that is one level higher."""
    n = len(depth)
    before_level = depth * np.int64(n)
    keys = before_level[elems] + elems  # sorted already: elems come by level, then by position
    wanted = before_level + np.arange(-n, 0)
    parent = elems[np.maximum(np.searchsorted(keys, wanted) - 1, 0)].astype(np.int32)
    parent[0] = -1
    return parent
