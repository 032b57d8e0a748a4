"""Kept blocks as Markdown or as plain text, for those who don't want HTML: the same pieces under another pen."""

import html
import re

import numpy as np

from pruning import elements
from pruning.blocks import BlockTree, plain
from pruning.elements import CODES, NAMES, TEXT

_LI, _OL, _PRE, _TR, _QUOTE, _TH, _A = (CODES[name] for name in ("li", "ol", "pre", "tr", "blockquote", "th", "a"))
_INLINE_SIGNS = {CODES["del"]: "~~", CODES["s"]: "~~"}
_MARKED = frozenset((_A, *_INLINE_SIGNS))
_ATTRIBUTE = re.compile(r' (\w+)(?:="([^"]*)")?')
_IN_LINK = str.maketrans({" ": "%20", "(": "%28", ")": "%29"})


class TextWriter:
    """Writes blocks as lines of plain text: one block-level element, or one table row, a line."""

    format = "text"

    def __init__(self, tree: BlockTree) -> None:
        self.tree = tree

    def head(self) -> str:
        """Nothing."""
        return ""

    def wrappers(self, block: int) -> tuple[int, ...]:
        """Nothing is written around a block."""
        return ()

    def piece(self, block: int) -> str:
        """The block's lines."""
        return "".join(f"{line}\n" for line in self._lines(block))

    def open(self, wrapper: int) -> str:
        """Nothing."""
        return ""

    def close(self, wrapper: int) -> str:
        """Nothing."""
        return ""

    def open_page(self, page: int) -> str:
        """The source's number, title and address."""
        metadata = self.tree.tables[page].metadata
        return " ".join(part for part in (f"[{page + 1}]", metadata.title, metadata.url) if part) + "\n"

    def close_page(self, page: int) -> str:
        """Nothing."""
        return ""

    def hollow(self, wrapper: int) -> list[int]:
        """None."""
        return []

    def _lines(self, block: int) -> list[str]:
        """The finest blocks below, each a line; a row's cells in one."""
        tree = self.tree
        if tree.is_leaf[block]:
            text = tree.text(block)
            return text.split("\n") if text else []
        children = [
            int(child) for child in np.flatnonzero(tree.parent == block) if tree.words[child] or self._is_cell(child)
        ]
        if tree.tag[block] == _TR:
            return [self._row(children)]
        return [line for child in children for line in self._lines(child)]

    def _row(self, cells: list[int]) -> str:
        return " | ".join(" ".join(self._lines(cell)) for cell in cells)

    def _is_cell(self, block: int) -> bool:
        return bool(elements.IS_CELL[self.tree.tag[block]])


class MarkdownWriter(TextWriter):
    """Writes blocks as GitHub-flavoured Markdown: headings, lists, quotes, code, tables with their header rows."""

    format = "markdown"

    def __init__(self, tree: BlockTree) -> None:
        super().__init__(tree)
        self._numbers: dict[int, dict[int, int]] = {}

    def open_page(self, page: int) -> str:
        """The source's number, title and address, as a heading."""
        metadata = self.tree.tables[page].metadata
        title = metadata.title or metadata.url or "untitled"
        return f"# [{page + 1}] " + (f"[{title}]({metadata.url})" if metadata.url else title) + "\n"

    def _lines(self, block: int) -> list[str]:
        tree = self.tree
        tag = int(tree.tag[block])
        if tag == _PRE:
            text = tree.text(block)
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
            return [fence, *text.split("\n"), fence]
        if elements.IS_HEADING[tag]:
            return [f"{'#' * int(NAMES[tag][1])} {' '.join(tree.text(block).split())}"]
        lines = [self._inline(block)] if tree.is_leaf[block] else super()._lines(block)
        if tag == TEXT and tree.tag[tree.element_of(block)] == _LI:
            tag = _LI
        if tag == _LI:
            sign = self._sign(block)
            return [sign + lines[0], *("  " + line for line in lines[1:])] if lines else []
        return [f"> {line}" for line in lines] if tag == _QUOTE else lines

    def _row(self, cells: list[int]) -> str:
        row = "".join(f"| {' '.join(self._lines(cell)).replace('|', chr(92) + '|')} " for cell in cells) + "|"
        header = cells and all(self.tree.tag[cell] == _TH for cell in cells)
        return row + "\n" + "| --- " * len(cells) + "|" if header else row

    def _sign(self, block: int) -> str:
        """What stands before a list item: a dash, or its number."""
        tree = self.tree
        item = tree.element_of(block)
        parent = int(tree.parent[item])
        if parent < 0 or tree.tag[parent] != _OL:
            return "- "
        if parent not in self._numbers:
            self._numbers[parent] = self._count(parent)
        return f"{self._numbers[parent][item]}. "

    def _count(self, ordered: int) -> dict[int, int]:
        """The numbers of an ordered list's items."""
        tree = self.tree
        items = np.flatnonzero((tree.parent == ordered) & (tree.tag == _LI)).tolist()
        down = "reversed" in self._attributes(ordered)
        numbers = {}
        number = int(self._attributes(ordered).get("start", len(items) if down else 1))
        for item in items:
            number = int(self._attributes(item).get("value", number))
            numbers[item] = number
            number += -1 if down else 1
        return numbers

    def _attributes(self, block: int) -> dict[str, str]:
        written = self.tree.tables[self.tree.page[block]].attributes.get(int(self.tree.node[block]), "")
        return dict(_ATTRIBUTE.findall(written))

    def _inline(self, block: int) -> str:
        """A text with its links and deletions marked."""
        tree, table = self.tree, self.tree.tables[self.tree.page[block]]
        at, stop = int(tree.start[block]), int(tree.stop[block])
        nodes = table.reaching(int(tree.node[block]), int(tree.last[block]), at, stop)
        marked = [node for node in nodes if int(table.tag[node]) in _MARKED]
        if not marked:
            return " ".join(tree.text(block).split())
        out = []
        for node in marked:
            begin, end = max(int(table.start[node]), at), min(int(table.stop[node]), stop)
            if begin < end:
                out += [table.text[at:begin], self._marked(table.text[begin:end], node, block)]
                at = end
        return " ".join(plain("".join((*out, table.text[at:stop]))).split())

    def _marked(self, text: str, node: int, block: int) -> str:
        table = self.tree.tables[self.tree.page[block]]
        sign = _INLINE_SIGNS.get(int(table.tag[node]))
        if sign:
            return f"{sign}{text}{sign}"
        href = html.unescape(table.attributes.get(node, "").removeprefix(' href="').removesuffix('"'))
        return f"[{text}]({href.translate(_IN_LINK)})" if href else text
