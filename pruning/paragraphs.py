"""Text that stands beside blocks becomes a paragraph, as a browser lays it out too (CSS calls it an anonymous block).

A `p` costs its start tag. Without one, the `div` around such a text would have to be written, and the paragraphs beside
it would need their end tags.
"""

import numpy as np

from pruning import elements
from pruning.elements import CODES
from pruning.nodes import NodeTable

_P = CODES["p"]


def with_paragraphs(table: NodeTable) -> NodeTable:
    """The table with a `p` around each text beside blocks, but for one that opens an element whose tag is written."""
    bare, begins = table.runs()
    runs = np.flatnonzero(begins)  # where in `bare`
    first = bare[runs]
    wanted = _needs_paragraph(table, first)
    at = first[wanted]
    if not len(at):
        return table
    before = np.zeros(len(table) + 1, np.int32)  # paragraphs that begin before each node
    before[at + 1] = 1
    np.cumsum(before, out=before)
    moved = np.arange(len(table)) + before[1:]
    around = moved[table.parent[first]]
    parent = moved[table.around()]
    parent[0] = -1
    parent[bare] = np.where(wanted, moved[first] - 1, around)[np.cumsum(begins) - 1]
    end, stop = (np.maximum.reduceat(column[bare], runs)[wanted] for column in (table.end, table.stop))
    words, spaced = (np.add.reduceat(column[bare], runs)[wanted] for column in (table.words, table.spaced))

    def joined(column: np.ndarray, added: np.ndarray | int) -> np.ndarray:
        both = np.empty(len(table) + len(at), column.dtype)
        both[moved], both[moved[at] - 1] = column, added
        return both

    return NodeTable(
        tag=joined(table.tag, _P),
        parent=joined(parent.astype(np.int32), around[wanted]),
        end=joined(table.end + before[table.end], end + before[end]),
        start=joined(table.start, table.start[at]),
        stop=joined(table.stop, stop),
        words=joined(table.words, words),
        spaced=joined(table.spaced, spaced),
        attributes={int(moved[node]): value for node, value in table.attributes.items()},
        text=table.text,
        metadata=table.metadata,
        removed=table.removed,
    )


def _needs_paragraph(table: NodeTable, first: np.ndarray) -> np.ndarray:
    """bool (k,): texts, given by their first nodes, that need a tag to be apart, and may stand in a paragraph."""
    around = table.parent[first]
    tag = table.tag[around]
    opens = (first == around + 1) & (~elements.IS_WRAPPER[tag] | (around == 0))
    wanted: np.ndarray = ~opens & ~elements.HOLDS_NO_TEXT[tag] & ~elements.HOLDS_NO_PARAGRAPH[tag]
    if wanted.any():
        wanted &= ~table.is_below(elements.HOLDS_NO_PARAGRAPH[table.tag])[around]
    return wanted
