"""What has to be seen to before the parser's events can become nodes: rows that a page left out, and depth.

Most pages have nothing of the kind, which arrays tell (`Nesting.is_settled`); here the others' events are gone through
one by one.
"""

import re

from pruning import elements
from pruning.characters import BLOCK_MARK, INLINE_MARK
from pruning.elements import CODES
from pruning.nodes import Events

_MARK = re.compile(f"[{BLOCK_MARK}{INLINE_MARK}]")
_TR, _TABLE, _DL, _DIV, _IMG = (CODES[name] for name in ("tr", "table", "dl", "div", "img"))
_CELLS = (CODES["td"], CODES["th"])
_ROW_ENDS_AT = (_TR, CODES["thead"], CODES["caption"])
_IS_BLOCK = elements.IS_BLOCK.tolist()
# On the stack of open elements, beside codes: a row that the page left out; an element that became no node; one that
# became a space.
_IMPLIED_ROW, _NOTHING, _SPACE = 255, 254, 253


def settled(events: Events, depth: int) -> Events:
    """The same events, with a row around cells that have none, no tags below `depth` and no `div` in a `dl`.

    The text of elements that go stays, set apart where they were blocks. How many were too deep is counted.
    """
    settler = _Settler(depth, events.removed)
    for number, (text, code) in enumerate(zip(_MARK.split(events.text), events.codes, strict=False)):
        if text:
            settler.buffer.append(text)
        if code:
            settler.open(code, events.attributes.get(number))
        else:
            settler.close()
    return Events(settler.codes, "".join(settler.buffer), settler.attributes, events.removed)


class _Settler:
    """Writes events again, by a stack of open elements."""

    def __init__(self, depth: int, removed: dict[str, int]) -> None:
        self.codes = bytearray()
        self.buffer: list[str] = []
        self.attributes: dict[int, str] = {}
        self._stack: list[int] = []
        self._depth = depth
        self._removed = removed

    def open(self, code: int, attributes: str | None) -> None:
        stack = self._stack
        if stack and stack[-1] == _IMPLIED_ROW and code in _ROW_ENDS_AT:
            self._close()
        if stack and stack[-1] == _TABLE and code in _CELLS:
            self._emit(_TR, BLOCK_MARK)
            stack.append(_IMPLIED_ROW)
        stack.append(code := self._fitting(code))
        if code == _SPACE:
            self._part()
        elif code != _NOTHING:
            self._emit(code, BLOCK_MARK if _IS_BLOCK[code] else INLINE_MARK)
            if attributes:
                self.attributes[len(self.codes) - 1] = attributes

    def close(self) -> None:
        """The last element that the page opened ends, and the row that was added within."""
        if self._stack[-1] == _IMPLIED_ROW:
            self._close()
        self._close()

    def _fitting(self, code: int) -> int:
        """The code itself, or what becomes of an element here that can't be one."""
        if len(self._stack) > self._depth:
            if not _IS_BLOCK[code] and code != _IMG:
                return _NOTHING
            self._removed["deep"] = self._removed.get("deep", 0) + 1
            return _SPACE
        return _SPACE if code == _DIV and self._stack and self._stack[-1] == _DL else code

    def _close(self) -> None:
        code = self._stack.pop()
        if code == _SPACE:
            self._part()
        elif code != _NOTHING:
            self._emit(0, BLOCK_MARK if code == _IMPLIED_ROW or _IS_BLOCK[code] else INLINE_MARK)

    def _part(self) -> None:
        """Set apart what an element holds that became a space: by one only, also where a `pre` keeps all spaces."""
        if not self.buffer[-1].endswith(" "):
            self.buffer.append(" ")

    def _emit(self, code: int, mark: str) -> None:
        self.codes.append(code)
        self.buffer.append(mark)
