"""Lines joined to one text: words that were parted at the end of a line become whole again."""

import re
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PARTED = re.compile(r"([^\W\d_]+)-$")
_FIRST = re.compile(r"[^\W\d_]+")


class Joiner:
    """Joins lines. A hyphen at a line's end goes, unless the document writes the word with it elsewhere."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._compounds = {word.lower() for line in lines for word in _WORD.findall(line) if "-" in word}

    def text(self, lines: Sequence[str]) -> str:
        """The lines as one text.

        >>> Joiner(["a well-known tree"]).text(["the best prun-", "ing of a well-", "known pear"])
        'the best pruning of a well-known pear'
        """
        text = ""
        for line in lines:
            text = self._joined(text, line) if text else line
        return text

    def _joined(self, before: str, after: str) -> str:
        parted, first = _PARTED.search(before), _FIRST.match(after)
        if not parted or not first or not first[0][0].islower():
            return f"{before}{_space(before, after)}{after}"
        keeps = f"{parted[1]}-{first[0]}".lower() in self._compounds
        return f"{before if keeps else before[:-1]}{after}"


def _space(before: str, after: str) -> str:
    """Scripts without spaces between words have none between lines either; nor has what ends in a hyphen."""
    unspaced = _is_unspaced(before[-1]) and _is_unspaced(after[0])
    return "" if unspaced or (before[-1] in "-\u2010" and not before.endswith((" -", "--"))) else " "


def _is_unspaced(character: str) -> bool:
    return "\u3000" <= character <= "\u9fff" or "\uff00" <= character <= "\uff60"
