"""Tables: those that are drawn with lines, cell by cell, and those whose cells only stand below each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.convert.document import escaped
from app.convert.pdf.hyphens import Joiner
from app.convert.pdf.lines import Line, lines_of
from app.convert.pdf.reader import Segment, Word

_NEAR = 3.0  # points within which two lines are one, or meet
_MOST_LINES = 600  # of one table, in each direction
_FEWEST_ROWS = 3  # of a table without lines


@dataclass(slots=True)
class Cell:
    """A cell and where it stands, in rows and columns of the table's grid."""

    row: int
    column: int
    rows: int = 1
    columns: int = 1
    words: list[Word] = field(default_factory=list)
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)  # left, bottom, right, top

    def holds(self, word: Word) -> bool:
        """Whether the middle of a word stands within the cell."""
        x, y = (word.left + word.right) / 2, (word.bottom + word.top) / 2
        left, bottom, right, top = self.box
        return left <= x <= right and bottom <= y <= top


@dataclass(slots=True)
class Table:
    """Cells in reading order, and the box that they fill on the page."""

    cells: list[Cell]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top."""
        lefts, bottoms, rights, tops = zip(*(cell.box for cell in self.cells), strict=True)
        return min(lefts), min(bottoms), max(rights), max(tops)

    @property
    def header_rows(self) -> int:
        """How many rows head the table: bold ones, and those that a merged cell of the first row reaches over."""
        first = [cell for cell in self.cells if cell.row == 0]
        merged = any(cell.columns > 1 for cell in first) and len(first) > 1
        reach = max((cell.rows for cell in first), default=1)
        bold = 0
        while (row := [cell for cell in self.cells if cell.row == bold and cell.words]) and all(map(_is_bold, row)):
            bold += 1
        last = max((cell.row for cell in self.cells), default=0)
        wide = max((cell.column + cell.columns for cell in self.cells), default=0) > 2
        header = max(reach, 2 if merged else 1) if merged or (wide and not bold) else bold
        return min(max(header, bold), last)

    def html(self, joiner: Joiner) -> str:
        """The table with its header, and with cells that reach over several rows or columns."""
        rows: dict[int, list[Cell]] = {}
        for cell in self.cells:
            rows.setdefault(cell.row, []).append(cell)
        header = self.header_rows
        lines = {
            row: f"<tr>{''.join(_written(cell, row < header, joiner) for cell in cells)}</tr>\n"
            for row, cells in rows.items()
        }
        head = "".join(line for row, line in lines.items() if row < header)
        body = "".join(line for row, line in lines.items() if row >= header)
        return f"<table>\n{f'<thead>{head}</thead>' if head else ''}{body}</table>\n"


def _is_bold(cell: Cell) -> bool:
    return all(word.bold for word in cell.words)


def _written(cell: Cell, heads: bool, joiner: Joiner) -> str:
    tag = "th" if heads else "td"
    spans = f' rowspan="{cell.rows}"' if cell.rows > 1 else ""
    spans += f' colspan="{cell.columns}"' if cell.columns > 1 else ""
    return f"<{tag}{spans}>{escaped(joiner.text([line.text for line in lines_of(cell.words)]))}</{tag}>"


def ruled_tables(segments: Sequence[Segment], words: Iterable[Word]) -> list[Table]:
    """The tables that a page's lines enclose, with the words in their cells. Boxes around text are none."""
    found = [table for group in _connected(_joined(segments)) if (table := _grid(group))]
    cells = [cell for table in found for cell in table.cells]
    for word in words:
        cell = next((cell for cell in cells if cell.holds(word)), None)
        if cell:
            cell.words.append(word)
    return [table for table in found if _is_filled(table)]


def _is_filled(table: Table) -> bool:
    filled = [cell for cell in table.cells if cell.words]
    columns = {cell.column for cell in filled}
    return len(columns) > 1 and len({cell.row for cell in filled}) > 1 and 4 * len(filled) >= len(table.cells)


def _joined(segments: Sequence[Segment]) -> list[Segment]:
    """Pieces of one line as one line."""
    joined: list[Segment] = []
    for piece in sorted(segments, key=lambda piece: (piece.horizontal, round(piece.at / _NEAR), piece.low)):
        last = joined[-1] if joined else None
        same = last and last.horizontal == piece.horizontal and abs(last.at - piece.at) <= _NEAR
        if last and same and piece.low <= last.high + _NEAR:
            joined[-1] = Segment(last.horizontal, last.at, last.low, max(last.high, piece.high))
        else:
            joined.append(piece)
    return joined


