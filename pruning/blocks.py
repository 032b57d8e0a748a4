"""The tree of blocks over the cleaned pages: what is scored, kept or dropped as one.

A block is a block-level element; or a run of text and inline elements between an element's blocks; or a piece of
either, where it is too long and has no elements to split by. All steps share one tree, so a block's number means the
same in each: a coarse step scores the inner blocks of `cut(256)`, a finer one those of `cut(128)`.
"""

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from pruning.characters import BLOCK_MARK, INLINE_MARK
from pruning.document import Limits, Page
from pruning.elements import CODES, NAMES, TEXT
from pruning.nodes import NodeTable
from pruning.parse import node_table
from pruning.words import count_words


@dataclass(slots=True)
class BlockTree:
    """Blocks of all pages, those of a page in reading order, pieces of long texts behind them.

    Attributes:
        tables: the cleaned pages.
        page: int32 (n,), the block's page, from 0.
        node: int32 (n,), the element, or the first node of a run.
        last: int32 (n,), one past the last node.
        parent: int32 (n,), the block around it, -1 for a page's root.
        start, stop: int32 (n,), the block's stretch of its page's text.
        words, spaced: int32 (n,), as in `NodeTable`.
        is_leaf: bool (n,), nothing below but text and inline elements.
        tag: uint8 (n,), the code of the block's element; 0 for text without one of its own: a run, or a piece.
    """

    tables: tuple[NodeTable, ...]
    page: np.ndarray
    node: np.ndarray
    last: np.ndarray
    parent: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    words: np.ndarray
    spaced: np.ndarray
    is_leaf: np.ndarray
    tag: np.ndarray
    _pieces: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def from_pages(
        cls, pages: Sequence[Page], max_words: int = 256, limits: Limits | None = None, *, links: bool = False
    ) -> "BlockTree":
        """Parse, clean and split pages in one go.

        Args:
            pages: the pages.
            max_words: words in a leaf at most; longer texts are split by lines, sentences, words.
            limits: what each page may cost.
            links: keep links.

        Raises:
            PageError: a page exceeds a limit.
        """
        return cls.from_tables([node_table(page, limits, links=links) for page in pages], max_words)

    @classmethod
    def from_tables(cls, tables: Sequence[NodeTable], max_words: int = 256) -> "BlockTree":
        """The tree over pages that are cleaned already."""
        parts = [_page_blocks(table) for table in tables]
        offsets = np.cumsum([0] + [len(part["node"]) for part in parts])
        for number, part in enumerate(parts):
            part["page"] = np.full(len(part["node"]), number, np.int32)
            part["parent"][1:] += offsets[number]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS} if parts else _EMPTY
        tree = cls(tables=tuple(tables), **columns)
        tree.cut(max_words)
        return tree

    def __len__(self) -> int:
        return len(self.node)

    def cut(self, max_words: int) -> np.ndarray:
        """The largest blocks of at most `max_words` words each: together they hold every word once.

        A single word that is longer in unspaced characters stays whole.

        Returns:
            int array of block numbers, in reading order.
        """
        fits = (self.words <= max_words) | self.is_leaf
        within = fits[self.parent] & (self.parent >= 0)  # pieces too: what they are of is a leaf
        blocks = np.flatnonzero(fits & ~within & (self.words > 0))
        long = blocks[self.words[blocks] > max_words].tolist()
        if not long:
            return blocks
        while long:
            self._halve(long)
            long = [half for block in long for half in self._pieces[block] if self.words[half] > max_words]
        return self.in_order([piece for block in blocks.tolist() for piece in self._at_most(block, max_words)])

    def lines(self) -> np.ndarray:
        """The finest blocks with elements of their own, table rows whole: what a page is written line by line by."""
        line = self.is_leaf & (self.words > 0)
        line[[piece for pieces in self._pieces.values() for piece in pieces]] = False
        row = self.tag == CODES["tr"]  # empty ones too, that others reach into
        inner = np.flatnonzero(~self.is_leaf & (self.parent >= 0))
        row[self.parent[inner]] = False
        line[self.parent >= 0] &= ~row[self.parent[self.parent >= 0]]
        return np.flatnonzero(line | row)

    def in_order(self, blocks: Sequence[int] | np.ndarray) -> np.ndarray:
        """The blocks sorted by where they stand."""
        numbers = np.asarray(blocks, dtype=np.intp)
        return numbers[np.lexsort((self.start[numbers], self.page[numbers]))]

    def split(self, block: int) -> list[int]:
        """The blocks that a block falls into, in reading order; none if it is a single word."""
        if self.is_leaf[block]:
            self._halve([block])
            return self._pieces[block]
        return [int(child) for child in np.flatnonzero(self.parent == block) if self.words[child] > 0]

    def refine(self, block: int, max_words: int) -> list[int]:
        """The parts of a block that have at most `max_words` words each, or are a single word; in reading order."""
        parts = self.split(block) if self.words[block] > max_words else []
        return [finer for part in parts for finer in self.refine(part, max_words)] or [block]

    def text(self, block: int) -> str:
        """The block's words, as a reader sees them."""
        return plain(self.tables[self.page[block]].text[self.start[block] : self.stop[block]]).strip(" ")

    def name(self, block: int) -> str:
        """The block's public id: page (from 1), node, and for a piece its stretch of the node's text.

        It stays the same as long as the page's content does.
        """
        owner = self.element_of(block)
        name = f"{self.page[block] + 1}.{self.node[owner]}"
        if owner == block:
            return name
        return f"{name}.{self.start[block] - self.start[owner]}-{self.stop[block] - self.start[owner]}"

    def path(self, block: int) -> str:
        """The names of the elements around a block, outermost first: `table>tr>td`."""
        table = self.tables[self.page[block]]
        node = int(self.node[block])
        names = []
        while node > 0:
            names.append(NAMES[table.tag[node]])
            node = int(table.parent[node])
        return ">".join(reversed(names))

    def ancestors(self, block: int) -> Iterator[int]:
        """The blocks around a block, innermost first."""
        block = int(self.parent[block])
        while block >= 0:
            yield block
            block = int(self.parent[block])

    def nearest(self, block: int, among: Container[int]) -> int:
        """The block itself, if it is one of `among`, or the nearest around it that is; there must be one."""
        return next(one for one in (block, *self.ancestors(block)) if one in among)

    def element_of(self, block: int) -> int:
        """The block itself, or the element or run that it is a piece of."""
        while self.is_piece(block):
            block = int(self.parent[block])
        return block

    def is_piece(self, block: int) -> bool:
        """Whether the block is a part of a text."""
        parent = int(self.parent[block])
        return parent >= 0 and bool(self.is_leaf[parent])

    def _at_most(self, block: int, max_words: int) -> list[int]:
        pending, done = [block], []
        while pending:
            block = pending.pop()
            halves = self._pieces[block] if self.words[block] > max_words else []
            pending.extend(reversed(halves))
            if not halves:
                done.append(block)
        return done

    def _halve(self, blocks: Sequence[int]) -> None:
        """Make the two halves of each text that has none yet; a single word has none."""
        rows: list[tuple[int, int, int, int, int]] = []
        for block in blocks:
            if block in self._pieces:
                continue
            text = self.tables[self.page[block]].text
            spans = halve(text, int(self.start[block]), int(self.stop[block]))
            self._pieces[block] = [len(self) + len(rows) + number for number in range(len(spans))]
            rows += [(block, start, stop, *count_words(text[start:stop])) for start, stop in spans]
        if rows:
            self._append(np.array(rows, np.int32))

    def _append(self, rows: np.ndarray) -> None:
        """Add pieces: (n, 5), the block they are of, start, stop, words, spaced."""
        owner = rows[:, 0]
        new = {"page": self.page[owner], "last": self.last[owner]}
        new["node"] = self.node[owner] + (self.tag[owner] != TEXT)  # the element itself stands around its pieces
        new |= dict(zip(("parent", "start", "stop", "words", "spaced"), rows.T, strict=True))
        new |= {"is_leaf": np.ones(len(rows), bool), "tag": np.zeros(len(rows), np.uint8)}
        for name, values in new.items():
            setattr(self, name, np.concatenate((getattr(self, name), values)))


