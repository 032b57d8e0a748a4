"""What lxml's parser says of a page, tag by tag, written down: a code and a mark for each start and end of an element.

The parser calls `_Target` for every tag instead of building a tree of its own. That costs less than the tree and a pass
over it would, takes no memory for it, and knows no depth at which text is lost: with a tree, libxml2 drops what lies
deeper than 256 elements (2,048 with `huge_tree`). Hidden elements are left out right here; what is wrong with the order
of the others is seen to later, over arrays (nodes.py, settle.py).
"""

import time
from collections.abc import Callable, Mapping

from lxml import etree

from pruning import attributes as kept
from pruning import elements, visibility
from pruning.characters import BLOCK_MARK, INLINE_MARK, INVISIBLE
from pruning.document import Limits, Page
from pruning.elements import CODES, Action
from pruning.errors import PageTimeout, TooManyNodes
from pruning.fold import KEPT_SPACES, with_single_spaces
from pruning.metadata import Metadata, MetadataReader
from pruning.nodes import Events

# The parser is fed this many bytes between two looks at the clock. Unmatched end tags below deep nesting cost it
# quadratic time: 8 KB of them take 0.3 s at the worst.
_CHUNK = 8192

_ROOT, _IMG, _A = (CODES[name] for name in ("div", "img", "a"))
_MARKS = tuple(BLOCK_MARK if block else INLINE_MARK for block in elements.IS_BLOCK.tolist())
_ACTIONS = {links: elements.actions(links) for links in (False, True)}

# What is read although it is hidden: it tells about the page. And what no reader would miss being told of.
_SPEAKS_OF_PAGE = frozenset(("title", "meta", "link", "base", "script"))
_SPEAKS_IN_HIDING = _SPEAKS_OF_PAGE - {"title"}
_COUNTED = frozenset("dialog script style noscript template iframe object video audio canvas".split())

# Attributes without which an element needs no second look.
_WATCHED = visibility.WATCHED | kept.WATCHED


def read_events(page: Page, data: bytes, limits: Limits, links: bool) -> tuple[Events, Metadata]:
    """Parse a page.

    Args:
        page: where it comes from, and what is known of it.
        data: its markup, UTF-8.
        limits: what it may cost.
        links: keep links, with their addresses resolved.

    Raises:
        TooManyNodes, PageTimeout: the page exceeds a limit.
    """
    target = _Target(page, links)
    _feed(target, data, limits)
    if target.has_foreign_marks():
        target = _Target(page, links, careful=True)
        _feed(target, data, limits)
    return target.events(), target.metadata.result()


