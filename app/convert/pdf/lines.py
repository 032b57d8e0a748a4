"""Words become lines, and lines get the order in which a reader takes them: down one column, then the next."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise

from app.convert.pdf.reader import Word

_CELL_GAP = 1.2  # of the size: words further apart may stand in different columns
# A page's order is put right where more than this share of its lines goes backwards, or jumps over a gutter.
_DISORDER = 0.1
_INTERLEAVED = 0.5
_FEWEST = 3  # lines of a column


class Line:
    """Words on one base line, as they were written."""

    def __init__(self, words: Iterable[Word]) -> None:
        self.words = tuple(words)

    @cached_property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @cached_property
    def left(self) -> float:
        return min(word.left for word in self.words)

    @cached_property
    def right(self) -> float:
        return max(word.right for word in self.words)

    @cached_property
    def bottom(self) -> float:
        return min(word.bottom for word in self.words)

    @cached_property
    def top(self) -> float:
        return max(word.top for word in self.words)

    @cached_property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @cached_property
    def size(self) -> float:
        """The size of most of its characters."""
        sizes: dict[float, int] = {}
        for word in self.words:
            size = round(2 * word.size) / 2
            sizes[size] = sizes.get(size, 0) + len(word.text)
        return max(sizes, key=lambda size: (sizes[size], size))

    @cached_property
    def bold(self) -> bool:
        return all(word.bold for word in self.words if any(map(str.isalnum, word.text)))

    def cells(self) -> list["Line"]:
        """The line parted where its words stand far apart."""
        parts = [[self.words[0]]]
        for before, word in pairwise(self.words):
            if _gap(before, word) > _CELL_GAP * max(word.size, before.size):
                parts.append([])
            parts[-1].append(word)
        return [Line(part) for part in parts]


def lines_of(words: Sequence[Word]) -> list[Line]:
    """Lines in reading order. What is written sideways comes last, each run of it as one line."""
    lines: list[list[Word]] = []
    sideways: list[list[Word]] = []
    previous: Word | None = None
    for word in words:
        among = lines if word.upright else sideways
        goes_on = previous is not None and previous.upright == word.upright
        if not (previous and goes_on and (not word.upright or _on_line(previous, word))):
            among.append([])
        among[-1].append(word)
        previous = word
    return _ordered([Line(line) for line in lines]) + [Line(line) for line in sideways]


def _on_line(before: Word, word: Word) -> bool:
    """Whether a word goes on with the line of the word before: beside it, in either direction of writing."""
    height = min(before.top - before.bottom, word.top - word.bottom)
    overlap = min(before.top, word.top) - max(before.bottom, word.bottom)
    beside = word.left >= before.left or (word.right <= before.left + 1 and _is_leftward(word.text))
    return overlap > 0.5 * height and beside


def _is_leftward(text: str) -> bool:
    return any("\u0590" <= character <= "\u08ff" or "\ufb1d" <= character <= "\ufefc" for character in text)


def _gap(before: Word, word: Word) -> float:
    return max(word.left - before.right, before.left - word.right)


def _ordered(lines: list[Line]) -> list[Line]:
    """As they were written, unless that is no order to read in."""
    if len(lines) < 2 * _FEWEST:
        return lines
    backwards = sum(_goes_back(line, after) for line, after in pairwise(lines))
    if backwards > max(2, _DISORDER * len(lines)):
        return _by_columns([cell for line in lines for cell in line.cells()], split=True)
    gutter = _gutter(lines)
    return lines if gutter is None else _by_columns(_parted(lines, gutter), split=True)


def _goes_back(line: Line, after: Line) -> bool:
    return after.bottom > line.top and after.left < line.right and after.right > line.left


def _gutter(lines: Sequence[Line]) -> float | None:
    """Where a gap runs down the page through most of its lines, with much text on either side: two columns that were
    written line by line. A table's columns hold less.
    """
    parted = [parts for line in lines if len(parts := line.cells()) == 2]
    if len(parted) < max(_FEWEST, _INTERLEAVED * len(lines)):
        return None
    gutter = (max(left.right for left, _ in parted) + min(right.left for _, right in parted)) / 2
    inside = [parts for parts in parted if parts[0].right <= gutter <= parts[1].left]
    words = sum(min(len(left.words), len(right.words)) for left, right in inside)
    return gutter if len(inside) >= 0.9 * len(parted) and words >= 4 * len(inside) else None


def _parted(lines: Sequence[Line], gutter: float) -> list[Line]:
    parts: list[Line] = []
    for line in lines:
        cells = line.cells()
        is_parted = len(cells) == 2 and cells[0].right <= gutter <= cells[1].left
        parts += cells if is_parted else [line]
    return parts


def _by_columns(lines: Sequence[Line], split: bool) -> list[Line]:
    """Recursively: what spans the columns parts the page into bands, and each band is read column by column."""
    place = _column_gap(lines) if split else None
    if place is None:
        return sorted(lines, key=lambda line: (-round(line.middle), line.left))
    ordered: list[Line] = []
    band: list[Line] = []
    for line in sorted(lines, key=lambda line: -line.middle):
        if line.left < place < line.right:
            ordered += _columns(band, place)
            ordered.append(line)
            band = []
        else:
            band.append(line)
    return ordered + _columns(band, place)


def _columns(band: Sequence[Line], place: float) -> list[Line]:
    left = [line for line in band if line.right <= place]
    right = [line for line in band if line.left >= place]
    return _by_columns(left, len(left) < len(band)) + _by_columns(right, len(right) < len(band))


def _column_gap(lines: Sequence[Line]) -> float | None:
    """A place that few lines cross and that has columns on either side; the first that the fewest cross."""
    if len(lines) < 2 * _FEWEST:
        return None
    low, high = min(line.left for line in lines), max(line.right for line in lines)
    best: tuple[int, float] | None = None
    for step in range(20, 81):
        place = low + (high - low) * step / 100
        crossing = sum(line.left < place < line.right for line in lines)
        left = sum(line.right <= place for line in lines)
        right = sum(line.left >= place for line in lines)
        if min(left, right) >= _FEWEST and crossing <= 0.2 * len(lines) and (best is None or crossing < best[0]):
            best = crossing, place
    return best[1] if best else None
