"""What stands on page after page: running heads, page numbers, the address that a browser prints below."""

import re
from collections import Counter
from collections.abc import Sequence

from app.convert.pdf.lines import Line

_MARGIN = 0.1  # of the page's height, above and below
_NUMBERS = re.compile(r"\d+|\b[ivxlcdm]+\b", re.IGNORECASE)
_ONLY_NUMBERS = re.compile(r"(?:page|seite|p\.)?[\s\-–—|/#]*(?:of|von|de|/)?[\s\-–—|/#]*", re.IGNORECASE)
_GRID = 4.0  # points within which two lines stand at one height

Key = tuple[str, int]


def without_running_heads(pages: Sequence[list[Line]], heights: Sequence[float]) -> list[list[Line]]:
    """The pages' lines without what their margins repeat. A running head stays where it stands first; page numbers
    go everywhere.
    """
    keys = [[_key(line, height) for line in lines] for lines, height in zip(pages, heights, strict=True)]
    count = Counter(key for page in keys for key in set(page) if key)
    seen = {
        _NUMBERS.sub("#", line.text) for lines, page in zip(pages, keys, strict=True) for line in _inner(lines, page)
    }
    kept: list[list[Line]] = []
    for lines, page in zip(pages, keys, strict=True):
        kept.append([])
        for line, key in zip(lines, page, strict=True):
            repeated = key is not None and count[key] > 1
            if not repeated or (key and key[0] not in seen and not _ONLY_NUMBERS.fullmatch(key[0])):
                kept[-1].append(line)
            if key:
                seen.add(key[0])
    return kept


def _inner(lines: Sequence[Line], keys: Sequence[Key | None]) -> list[Line]:
    return [line for line, key in zip(lines, keys, strict=True) if key is None]


def _key(line: Line, height: float) -> Key | None:
    """By what a line in a margin is known on the next page: its words without numbers, and its height."""
    if _MARGIN * height < line.middle < (1 - _MARGIN) * height:
        return None
    return _NUMBERS.sub("#", line.text), round(line.middle / _GRID)
