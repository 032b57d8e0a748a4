"""Where blocks stand: under which title and headings, in which table, and in which passage of neighbours.

A row of a table or a line of a list says little by itself. What it belongs to says the rest.
"""

from dataclasses import dataclass

import numpy as np

from pruning import elements
from pruning.blocks import BlockTree, plain
from pruning.elements import CODES
from pruning.nodes import NodeTable

_TABLE, _TR, _CAPTION, _H1 = (CODES[name] for name in ("table", "tr", "caption", "h1"))
# A table's first row tells what its columns hold; past so many words it is no header but a text.
_HEADER_WORDS = 30
# A heading begins a new passage, unless the one so far is a mere line or two: headings follow each other.
_LEAST_SHARE = 3


@dataclass(frozen=True, slots=True)
class Outline:
    """Where each block stands.

    Attributes:
        title: for each page, what it calls itself, or its first heading.
        headings: for each block, those that it stands under, outermost first.
        header: for each block within a table, its caption and first row; otherwise empty.
        table: int (n,), the table's block, -1 outside of tables.
        passage: int (n,), ascending; blocks of one number are neighbours of one page.
    """

    title: tuple[str, ...]
    headings: tuple[tuple[str, ...], ...]
    header: tuple[str, ...]
    table: np.ndarray
    passage: np.ndarray

    @classmethod
    def of(cls, tree: BlockTree, blocks: np.ndarray, passage_words: int) -> "Outline":
        """The outline of blocks that stand in reading order, none within another."""
        headings = [_headings(table) for table in tree.tables]
        table, header = _tables(tree, blocks)
        return cls(
            title=tuple(_title(page, found) for page, found in zip(tree.tables, headings, strict=True)),
            headings=tuple(_headings_over(tree, blocks, headings)),
            header=tuple(header),
            table=table,
            passage=passages(tree, blocks, passage_words),
        )


_Heading = tuple[int, int, str]  # where it begins, its level, what it says


def _headings(table: NodeTable) -> list[_Heading]:
    nodes = np.flatnonzero(elements.IS_HEADING[table.tag]).tolist()
    return [(int(table.start[node]), int(table.tag[node]), _said(table, node)) for node in nodes]


def _said(table: NodeTable, node: int) -> str:
    return plain(table.text[table.start[node] : table.stop[node]]).strip()


def _title(table: NodeTable, headings: list[_Heading]) -> str:
    return table.metadata.title or next((text for _, level, text in headings if level == _H1), "")


def _headings_over(tree: BlockTree, blocks: np.ndarray, headings: list[list[_Heading]]) -> list[tuple[str, ...]]:
    """The headings up to each block, its own among them, without those that a higher one has ended."""
    found: list[tuple[str, ...]] = []
    page, passed, over = -1, 0, list[_Heading]()
    for block in blocks.tolist():
        if tree.page[block] != page:
            page, passed, over = int(tree.page[block]), 0, []
        while passed < len(headings[page]) and headings[page][passed][0] <= tree.start[block]:
            heading = headings[page][passed]
            over = [*(other for other in over if other[1] < heading[1]), heading]
            passed += 1
        found.append(tuple(text for _, _, text in over))
    return found


def _tables(tree: BlockTree, blocks: np.ndarray) -> tuple[np.ndarray, list[str]]:
    around: dict[int, int] = {-1: -1}  # block -> the table that it stands in
    heads: dict[int, tuple[str, int]] = {}
    table, header = np.full(len(blocks), -1), [""] * len(blocks)
    for number, block in enumerate(blocks.tolist()):
        inside = table[number] = _table_around(tree, int(tree.parent[block]), around)
        if inside >= 0:
            if inside not in heads:
                heads[inside] = _table_head(tree, inside)
            text, begins = heads[inside]
            header[number] = text if tree.start[block] != begins else ""
    return table, header


def _table_around(tree: BlockTree, block: int, known: dict[int, int]) -> int:
    if block not in known:
        known[block] = block if tree.tag[block] == _TABLE else _table_around(tree, int(tree.parent[block]), known)
    return known[block]


def _table_head(tree: BlockTree, block: int) -> tuple[str, int]:
    """What a table says of itself, and where its first row begins."""
    table = tree.tables[tree.page[block]]
    within = slice(int(tree.node[block]) + 1, int(tree.last[block]))
    first = [np.flatnonzero(table.tag[within] == tag)[:1] + within.start for tag in (_CAPTION, _TR)]
    texts = [_said(table, int(node[0])) for node in first if len(node)]
    begins = int(table.start[first[1][0]]) if len(first[1]) else -1
    return " ".join(" ".join(texts).split()[:_HEADER_WORDS]), begins


def passages(tree: BlockTree, blocks: np.ndarray, most_words: int) -> np.ndarray:
    """int (n,): the passage of each block. A passage is neighbours of one page, of some words together.

    A heading begins a new one; a block that is longer by itself is a passage of its own.
    """
    numbers = np.zeros(len(blocks), np.intp)
    number, words, page = -1, 0, -1
    heading = elements.IS_HEADING[tree.tag[blocks]].tolist()
    columns = zip(tree.page[blocks].tolist(), tree.words[blocks].tolist(), heading, strict=True)
    for at, (its_page, its_words, is_heading) in enumerate(columns):
        full = words + its_words > most_words or (is_heading and words > most_words // _LEAST_SHARE)
        if its_page != page or (full and words):
            number, words, page = number + 1, 0, its_page
        numbers[at] = number
        words += its_words
    return numbers
