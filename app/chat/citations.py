"""The marks of a text, such as [1], and the sources that they stand for."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from app.messages import Result

# One number or several, in square brackets or in those that some models write; not the text of a Markdown link.
_MARK = re.compile(r"[\[【]\s*(\d{1,3}(?:\s*,\s*\d{1,3}){0,9})\s*[\]】](?!\()")
_LONGEST = 64
_FENCE = "```"


class Citations:
    """Finds the marks of one text that comes in pieces.

    Attributes:
        text: what has come so far.
    """

    def __init__(self, sources: Sequence[Result]) -> None:
        self._sources = {number: source for number, source in enumerate(sources, start=1) if source.url}
        self.text = ""
        self._read = 0

    def add(self, piece: str) -> list[dict[str, Any]]:
        """The annotations of the marks that this piece completes; one at its end waits for what follows it."""
        self.text += piece
        return list(self._found(len(self.text) - 1))

    def rest(self) -> list[dict[str, Any]]:
        """The annotations that are left at the end of the text."""
        return list(self._found(len(self.text)))

    def _found(self, end: int) -> Iterator[dict[str, Any]]:
        if not self._sources:
            return
        for mark in _MARK.finditer(self.text, self._read):
            if mark.end() > end:
                break
            self._read = mark.end()
            if not self._is_code(mark.start()):
                numbers = dict.fromkeys(map(int, mark[1].split(",")))
                named = [self._sources[number] for number in numbers if number in self._sources]
                yield from (annotation(source, mark.start(), mark.end()) for source in named)
        # What lies further back is no beginning of a mark that is still to come.
        self._read = max(self._read, len(self.text) - _LONGEST)

    def _is_code(self, at: int) -> bool:
        """Whether a program says it: there, [1] is an index."""
        if self.text.count(_FENCE, 0, at) % 2:
            return True
        line = self.text.rfind("\n", 0, at) + 1
        return bool(self.text.count("`", line, at) % 2)


def annotation(source: Result, start: int, end: int) -> dict[str, Any]:
    """One of OpenAI's annotations; `text[start:end]` is the mark."""
    about = {"url": source.url, "title": source.title or source.url, "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": about}
