"""Lines joined to one text: words that were parted at the end of a line become whole again."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PARTED = re.compile(r"(?<![^\W\d_])([^\W\d_]++)-$")
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
        parts = []
        for before, after in pairwise(lines):
            joint = self._joint(before, after)
            parts.append(before[:-1] if joint is None else before + joint)
        return "".join([*parts, *lines[-1:]])

    def _joint(self, before: str, after: str) -> str | None:
        """What stands between two lines: a space or nothing. None where the first line's hyphen goes."""
        parted, first = _PARTED.search(before), _FIRST.match(after)
        if not parted or not first or not first[0][0].islower():
            return _space(before, after)
        return "" if f"{parted[1]}-{first[0]}".lower() in self._compounds else None


def _space(before: str, after: str) -> str:
    """Scripts without spaces between words have none between lines either; nor has what ends in a hyphen."""
    unspaced = _is_unspaced(before[-1]) and _is_unspaced(after[0])
    return "" if unspaced or (before[-1] in "-\u2010" and not before.endswith((" -", "--"))) else " "


def _is_unspaced(character: str) -> bool:
    return "\u3000" <= character <= "\u9fff" or "\uff00" <= character <= "\uff60"
