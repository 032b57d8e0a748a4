"""Kept blocks -> valid HTML, in reading order and with the original tag names.

What is written is split into pieces whose token counts add up: each kept block is a piece, and so are the tags that
open and close an element around several of them. Pieces end with a line break: there every tokenizer in use starts
afresh.

Tags that tell a model nothing aren't written: optional end tags, and wrappers (`div`, `section`…) that hold no text of
their own. An HTML parser reads the result as the same tree that was written; tests/pruning/test_render.py has it do so.
"""

import re
from collections.abc import Iterable
from typing import Protocol

import numpy as np

from pruning import elements
from pruning.blocks import BlockTree
from pruning.elements import CODES, NAMES, TEXT
from pruning.nodes import NodeTable
from pruning.optional_tags import names_to_write, tags_to_write

_IMG, _TR = CODES["img"], CODES["tr"]
# A `>` behind a word looks like a tag's end. Prompts (`>>>`), arrows and comparisons stay as they are: code is full of
# them, and they would cost three times their tokens.
_LIKE_A_TAGS_END = re.compile(r"(?<=[^\s>=-])>(?!>)")
_START_TAGS, _END_TAGS = [f"<{name}>" for name in NAMES], [f"</{name}>" for name in NAMES]
_BOTH = 2
_MAY_BE_REFERENCE = re.compile("&(?=[A-Za-z#])")


class Writer(Protocol):
    """Writes blocks in one output format, piece by piece (see `HtmlWriter`, `markdown.py`)."""

    format: str
    tree: BlockTree

    def head(self) -> str:
        """What stands before everything."""

    def wrappers(self, block: int) -> tuple[int, ...]:
        """The elements written around a block, outermost first."""

    def piece(self, block: int) -> str:
        """A block, without what is written around it."""

    def open(self, wrapper: int) -> str:
        """What stands before the first block that an element holds."""

    def close(self, wrapper: int) -> str:
        """What stands behind its last block."""

    def open_page(self, page: int) -> str:
        """What stands before a page's first block."""

    def close_page(self, page: int) -> str:
        """What stands behind its last one."""

    def hollow(self, wrapper: int) -> list[int]:
        """Elements that are opened along with this one even if nothing of theirs is kept: the cells of a split row."""


def render(writer: Writer, blocks: Iterable[int], *, joined: bool = True) -> str:
    """Write blocks, with everything that must stand around them.

    Args:
        writer: the output format.
        blocks: numbers of blocks, none within another.
        joined: write what tells pages apart; False for the result of a single page.
    """
    out: list[str] = []
    page = -1
    lines = _Lines(writer, out)
    for block in writer.tree.in_order(list(blocks)).tolist():
        if writer.tree.page[block] != page:
            if page >= 0:
                lines.close_all()
                out.append(writer.close_page(page) if joined else "")
            page = int(writer.tree.page[block])
            out.append(writer.open_page(page) if joined else "")
        lines.write(block)
    if page >= 0:
        lines.close_all()
        out.append(writer.close_page(page) if joined else "")
    return writer.head() + "".join(out) if out else ""


class _Lines:
    """Writes blocks one after the other; knows which elements are open."""

    def __init__(self, writer: Writer, out: list[str]) -> None:
        self._writer = writer
        self._out = out
        self._open: list[int] = []
        self._hollow: list[list[int]] = []  # for each open element, what must still be opened before it closes

    def write(self, block: int) -> None:
        wrappers = self._writer.wrappers(block)
        shared = 0
        for mine, theirs in zip(self._open, wrappers, strict=False):
            if mine != theirs:
                break
            shared += 1
        self._close_to(shared)
        for wrapper in wrappers[shared:]:
            self._open_one(wrapper)
        self._out.append(self._writer.piece(block))

    def close_all(self) -> None:
        self._close_to(0)

    def _open_one(self, wrapper: int) -> None:
        if self._hollow:
            waiting = self._hollow[-1]
            while waiting and waiting[0] != wrapper:
                self._out.append(self._writer.open(waiting.pop(0)))
            del waiting[:1]
        self._out.append(self._writer.open(wrapper))
        self._open.append(wrapper)
        self._hollow.append(self._writer.hollow(wrapper))

    def _close_to(self, depth: int) -> None:
        while len(self._open) > depth:
            wrapper = self._open.pop()
            self._out += [self._writer.open(cell) for cell in self._hollow.pop()]
            self._out.append(self._writer.close(wrapper))