_COLUMNS = ("page", "node", "last", "parent", "start", "stop", "words", "spaced", "is_leaf", "tag")
_EMPTY = {name: np.zeros(0, bool if name == "is_leaf" else np.int32) for name in _COLUMNS}


def _page_blocks(table: NodeTable) -> dict[str, np.ndarray]:
    """One page's blocks: its block-level elements, and the runs of inline nodes between them."""
    is_block = table.is_block()
    parent = table.around()
    has_blocks = np.bincount(parent[1:][is_block[1:]], minlength=len(table)) > 0
    bare, begins = table.runs()
    runs = bare[begins]

    chosen = is_block.copy()
    chosen[runs] = True
    node = np.flatnonzero(chosen)
    number = np.cumsum(chosen, dtype=np.int32) - 1
    part = {name: getattr(table, name)[node] for name in ("start", "stop", "words", "spaced")}
    part |= {"node": node.astype(np.int32), "last": table.end[node], "parent": number[parent[node]]}
    part["tag"] = np.where(is_block[node], table.tag[node], TEXT).astype(np.uint8)
    if len(runs):
        where, first = number[runs], np.flatnonzero(begins)
        part["last"][where] = np.maximum.reduceat(table.end[bare], first)
        part["stop"][where] = np.maximum.reduceat(table.stop[bare], first)
        part["words"][where] = np.add.reduceat(table.words[bare], first)
        part["spaced"][where] = np.add.reduceat(table.spaced[bare], first)
    part["parent"][0] = -1
    part["is_leaf"] = ~has_blocks[node] | (part["tag"] == TEXT)
    return part


