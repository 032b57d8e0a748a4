"""The first half of lossless cleaning: a page's markup in, the flat table of what a reader sees out.

lxml's parser calls `_Target` for every tag instead of building a tree of its own. That costs less than the tree would,
takes no memory for it, and knows no depth at which text is lost: with a tree, libxml2 drops what lies deeper than 256
elements (2,048 with `huge_tree`).
"""

import html as html_entities
import re
import time
from collections.abc import Callable, Mapping

from lxml import etree

from pruning import elements, visibility
from pruning.document import Limits, Page, utf8
from pruning.elements import CODES, Action
from pruning.errors import PageTimeout, TooManyNodes
from pruning.fold import count_kept, fold, keep_space, with_single_spaces
from pruning.metadata import MetadataReader
from pruning.nodes import BLOCK_MARK, INLINE_MARK, Events, NodeTable
from pruning.rawtext import emptied
from pruning.tidy import build

# Bump when the same page would give another table: cached tables carry it.
VERSION = 1

# The parser is fed this many bytes between two looks at the clock. Unmatched end tags below deep nesting cost it
# quadratic time: 8 KB of them take 0.3 s at the worst.
_CHUNK = 8192

_ROOT = _DIV = CODES["div"]
_TR, _TABLE, _DL, _PRE, _IMG, _A = (CODES[name] for name in ("tr", "table", "dl", "pre", "img", "a"))
# On the stack of open elements, beside codes: a row that the page left out; an element that became no node; one that
# became a space.
_IMPLIED_ROW, _NOTHING, _SPACE = 255, 254, 253
_CELLS = (CODES["td"], CODES["th"])
_ROW_ENDS_AT = (_TR, CODES["thead"], CODES["caption"])
_ACTIONS = {links: elements.actions(links) for links in (False, True)}
_INLINE = frozenset(code for code in range(1, len(elements.NAMES)) if not elements.IS_BLOCK[code])
# Blocks that open and close without a second thought, and which of them may do so below which open element.
_PLAIN = frozenset(CODES.values()) - _INLINE - {elements.TEXT, _PRE}
_PLAIN_BELOW = [
    frozenset(
        code for code in _PLAIN if parent in elements.PARENTS.get(code, (parent,)) and (parent, code) != (_DL, _DIV)
    )
    if parent in _PLAIN
    else frozenset()
    for parent in range(256)
]

# What is read although it is hidden: it tells about the page. And what no reader would miss being told of.
_SPEAKS_OF_PAGE = frozenset(("title", "meta", "link", "base", "script"))
_SPEAKS_IN_HIDING = _SPEAKS_OF_PAGE - {"title"}
_COUNTED = frozenset(
    (
        "dialog",
        "script",
        "style",
        "noscript",
        "template",
        "iframe",
        "object",
        "video",
        "audio",
        "canvas",
    )
)

_NUMBER = re.compile(r"\s*-?\d{1,6}(?!\d)")
_MAX_SPAN = 1000  # of columns, by the HTML standard

# Attributes without which an element needs no second look.
_WATCHED = visibility.WATCHED | {"colspan", "rowspan", "start", "value", "reversed", "alt"}
_KEPT = {
    **dict.fromkeys(_CELLS, ("colspan", "rowspan")),
    CODES["ol"]: ("start", "reversed"),
    CODES["li"]: ("value",),
}


def node_table(page: Page, limits: Limits | None = None, *, links: bool = False) -> NodeTable:
    """Parse and clean one page.

    Args:
        page: the page as it arrived.
        limits: what it may cost.
        links: keep links, with their addresses resolved.

    Raises:
        PageError: the page exceeds a limit.
    """
    limits = limits or Limits()
    data = emptied(utf8(page, limits))
    target = _Target(page, limits, links)
    _feed(target, data, limits)
    if target.has_foreign_marks():
        target = _Target(page, limits, links, careful=True)
        _feed(target, data, limits)
    del data  # what follows takes room of its own
    return build(target.events(), target.metadata.result())


def _feed(target: "_Target", data: bytes, limits: Limits) -> None:
    """Let the parser read the page.

    Raises:
        TooManyNodes, PageTimeout: the page exceeds a limit.
    """
    parser = etree.HTMLParser(target=target, huge_tree=True, encoding="utf-8", recover=True)
    until = time.monotonic() + limits.seconds
    for offset in range(0, len(data), _CHUNK):
        parser.feed(data[offset : offset + _CHUNK])
        if len(target.codes) > 2 * limits.nodes:
            raise TooManyNodes(f"the page has more than {limits.nodes:,} elements")
        if time.monotonic() > until:
            raise PageTimeout(f"the page could not be parsed within {limits.seconds:g} s")
    if data:
        parser.close()
    else:
        target.close()