def _connected(lines: Sequence[Segment]) -> list[list[Segment]]:
    """Groups of lines that meet each other."""
    across = [line for line in lines if line.horizontal]
    upright = [line for line in lines if not line.horizontal]
    if len(across) > _MOST_LINES or len(upright) > _MOST_LINES:
        return []
    group = {id(line): [line] for line in lines}
    for one in across:
        for other in upright:
            if _meet(one, other) and group[id(one)] is not group[id(other)]:
                both = group[id(one)] + group[id(other)]
                group.update({id(line): both for line in both})
    return list({id(lines): lines for lines in group.values()}.values())


def _meet(across: Segment, upright: Segment) -> bool:
    return (
        across.low - _NEAR <= upright.at <= across.high + _NEAR
        and upright.low - _NEAR <= across.at <= upright.high + _NEAR
    )


def _places(lines: Iterable[Segment]) -> list[float]:
    places: list[float] = []
    for at in sorted(line.at for line in lines):
        if not places or at - places[-1] > _NEAR:
            places.append(at)
    return places


def _grid(lines: Sequence[Segment]) -> Table | None:
    """The cells between some lines; where no line parts two places of the grid, they are one cell."""
    across = [line for line in lines if line.horizontal]
    upright = [line for line in lines if not line.horizontal]
    ys, xs = _places(across)[::-1], _places(upright)
    if len(ys) < 3 or len(xs) < 3:
        return None
    grid = _Grid(xs, ys, across, upright)
    return Table(grid.cells())


@dataclass(slots=True)
class _Grid:
    xs: list[float]
    ys: list[float]  # from top to bottom
    across: list[Segment]
    upright: list[Segment]

    def cells(self) -> list[Cell]:
        taken: set[tuple[int, int]] = set()
        cells = []
        for row in range(len(self.ys) - 1):
            for column in range(len(self.xs) - 1):
                if (row, column) not in taken:
                    cell = self._cell(row, column)
                    cells.append(cell)
                    taken |= {(r, c) for r in range(row, row + cell.rows) for c in range(column, column + cell.columns)}
        return cells

    def _cell(self, row: int, column: int) -> Cell:
        columns = 1
        while column + columns < len(self.xs) - 1 and not self._wall(row, column + columns):
            columns += 1
        rows = 1
        while row + rows < len(self.ys) - 1 and not any(
            self._floor(row + rows, each) for each in range(column, column + columns)
        ):
            rows += 1
        box = (self.xs[column], self.ys[row + rows], self.xs[column + columns], self.ys[row])
        return Cell(row, column, rows, columns, box=box)

    def _wall(self, row: int, column: int) -> bool:
        """Whether a line stands left of a column, along a row."""
        middle = (self.ys[row] + self.ys[row + 1]) / 2
        return any(abs(line.at - self.xs[column]) <= _NEAR and line.low <= middle <= line.high for line in self.upright)

    def _floor(self, row: int, column: int) -> bool:
        """Whether a line runs above a row, along a column."""
        middle = (self.xs[column] + self.xs[column + 1]) / 2
        return any(abs(line.at - self.ys[row]) <= _NEAR and line.low <= middle <= line.high for line in self.across)


def aligned_table(lines: Sequence[Line]) -> Table | None:
    """The table that lines make whose cells stand below each other; None where they make none."""
    rows = [line.cells() for line in lines]
    columns = _bands([cell for row in rows for cell in row])
    if len(rows) < _FEWEST_ROWS or len(columns) < 2:
        return None
    cells: list[Cell] = []
    for number, row in enumerate(rows):
        places = [next(i for i, (low, high) in enumerate(columns) if low <= cell.left <= high) for cell in row]
        if len(set(places)) < len(places):
            return None
        by_place = dict(zip(places, row, strict=True))
        cells += [
            Cell(number, place, words=list(by_place[place].words) if place in by_place else [])
            for place in range(len(columns))
        ]
    return Table(cells)


def _bands(cells: Iterable[Line]) -> list[tuple[float, float]]:
    """The columns: what the cells cover from left to right, where they leave no gap."""
    bands: list[tuple[float, float]] = []
    for cell in sorted(cells, key=lambda cell: cell.left):
        if bands and cell.left <= bands[-1][1] + 1:
            bands[-1] = (bands[-1][0], max(bands[-1][1], cell.right))
        else:
            bands.append((cell.left, cell.right))
    return bands
