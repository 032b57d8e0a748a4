"""The cleaned page as a flat table of nodes, and how the parser's events become one (tidy.py goes on from there).

Nodes stand in document order, so a node's descendants are the run of nodes after it up to `end`. All text lies in one
buffer, in reading order; a node's own stretch of it holds everything below that node. Arrays instead of objects, so
that a table is pickled, cached and walked fast.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pruning import elements
from pruning.characters import MARK
from pruning.elements import CODES
from pruning.metadata import Metadata
from pruning.words import count_before, words_between

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

    def around(self) -> np.ndarray:
        """int (n,): each node's parent, the root's is itself; of the type that numpy reads fastest as an index."""
        return np.maximum(self.parent, 0, dtype=np.intp)

    def number_below(self, chosen: np.ndarray) -> np.ndarray:
        """int (n,): how many of the chosen nodes, bool (n,), stand somewhere below each node."""
        count = count_before(chosen)
        return count[self.end.astype(np.intp)] - count[1:]

    def is_below(self, chosen: np.ndarray) -> np.ndarray:
        """bool (n,): nodes somewhere below one of the chosen nodes, bool (n,)."""
        begun = np.bincount(np.flatnonzero(chosen) + 1, minlength=len(self) + 1)
        ended = np.bincount(self.end[chosen], minlength=len(self) + 1)
        return np.cumsum(begun - ended)[:-1] > 0

    def runs(self) -> tuple[np.ndarray, np.ndarray]:
        """Texts beside blocks: int (k,), their nodes, as far as blocks hold them; bool (k,), which begin a text."""
        is_block, parent = self.is_block(), self.around()
        has_blocks = np.bincount(parent[1:][is_block[1:]], minlength=len(self)) > 0
        bare = np.flatnonzero(~is_block & is_block[parent] & has_blocks[parent])
        # A text goes on where a bare node begins right where its bare sibling ended.
        ended = np.full(len(self) + 1, -1, np.int32)
        ended[self.end[bare]] = parent[bare]
        return bare, ended[bare] != parent[bare]

    def nearest_without(self, gone: np.ndarray) -> np.ndarray:
        """int (n,): each node's nearest ancestor that is none of the chosen, bool (n,); the root's is the root."""
        parent = self.around()
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


_MANY_LEVELS = 1 << 15
# By the codes of an element and of what stands in it: what settle.py has to see to.
_UNSETTLED = np.zeros((len(elements.NAMES), len(elements.NAMES)), bool)
_UNSETTLED[CODES["table"], [CODES["td"], CODES["th"]]] = True
_UNSETTLED[CODES["dl"], CODES["div"]] = True


@dataclass(slots=True)
class Nesting:
    """Which events belong to one element, and what stands in what. Elements come level by level, each in page order.

    Attributes:
        codes: uint8 (2k,), those of the events.
        opened, closed: int (k,), the events that start and end each element; the root's come first.
        level: int (k,), the root's is 1.
        around: int (k,), the event that starts the element around it; the root's is its own.
    """

    codes: np.ndarray
    opened: np.ndarray
    closed: np.ndarray
    level: np.ndarray
    around: np.ndarray

    @classmethod
    def of(cls, events: Events) -> "Nesting":
        """The nesting of balanced events, the root's first and last."""
        codes = np.frombuffer(events.codes, np.uint8)
        starts = codes > 0
        # An element's start and its end have the same level. On one level they take turns, so sorting by level puts
        # each start before its end.
        level = np.cumsum(np.where(starts, 1, -1), dtype=np.int32)
        level += ~starts
        if len(codes) < _MANY_LEVELS or level.max() < _MANY_LEVELS:
            level = level.astype(np.int16)  # sorted by radix, ten times as fast
        order = np.argsort(level, kind="stable")
        opened, closed = order[0::2].copy(), order[1::2].copy()  # in one piece each, they are read faster
        level = level[opened]
        # What is around an element is the last one that starts before it, one level higher.
        place = level * np.int64(len(codes)) + opened
        around = opened[np.searchsorted(place, place - len(codes)) - 1]
        around[0] = opened[0]
        return cls(codes, opened, closed, level, around)

    def is_settled(self, depth: int) -> bool:
        """Whether nothing is deeper than `depth`, and no element has to be added or taken out."""
        return bool(
            self.level[-1] <= depth + 1 and not _UNSETTLED[self.codes[self.around], self.codes[self.opened]].any()
        )

    def outermost(self, code: int) -> list[tuple[int, int]]:
        """The events that start and end each element of this code that stands in none of its like, in page order."""
        chosen = self.codes[self.opened] == code
        found = []
        last = -1
        for start, end in sorted(zip(self.opened[chosen].tolist(), self.closed[chosen].tolist(), strict=True)):
            if start > last:
                found.append((start, end))
                last = end
        return found


def from_events(events: Events, kinds: np.ndarray, nesting: Nesting, metadata: Metadata) -> NodeTable:
    """The table of events: a node for each element, and one for each text between two events.

    Args:
        events: what the parser saw, white space folded.
        kinds: uint8 (n,), those of the text's characters.
        nesting: which events belong together.
        metadata: what the page says about itself.
    """
    codes, opened, closed = nesting.codes, nesting.opened, nesting.closed
    marks = np.flatnonzero(kinds & MARK != 0).astype(np.int32)
    starts, has_text = codes > 0, np.zeros(len(codes), bool)
    has_text[:-1] = marks[1:] - marks[:-1] > 1
    texts = np.flatnonzero(has_text)
    # Each event brings up to two nodes: its element, and the text behind it.
    first = np.zeros(len(codes) + 1, np.int32)
    np.cumsum(np.add(starts, has_text, dtype=np.int8), out=first[1:])
    element, text = first[opened], (first[:-1] + starts)[texts]
    inside = np.empty(len(codes), np.intp)  # behind each event, the event that starts the element that is open then
    inside[opened], inside[closed] = opened, nesting.around

    n = int(first[-1])
    tag = np.zeros(n, np.uint8)
    parent, end, start, stop = (np.empty(n, np.int32) for _ in range(4))
    tag[element] = codes[opened]
    parent[element], parent[text] = first[nesting.around], first[inside[texts]]
    parent[0] = -1
    end[element], end[text] = first[closed], text + 1
    start[element], start[text] = marks[opened] + 1, marks[texts] + 1
    stop[element], stop[text] = marks[closed], marks[texts + 1]
    words, spaced = words_between(kinds, start, stop)
    return NodeTable(
        tag=tag,
        parent=parent,
        end=end,
        start=start,
        stop=stop,
        words=words,
        spaced=spaced,
        attributes={int(first[event]): value for event, value in events.attributes.items()},
        text=events.text,
        metadata=metadata,
        removed=events.removed,
    )
