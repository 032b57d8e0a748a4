"""What gives a block its meaning: the headings above it, its table's caption and header row, the term it explains."""

from bisect import bisect_left

import numpy as np

from pruning import elements
from pruning.blocks import BlockTree
from pruning.definitions import Definitions
from pruning.elements import CODES
from pruning.nodes import NodeTable

_TABLE, _THEAD, _CAPTION, _TR, _TH, _DT = (CODES[name] for name in ("table", "thead", "caption", "tr", "th", "dt"))


class Context:
    """Finds, among the blocks that may be kept, those that explain a given one.

    Args:
        tree: all blocks.
        blocks: the blocks that may be kept, in reading order, none within another.
    """

    def __init__(self, tree: BlockTree, blocks: np.ndarray) -> None:
        self._tree = tree
        tags = tree.tag[blocks]
        heading = elements.IS_HEADING[tags]
        self._headings = blocks[heading].tolist()
        self._levels = tags[heading].tolist()  # the codes of h1 to h6 rise with the level
        self._heading_starts = list(
            zip(tree.page[blocks[heading]].tolist(), tree.start[blocks[heading]].tolist(), strict=True)
        )
        self._table_heads = self._find_table_heads(blocks)
        terms = blocks[tags == _DT]
        self._terms = {(int(tree.page[term]), int(tree.node[term])): term for term in terms.tolist()}
        self._definitions = {page: Definitions(tree.tables[page]) for page, _ in self._terms}

    def of(self, block: int) -> list[int]:
        """The blocks that explain this one, the most telling first."""
        return [*self.table_heads(block), *self.over(block)]

    def table_heads(self, block: int) -> list[int]:
        """What heads the tables that a block stands in, from within out.

        These are a table's caption, its header rows before all others, and the last one before the block: rows that
        head a group of others stand between them.
        """
        found: list[int] = []
        start = int(self._tree.start[block])
        for above in self._tree.ancestors(block):
            first, later = self._table_heads.get(above, ((), ()))
            found += [*first, *[head for head in later if self._tree.start[head] < start][-1:]]
        return [head for head in found if head != block]

    def over(self, block: int) -> list[int]:
        """The term that a block explains, the nearest heading, the one above that."""
        return [other for other in (*self._terms_over(block), *self._headings_over(block)) if other != block]

    def _terms_over(self, block: int) -> list[int]:
        page = int(self._tree.page[block])
        if page not in self._definitions:
            return []
        terms = self._definitions[page].explained(int(self._tree.node[block]))
        return [self._terms[page, term] for term in terms if (page, term) in self._terms]

    def _find_table_heads(self, blocks: np.ndarray) -> dict[int, tuple[list[int], list[int]]]:
        """Table -> its caption and first header rows, and its later ones, as far as they are blocks of their own."""
        tree = self._tree
        heads: dict[int, tuple[list[int], list[int]]] = {}
        first_row: dict[int, int] = {}  # looked for once a table: it may have a hundred thousand rows
        in_table = np.isin(tree.tag[tree.parent[blocks]], (_TABLE, _THEAD)) & (tree.parent[blocks] >= 0)
        for block in blocks[in_table].tolist():
            parent = int(tree.parent[block])
            if tree.tag[parent] == _THEAD:
                parent = int(tree.parent[parent])
            elif tree.tag[parent] != _TABLE or not self._is_head(block):
                continue
            if parent not in heads:
                heads[parent], first_row[parent] = ([], []), self._first_row(parent)
            is_late = bool(tree.tag[block] == _TR and tree.node[block] > first_row[parent])
            heads[parent][is_late].append(block)
        return heads

    def _first_row(self, block: int) -> int:
        """The node of a table's first row that is more than a header; behind its last where there is none."""
        table = self._tree.tables[self._tree.page[block]]
        node, last = int(self._tree.node[block]), int(self._tree.last[block])
        rows = node + 1 + np.flatnonzero((table.tag[node + 1 : last] == _TR) & (table.parent[node + 1 : last] == node))
        return next((row for row in rows.tolist() if not _is_header(table, row)), last)

    def _is_head(self, block: int) -> bool:
        tree = self._tree
        if tree.tag[block] != _TR:
            return tree.tag[block] in (_CAPTION, _THEAD)
        return _is_header(tree.tables[tree.page[block]], int(tree.node[block]))

    def _headings_over(self, block: int) -> list[int]:
        """Headings before the block, nearest first, each of a higher rank than the one before it.

        A heading counts if what it stands in, or the element around that, holds the block too.
        """
        tree = self._tree
        where = (int(tree.page[block]), int(tree.start[block]))
        level = len(elements.NAMES)
        found = []
        for number in range(bisect_left(self._heading_starts, where) - 1, -1, -1):
            heading = self._headings[number]
            if self._heading_starts[number][0] != where[0]:
                break
            if self._levels[number] < level and self._holds(heading, where[1]):
                level = self._levels[number]
                found.append(heading)
            if level == CODES["h1"]:
                break
        return found

    def _holds(self, heading: int, position: int) -> bool:
        tree = self._tree
        around = int(tree.parent[heading])
        wider = int(tree.parent[around]) if tree.parent[around] >= 0 else around
        return bool(tree.start[wider] <= position < tree.stop[wider])


def _is_header(table: NodeTable, row: int) -> bool:
    """Whether a row has header cells only."""
    within = slice(row + 1, int(table.end[row]))
    return bool((table.tag[within][table.parent[within] == row] == _TH).all())