def _feed(target: "_Target", data: bytes, limits: Limits) -> None:
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
    """Receives the parser's events. `start` and `end` do what most tags need by themselves, and call for the rest."""

    def __init__(self, page: Page, links: bool, careful: bool = False) -> None:
        self.codes = bytearray((_ROOT,))
        self.metadata = MetadataReader(page)
        self._buffer: list[str] = [BLOCK_MARK]
        self._attributes: dict[int, str] = {}
        self._removed: dict[str, int] = {}
        self._hidden_from = self._speaks_from = 0
        self._drawings = 0  # open ones
        self._panels: set[str] = set()
        # Text costs no Python call: the parser appends to the buffer. What turns out to be hidden is cut off again.
        self.data = self._careful_data if careful else self._buffer.append
        self.start, self.end = self._hot_path(links)

    def _hot_path(  # noqa: C901 - two functions that share their state
        self, links: bool
    ) -> tuple[Callable[[str, Mapping[str, str]], None], Callable[[str], None]]:
        """The parser's `start` and `end`. As methods, looking all this up on self, they take half as long again."""
        code, mark, action_of = self.codes.append, self._buffer.append, _ACTIONS[links].get
        unwatched = (_WATCHED if links else _WATCHED - {"href"}).isdisjoint
        through, apart, hide = int(Action.THROUGH), int(Action.APART), int(Action.HIDE)
        hidden: int = 0  # open elements since one that isn't shown

        def start(tag: str, attributes: Mapping[str, str]) -> None:
            nonlocal hidden
            if hidden:
                hidden += 1
                if tag in _SPEAKS_IN_HIDING:
                    self._about_page(tag, attributes)
                return
            action = action_of(tag, apart)
            if action == hide:
                hidden = self._hide(tag, attributes)
            elif attributes and not unwatched(attributes):
                hidden = self._start_hides(tag, attributes, action)
            elif action > 0:
                code(action)
                mark(_MARKS[action])
            elif action != through:
                hidden = self._start_hides(tag, attributes, action)

        def end(tag: str) -> None:
            nonlocal hidden
            if hidden:
                hidden -= 1
                if not hidden or tag in _SPEAKS_OF_PAGE:
                    self._end_hidden(tag, not hidden)
                return
            action = action_of(tag, apart)
            if action > 0:
                code(0)
                mark(_MARKS[action])
            elif action <= apart:
                self.data(" ")
                if tag == "svg":
                    self._drawings -= 1

        return start, end

    def close(self) -> None:
        """The parser is done: what is open ends."""
        for _ in range(len(self.codes) - 2 * self.codes.count(0)):
            self._emit(0, BLOCK_MARK)
        del self.start, self.end  # they hold this object: without them, it is freed as soon as nobody needs it

    def _careful_data(self, text: str) -> None:
        self._buffer.append(INVISIBLE.sub("", text))

    def _emit(self, code: int, mark: str) -> None:
        self.codes.append(code)
        self._buffer.append(mark)

    def _start_hides(self, tag: str, attributes: Mapping[str, str], action: int) -> bool:
        """Handle a start tag; say whether it hides what follows up to its end tag."""
        closed = tag == "dialog" and "open" not in attributes
        if closed or (attributes and self._hidden_by_rule(tag, attributes)):
            return self._hide(tag, attributes)
        if action > 0:
            self._emit(action, _MARKS[action])
            if attributes:
                self._keep_attributes(action, attributes)
        elif action != Action.THROUGH:
            self.data("\n" if action == Action.BREAK else " ")
            self._drawings += tag == "svg"
        if tag == "html":
            self.metadata.language(attributes.get("lang", ""))
        return False

    def _hidden_by_rule(self, tag: str, attributes: Mapping[str, str]) -> bool:
        if tag in elements.NEVER_HIDDEN:
            return False
        self._panels.update(visibility.controlled(attributes))
        kind = visibility.hidden_by(attributes, self._panels)
        if kind and visibility.is_folded_answer(attributes, self._buffer):
            return False
        if kind:
            self._removed[kind] = self._removed.get(kind, 0) + 1
        return kind is not None

    def _hide(self, tag: str, attributes: Mapping[str, str]) -> bool:
        self._hidden_from = len(self._buffer)
        if tag in _SPEAKS_OF_PAGE:
            self._about_page(tag, attributes)
        if tag in _COUNTED:
            self._removed[tag] = self._removed.get(tag, 0) + 1
        return True

    def _about_page(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._speaks_from = len(self._buffer)
        if tag != "title" or not self._drawings:  # a drawing has a title too
            self.metadata.start(tag, attributes)

    def _end_hidden(self, tag: str, shown_again: bool) -> None:
        if tag in _SPEAKS_OF_PAGE:
            self.metadata.end(tag, self._buffer, self._speaks_from)
        if shown_again:
            del self._buffer[self._hidden_from :]

    def _keep_attributes(self, code: int, attributes: Mapping[str, str]) -> None:
        if code == _IMG:
            alt = with_single_spaces(INVISIBLE.sub("", attributes.get("alt", "")))
            if visibility.says_something(alt):
                self.data(alt)
        elif written := kept.written(code, attributes, self.metadata.resolve):
            self._attributes[len(self.codes) - 1] = written

    def has_foreign_marks(self) -> bool:
        """Whether the page's own text holds characters that serve as marks here. Call it when all is read."""
        self._buffer[:] = [text := "".join(self._buffer)]
        marks = text.count(BLOCK_MARK) + text.count(INLINE_MARK)
        return marks != len(self.codes) or any(space in text for space in KEPT_SPACES)

    def events(self) -> Events:
        """What was seen. Call it once: the text is held by nobody else then."""
        text = "".join(self._buffer)
        self._buffer.clear()
        return Events(self.codes, text, self._attributes, self._removed)
