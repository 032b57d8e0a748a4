"""Which tags are written: those that tell something, and of end tags those that a parser would not add by itself."""

import numpy as np

from pruning import elements
from pruning.elements import CODES
from pruning.nodes import NodeTable

_TR, _THEAD, _CAPTION, _P = (CODES[name] for name in ("tr", "thead", "caption", "p"))


def names_to_write(table: NodeTable) -> np.ndarray:
    """uint8 (n,): the code of each node's tag as it is written. A `div` that is a mere paragraph is written as one.

    It says the same for a third of the tokens.
    """
    code, is_block = table.tag, table.is_block()
    leaf = elements.IS_WRAPPER[code] & (np.bincount(table.around()[is_block], minlength=len(table)) == 0)
    leaf[0] = False
    if not leaf.any():
        return code
    inside = table.is_below(elements.HOLDS_NO_PARAGRAPH[code])
    return np.where(leaf & ~inside, np.uint8(_P), code)


def tags_to_write(table: NodeTable, tag: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """bool (n,) twice: elements whose tags are written, and those of them that need an end tag.

    A `p` or `li` may leave its end tag out unless something stands beside it that does not close it.
    """
    parent = np.maximum(table.parent, 0)
    is_block, numbers = table.is_block(), np.arange(len(table))
    bare = ~is_block & is_block[parent]
    holds_bare = np.bincount(parent[bare], minlength=len(table)) > 0
    bare &= np.maximum.accumulate(np.where(is_block, numbers, 0)) != parent  # none that opens an element ends another
    written = ~elements.IS_WRAPPER[tag] | holds_bare
    written[0] = False
    around = parent.copy()
    while True:  # up to the nearest element that is written: what counts as beside is what will be read as beside
        skip = ~written[around] & (around > 0)
        if not skip.any():
            break
        around[skip] = parent[around[skip]]
    needs_end = ~elements.END_OPTIONAL[tag]
    for kind, not_beside in elements.END_NEEDED:
        wrong = bare | (written & not_beside[tag]) | (_is_late_head(table) if kind[_TR] else False)
        beside = np.zeros(len(table), bool)
        beside[around[wrong & (numbers != around + 1)]] = True  # what comes first stands behind nothing
        needs_end |= kind[tag] & beside[around]
    for code in np.flatnonzero(elements.END_OPTIONAL_IF_ALONE):
        alike = np.flatnonzero(tag == code)
        if len(alike):
            needs_end[alike] |= (np.bincount(around[alike]) > 1)[around[alike]]
    return written, needs_end


def _is_late_head(table: NodeTable) -> np.ndarray:
    """bool (n,): each `thead` and `caption` behind a row: libxml2 puts it into that."""
    tag, parent = table.tag, np.maximum(table.parent, 0)
    rows = np.flatnonzero(tag == _TR)
    first_row = np.full(len(table), len(table))
    first_row[parent[rows][::-1]] = rows[::-1]
    return ((tag == _THEAD) | (tag == _CAPTION)) & (first_row[parent] < np.arange(len(table)))