# Where a text may be cut, best first: between lines, after a sentence, between words, between characters of a script
# that has no spaces (before no combining mark). The last group is what falls away. Each pattern begins with a set of
# characters, for which the regex engine looks fast.
_BORDERS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(\n\n*)",
        r"[.!?…;:。！？；](?:(?<=[。！？；])()|([ ]+)|(?<=[.!?…])[\"'”’»)\]]([ ]+))",
        r"([ \x00][ \x00]*)",
        r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
        r"(?![\u0e30-\u0e3a\u0e45-\u0e4e\u0eb0-\u0ebc\u102b-\u103e\u17b4-\u17d3\u3099\u309a\u30fc]|$)()",
    )
)
_SAYS_NOTHING = BLOCK_MARK + INLINE_MARK + " \n\t"
_WINDOW = 2000  # characters looked at on either side of the middle before the whole text is
_NEAR = 60  # and before these: most texts have a sentence or word that ends there


def halve(text: str, start: int, stop: int) -> list[tuple[int, int]]:
    """Cut `text[start:stop]` near its middle, at the best border there is; nothing if it is one word."""
    inner = text[start:stop]
    start, stop = stop - len(inner.lstrip(_SAYS_NOTHING)), start + len(inner.rstrip(_SAYS_NOTHING))
    quarter = (stop - start) // 4
    for reach in {min(_WINDOW, quarter): None, quarter: None, stop - start: None}:
        for border in _BORDERS:
            cut = None
            for near in {min(_NEAR, reach): None, reach: None}:
                cut = cut or _nearest(border, text, (start, stop), near)
            if cut:
                return [(start, cut[0]), (cut[1], stop)]
    return []


def _nearest(border: re.Pattern[str], text: str, span: tuple[int, int], reach: int) -> tuple[int, int] | None:
    """The border nearest to the span's middle, no further than `reach`, that leaves something on either side."""
    start, stop = span
    middle, best = (start + stop) // 2, None
    low = max(start + 1, middle - reach)
    for found in border.finditer(
        text, max(start, low - 2), min(stop, middle + reach)
    ):  # a sentence ends by 1 or 2 signs
        cut = found.span(found.lastindex or 0)
        if low <= cut[0] and cut[1] < stop:
            if best and abs(best[0] - middle) <= abs(cut[0] - middle):
                break
            best = cut
    return best


def plain(text: str) -> str:
    """A stretch of a page's text without its marks, a space where blocks begin and end."""
    text = text.replace(INLINE_MARK, "")
    return " ".join(filter(None, text.split(BLOCK_MARK))) if BLOCK_MARK in text else text