class HtmlWriter:
    """Writes blocks as HTML.

    Args:
        tree: the blocks.
        citations: give each block its public id, as `data-block`.
    """

    format = "html"

    def __init__(self, tree: BlockTree, *, citations: bool = False) -> None:
        self.tree = tree
        self._citations = citations
        self._pages = [PageWriter(table) for table in tree.tables]
        self._wrappers: dict[int, tuple[int, ...]] = {}
        self._pieces: dict[int, str] = {}

    def head(self) -> str:
        """The document type: without it, parsers take the page for an old one, where a table closes no paragraph."""
        return "<!DOCTYPE html>\n"

    def wrappers(self, block: int) -> tuple[int, ...]:
        """See `Writer`. A split row's cell is written around its own content, so that its place can be kept."""
        if block not in self._wrappers:
            parent = int(self.tree.parent[block])
            around = (*self.wrappers(parent), *self._written(parent)) if parent >= 0 else ()
            self._wrappers[block] = (*around, block) if self._is_cell(block) else around
        return self._wrappers[block]

    def piece(self, block: int) -> str:
        """See `Writer`. It is counted first, and then written once or twice."""
        if block not in self._pieces:
            self._pieces[block] = self._write(block)
        return self._pieces[block]

    def _write(self, block: int) -> str:
        tree, first = self.tree, int(self.tree.node[block])
        page = self._pages[tree.page[block]]
        name = tree.name(block) if self._citations else None
        tag = tree.tag[block]
        if tag == TEXT or elements.IS_CELL[tag]:
            first += 0 if tag == TEXT else 1
            html = page.nodes(first, int(tree.last[block]), int(tree.start[block]), int(tree.stop[block]))
            around = "span" if tree.is_leaf[block] else "div"
            return f'<{around} data-block="{name}">{html}</{around}>\n' if name else html + "\n"
        if name and not page.is_written[first]:
            return f'<div data-block="{name}">{page.element(first)}</div>\n'
        return page.element(first, f' data-block="{name}"' if name else "") + "\n"

    def open(self, wrapper: int) -> str:
        """See `Writer`."""
        return self._pages[self.tree.page[wrapper]].start_tag(int(self.tree.node[wrapper])) + "\n"

    def close(self, wrapper: int) -> str:
        """See `Writer`."""
        tag = self._pages[self.tree.page[wrapper]].end_tag(int(self.tree.node[wrapper]))
        return tag and tag + "\n"

    def open_page(self, page: int) -> str:
        """See `Writer`."""
        metadata = self.tree.tables[page].metadata
        url = f' data-url="{attribute(metadata.url)}"' if metadata.url else ""
        title = f' title="{attribute(metadata.title)}"' if metadata.title else ""
        return f'<section data-source="{page + 1}"{url}{title}>\n'

    def close_page(self, page: int) -> str:
        """See `Writer`."""
        return "</section>\n"

    def hollow(self, wrapper: int) -> list[int]:
        """See `Writer`."""
        if self.tree.tag[wrapper] != _TR:
            return []
        return [int(cell) for cell in np.flatnonzero(self.tree.parent == wrapper)]

    def _is_cell(self, block: int) -> bool:
        return bool(elements.IS_CELL[self.tree.tag[block]])

    def _written(self, block: int) -> tuple[int, ...]:
        """The block itself, if a tag of its own is written and none of its wrappers is it already."""
        if self.tree.tag[block] == TEXT or self._is_cell(block):
            return ()
        page = self._pages[self.tree.page[block]]
        return (block,) if page.is_written[self.tree.node[block]] else ()


class PageWriter:
    """Writes stretches of one page's node table."""

    def __init__(self, table: NodeTable) -> None:
        self.table = table
        self._tag = names_to_write(table)
        self.is_written, self._needs_end = tags_to_write(table, self._tag)
        # What `nodes` reads, side by side: code, end, start, stop; and which tags are written: none, the start, both.
        self._rows = np.empty((len(table), 5), np.int32)
        tags_written = self.is_written + (self.is_written & self._needs_end).astype(np.int32)
        for column, values in enumerate((self._tag, table.end, table.start, table.stop, tags_written)):
            self._rows[:, column] = values

    def start_tag(self, node: int, more: str = "") -> str:
        return f"<{NAMES[self._tag[node]]}{self.table.attributes.get(node, '')}{more}>"

    def end_tag(self, node: int) -> str:
        return f"</{NAMES[self._tag[node]]}>" if self._needs_end[node] else ""

    def element(self, node: int, more: str = "") -> str:
        """A whole element, as far as its tags are written."""
        table = self.table
        inner = self.nodes(node + 1, int(table.end[node]), int(table.start[node]), int(table.stop[node]))
        if not self.is_written[node]:
            return inner
        return self.start_tag(node, more) + inner + self.end_tag(node)

    def nodes(self, first: int, last: int, start: int, stop: int) -> str:
        """Nodes `first` to `last`, of their text what lies within `start` and `stop`."""
        text, attributes = self.table.text, self.table.attributes
        if last - first == 1 and self.table.tag[first] == TEXT:
            return escape(text[max(start, self.table.start[first]) : min(stop, self.table.stop[first])])
        special = any(text.find(sign, start, stop) >= 0 for sign in "&<>")
        out: list[str] = []
        open_until: list[tuple[int, str]] = []  # where the elements end that need an end tag, and that tag
        numbers = self.table.reaching(first, last, start, stop)
        rows = self._rows[first:last] if len(numbers) == last - first else self._rows[numbers]
        for node, (tag, end, begin, to, tags_written) in zip(numbers, rows.tolist(), strict=True):
            while open_until and open_until[-1][0] <= node:
                out.append(open_until.pop()[1])
            is_filled = begin < to
            begin, to = begin if begin > start else start, to if to < stop else stop
            if tag == TEXT:
                if begin < to:
                    out.append(escape(text[begin:to]) if special else text[begin:to])
            elif not tags_written or (begin >= to and is_filled):
                continue
            elif tag == _IMG:
                if begin < to:
                    out.append(f'<img alt="{attribute(text[begin:to])}">')
            else:
                out.append(self.start_tag(node) if node in attributes else _START_TAGS[tag])
                if tags_written == _BOTH:
                    open_until.append((end, _END_TAGS[tag]))
        out += [tag for _, tag in reversed(open_until)]
        return "".join(out)


def escape(text: str) -> str:
    """Text as HTML. An ampersand stays where no parser could take it for a reference, a `>` where it ends no tag."""
    if "&" in text:
        text = _MAY_BE_REFERENCE.sub("&amp;", text)
    if ">" in text:
        text = _LIKE_A_TAGS_END.sub("&gt;", text)
    return text.replace("<", "&lt;") if "<" in text else text


def attribute(text: str) -> str:
    """Text as the value of an attribute in double quotes."""
    return escape(text).replace('"', "&quot;")