class _Target:
    """Receives the parser's events and writes them down: a code and a mark for each node's start and end."""

    def __init__(self, page: Page, limits: Limits, links: bool, careful: bool = False) -> None:
        self.buffer: list[str] = [BLOCK_MARK]
        self.codes = bytearray((_ROOT,))
        self.attributes: dict[int, str] = {}
        self.metadata = MetadataReader(page)
        self.removed: dict[str, int] = {}
        self._stack = [_ROOT]
        self._inline: set[int] = set()  # open inline elements: none stands in its like
        self._actions = _ACTIONS[links]
        self._watched = _WATCHED | {"href"} if links else _WATCHED
        self._depth = limits.depth
        self._hidden_from = self._speaks_from = 0
        self._drawings = 0  # open ones
        self._panels: set[str] = set()
        self._harmless_styles: set[str] = set()  # most inline styles come again and again, and hide nothing
        self._pre_from: list[int] = []
        self._pre_spaces = 0
        # Text costs no Python call: the parser appends to the buffer. What turns out to be hidden is cut off again.
        self.data = self._careful_data if careful else self.buffer.append
        self.start, self.end = self._hot_path()

    def _hot_path(  # noqa: C901, PLR0915 - two functions that share their state
        self,
    ) -> tuple[Callable[[str, Mapping[str, str]], None], Callable[[str], None]]:
        """The parser's `start` and `end`. As methods, looking all this up on self, they take half as long again."""
        stack, depth = self._stack, self._depth
        push, pop, code, mark = stack.append, stack.pop, self.codes.append, self.buffer.append
        action_of, unwatched = self._actions.get, (self._watched - {"style"}).isdisjoint
        harmless = self._harmless_styles
        through, apart = int(Action.THROUGH), int(Action.APART)
        hidden = 0  # open elements since one that isn't shown

        def start(tag: str, attributes: Mapping[str, str]) -> None:
            nonlocal hidden
            if hidden:
                hidden += 1
                if tag in _SPEAKS_IN_HIDING:
                    self._about_page(tag, attributes)
                return
            action = action_of(tag, apart)
            if not attributes or (
                unwatched(attributes) and ("style" not in attributes or attributes["style"] in harmless)
            ):
                if action == through:
                    return
                if action in _PLAIN_BELOW[stack[-1]] and len(stack) <= depth:
                    push(action)
                    code(action)
                    mark(BLOCK_MARK)
                    return
            hidden = int(self._start_hides(tag, attributes, action))

        def end(tag: str) -> None:
            nonlocal hidden
            if hidden:
                hidden -= 1
                if not hidden or tag in _SPEAKS_OF_PAGE:
                    self._end_hidden(tag, not hidden)
                return
            action = action_of(tag, apart)
            if action > 0:
                if stack[-1] in _PLAIN:
                    pop()
                    code(0)
                    mark(BLOCK_MARK)
                else:
                    self._end_special(action)
            elif action <= apart:
                self.data(" ")
                if tag == "svg":
                    self._drawings -= 1

        return start, end

    def close(self) -> None:
        """The parser is done: what is open ends."""
        while self._stack:
            self._close()
        del self.start, self.end  # they hold this object: without them, it is freed as soon as nobody needs it

    def _careful_data(self, text: str) -> None:
        self.buffer.append(visibility.INVISIBLE.sub("", text))

    def _start_hides(self, tag: str, attributes: Mapping[str, str], action: int) -> bool:
        """Handle any start tag; say whether it hides what follows up to its end tag."""
        watched = not self._watched.isdisjoint(attributes)
        closed = tag == "dialog" and "open" not in attributes
        if action == Action.HIDE or closed or (watched and self._hidden_by_rule(tag, attributes)):
            self._hide(tag, attributes)
            return True
        if action > 0:
            self._open(action)
            if watched:
                self._keep_attributes(self._stack[-1], attributes)
        elif action != Action.THROUGH:
            self.data("\n" if action == Action.BREAK else " ")
            self._drawings += tag == "svg"
        if tag == "html":
            self.metadata.language(attributes.get("lang", ""))
        return False

    def _end_special(self, action: int) -> None:
        while self._stack[-1] == _IMPLIED_ROW and action not in _CELLS:
            self._close()
        self._close()

    def _hidden_by_rule(self, tag: str, attributes: Mapping[str, str]) -> bool:
        if tag in elements.VOID_TO_US:
            return False
        self._panels.update(visibility.controlled(attributes))
        attribute = visibility.hidden_by(attributes, self._panels)
        if attribute:
            self.removed[attribute] = self.removed.get(attribute, 0) + 1
        elif "style" in attributes and not visibility.style_hides(attributes["style"]):
            self._harmless_styles.add(attributes["style"])
        return attribute is not None

    def _hide(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._hidden_from = len(self.buffer)
        if tag in _SPEAKS_OF_PAGE:
            self._about_page(tag, attributes)
        if tag in _COUNTED:
            self.removed[tag] = self.removed.get(tag, 0) + 1

    def _about_page(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._speaks_from = len(self.buffer)
        if tag != "title" or not self._drawings:  # a drawing has a title too
            self.metadata.start(tag, attributes)

    def _end_hidden(self, tag: str, shown_again: bool) -> None:
        if tag in _SPEAKS_OF_PAGE:
            self.metadata.end(tag, self.buffer, self._speaks_from)
        if shown_again:
            del self.buffer[self._hidden_from :]

    def _open(self, code: int) -> None:
        stack = self._stack
        if stack[-1] == _IMPLIED_ROW and code in _ROW_ENDS_AT:
            self._close()
        if stack[-1] == _TABLE and code in _CELLS:
            self._emit(_TR, BLOCK_MARK)
            stack.append(_IMPLIED_ROW)
        code = self._fitting(code, stack[-1])
        stack.append(code)
        if code == _SPACE:
            self._part()
        elif code in _INLINE:
            self._inline.add(code)
            self._emit(code, INLINE_MARK)
        elif code != _NOTHING:
            self._emit(code, BLOCK_MARK)
            if code == _PRE:
                self._pre_from.append(len(self.buffer))

    def _fitting(self, code: int, parent: int) -> int:
        """The code under which an element may stand below this parent, or that it becomes nothing, or a space."""
        if code in _INLINE:
            return _NOTHING if code in self._inline or len(self._stack) > self._depth else code
        if len(self._stack) > self._depth:
            self.removed["deep"] = self.removed.get("deep", 0) + 1
            return _SPACE
        if code == _DIV and parent == _DL:
            return _SPACE
        wanted = elements.PARENTS.get(code)
        if wanted is None or parent in wanted or parent == _IMPLIED_ROW:
            return code
        if parent in (_SPACE, _NOTHING):
            parent = next(code for code in reversed(self._stack) if code not in (_SPACE, _NOTHING))
        return code if parent in wanted else _DIV

    def _close(self) -> None:
        code = self._stack.pop()
        if code == _SPACE:
            self._part()
        elif code in _INLINE:
            self._inline.discard(code)
            self._emit(0, INLINE_MARK)
        elif code != _NOTHING:
            if code == _PRE:
                self._keep_space(self._pre_from.pop())
            self._emit(0, BLOCK_MARK)

    def _part(self) -> None:
        """Set apart what an element that is too deep holds: by one space, also where a `pre` keeps all spaces."""
        if self.buffer[-1] != " ":
            self.data(" ")

    def _emit(self, code: int, mark: str) -> None:
        self.codes.append(code)
        self.buffer.append(mark)

    def _keep_space(self, start: int) -> None:
        if self._pre_from:
            return  # the outer `pre` does it
        text, spaces = keep_space("".join(self.buffer[start:]))
        self.buffer[start:] = [text]
        self._pre_spaces += spaces

    def _keep_attributes(self, code: int, attributes: Mapping[str, str]) -> None:
        if code == _IMG:
            alt = with_single_spaces(visibility.INVISIBLE.sub("", attributes.get("alt", "")))
            if visibility.says_something(alt):
                self.data(alt)
        elif code == _A:
            href = self.metadata.resolve(attributes.get("href", ""))
            if href:
                self.attributes[len(self.codes) - 1] = f' href="{html_entities.escape(href)}"'
        elif code in _KEPT:
            written = "".join(_written(name, attributes[name]) for name in _KEPT[code] if name in attributes)
            if written:
                self.attributes[len(self.codes) - 1] = written

    def has_foreign_marks(self) -> bool:
        """Whether the page's own text holds characters that serve as marks here. Call it when all is read."""
        self.buffer[:] = [text := "".join(self.buffer)]
        marks = text.count(BLOCK_MARK) + text.count(INLINE_MARK)
        return marks != len(self.codes) or count_kept(text) != self._pre_spaces

    def events(self) -> Events:
        """What was seen, white space folded as a browser folds it."""
        text = fold(self._whole_text())
        return Events(self.codes, text, self.attributes, self.removed)

    def _whole_text(self) -> str:
        """The buffer in one, which is empty then: nobody holds the text twice."""
        text = "".join(self.buffer)
        self.buffer.clear()
        return text


def _written(name: str, value: str) -> str:
    """A number attribute as it is written again; a span of one, and nonsense, says nothing."""
    if name == "reversed":
        return " reversed"
    number = _NUMBER.match(value)
    if number is None or (name in ("colspan", "rowspan") and not 1 < int(number[0]) <= _MAX_SPAN):
        return ""
    return f' {name}="{int(number[0])}"'
