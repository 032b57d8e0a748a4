"""The HTML that a causal language model reads when it picks blocks, and the path of each block in it.

    <html0><title>Bridges</title><body><h1>Bridges</h1><div><p0>…</p0><p1>…</p1></div></body></html0><html1>…

Only the blocks asked about are written, and what stands around them. Each page is an `html` with one `body`, which is
its root (our trees have no such nodes of their own), and a `title`, where it has one. Siblings of one name, as far as
they are written, are numbered from 0 in the order of the page; an only one has no number. A text without an element of
its own (a run between blocks, a piece of a long text) is written as a `text`. So each block's path, the start tags from
its page down to it, is unique, and none begins with another's.

Wrappers (`div`, `section`…) around a single thing are left out, for they would only make paths longer. The tags on
paths have no attributes; within blocks, everything is written as in the result (render.py).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pruning import elements
from pruning.blocks import BlockTree
from pruning.elements import NAMES, TEXT
from pruning.render import PageWriter, escape

_LONGEST_TITLE = 200  # characters of a title; more is no title


@dataclass(slots=True, eq=False)
class Element:
    """A thing that is written with a tag of its own, and lies on a path.

    Attributes:
        name: of its tag, without a number.
        above: the element around it; None for a page.
        label: its name, numbered if need be.
        path: the start tags from its page down to itself.
        content: what stands behind its start tag: a block's HTML, a page's title.
        below: the elements in it.
    """

    name: str
    above: "Element | None"
    content: str = ""
    may_go: bool = False
    label: str = ""
    path: str = ""
    below: list["Element"] = field(default_factory=list)

    def start(self) -> str:
        """What is written before the elements in it."""
        return f"<{self.label}>{self.content}"

    def end(self) -> str:
        """What is written behind them."""
        return f"</{self.label}>"


class NumberedPages:
    """Blocks as numbered HTML.

    Attributes:
        html: of all pages.
        paths: for each block, in the order given, its path.
        elements: for each block, in the order given, its element.
    """

    def __init__(self, tree: BlockTree, blocks: Sequence[int] | np.ndarray) -> None:
        """Write the blocks.

        Args:
            tree: the blocks' tree.
            blocks: numbers of blocks, none within another, in any order.
        """
        self._tree = tree
        self._above, self._tags = tree.parent.tolist(), tree.tag.tolist()
        self._writers: dict[int, PageWriter] = {}
        self._pages: dict[int, Element] = {}
        self._around: dict[int, Element] = {}  # number of a block -> its element, of those that hold others
        self._made: list[Element] = []  # each behind the one around it
        leaves = {block: self._leaf(block) for block in tree.in_order(blocks).tolist()}
        self._leave_out_wrappers()
        self._number()
        self.elements = [leaves[int(block)] for block in blocks]
        self.paths = tuple(element.path for element in self.elements)
        self.html = "".join(part for page in self._pages.values() for part in _written(page))

    def _leaf(self, block: int) -> Element:
        """A block's element, with those around it that are not there yet."""
        chain, up = [], self._above[block]
        while up >= 0 and up not in self._around:
            chain.append(up)
            up = self._above[up]
        around = self._around[up] if up >= 0 else self._page(int(self._tree.page[block]))
        for up in reversed(chain):
            if self._tags[up] != TEXT:  # a long text's piece is no element, nor is the text
                around = self._make(self._name(up), around, may_go=bool(elements.IS_WRAPPER[self._tags[up]]))
            self._around[up] = around
        leaf = self._make(self._name(block), around)
        leaf.content = self._content(block)
        return leaf

    def _page(self, page: int) -> Element:
        if page not in self._pages:
            title = self._tree.tables[page].metadata.title
            self._pages[page] = self._make("html", None)
            self._pages[page].content = f"<title>{escape(title[:_LONGEST_TITLE])}</title>" if title else ""
        return self._pages[page]

    def _make(self, name: str, above: Element | None, *, may_go: bool = False) -> Element:
        element = Element(name, above, may_go=may_go and name != "body")
        self._made.append(element)
        if above is not None:
            above.below.append(element)
        return element

    def _name(self, block: int) -> str:
        if self._tags[block] == TEXT:
            return "text"
        return NAMES[self._tags[block]] if self._above[block] >= 0 else "body"

    def _content(self, block: int) -> str:
        tree, page = self._tree, int(self._tree.page[block])
        if page not in self._writers:
            self._writers[page] = PageWriter(tree.tables[page])
        first = int(tree.node[block]) + (self._tags[block] != TEXT)
        return self._writers[page].nodes(first, int(tree.last[block]), int(tree.start[block]), int(tree.stop[block]))

    def _leave_out_wrappers(self) -> None:
        for element in reversed(self._made):
            for place, child in enumerate(element.below):
                while child.may_go and len(child.below) == 1:
                    child = child.below[0]
                element.below[place] = child
                child.above = element

    def _number(self) -> None:
        waiting: list[tuple[Element | None, list[Element]]] = [(None, list(self._pages.values()))]
        while waiting:
            above, siblings = waiting.pop()
            names = Counter(element.name for element in siblings)
            seen: Counter[str] = Counter()
            for element in siblings:
                element.label = element.name if names[element.name] == 1 else f"{element.name}{seen[element.name]}"
                element.path = f"{above.path if above else ''}<{element.label}>"
                seen[element.name] += 1
                waiting.append((element, element.below))


def _written(element: Element) -> list[str]:
    """The parts of an element's HTML, in order."""
    parts: list[str] = []
    waiting = [(element, False)]
    while waiting:
        element, done = waiting.pop()
        parts.append(element.end() if done else element.start())
        if not done:
            waiting.append((element, True))
            waiting += ((child, False) for child in reversed(element.below))
    return parts
