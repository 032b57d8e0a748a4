"""Lines become blocks: headings by the size of their font, list items by their marks, paragraphs, tables."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.convert.pdf.lines import Line
from app.convert.pdf.tables import Table, aligned_table

_LARGER = 1.12  # times the body's size: a heading
_LONGEST_HEADING = 200  # characters
_MOST_HEADING_LINES = 4
_LONGEST_BOLD = 100  # characters of a bold line that heads a paragraph
_BULLET = re.compile(r"([•◦▪‣·●○■□▶►➢➤✓✔\uf0b7\uf0a7\uf0d8–—*]|[-o](?=\s\S))\s*")
_NUMBER = re.compile(r"\(?(\d{1,3})[.)]\s+(?=\S)")
_LETTER = re.compile(r"\(?(?:[a-zA-Z]|[ivx]{2,5})[.)]\s+(?=\S)")
_SENTENCE_END = (".", "!", "?", ":", "”", "。", "！", "？")
_NUMBERING = re.compile(
    r"^(?:(?:chapter|appendix|section)\s+)?(?:(?:\d{1,3}|[A-Z])(?:\.\d{1,3})*[.:)]?\s+)?", re.IGNORECASE
)
_LEADERS = re.compile(r"\s*(?:\. ?){4,}\s*(?=\w{1,6}$)")  # from a heading to its page, in a table of contents
_FEWEST_LINES = 4  # from which the edge of a column is known

Item = Line | Table


@dataclass(slots=True)
class Block:
    """A heading ("h"), a paragraph ("p"), a list's item ("li") or a table. `level` of a heading is 1 to 6."""

    kind: Literal["h", "p", "li", "table"]
    lines: list[Line] = field(default_factory=list)
    table: Table | None = None
    page: int = 0
    level: int = 1
    number: int | None = None  # of an item
    mark: int = 0  # characters of the mark that begins an item

    @property
    def left(self) -> float:
        return self.lines[0].left

    @property
    def texts(self) -> list[str]:
        """The text of each line, without the item's mark."""
        texts = [line.text for line in self.lines]
        return [_LEADERS.sub(" … ", texts[0][self.mark :]), *texts[1:]]


class Blocks:
    """Puts blocks together, page after page, from lines and tables in reading order."""

    def __init__(self, pages: Sequence[Sequence[Item]], outline: Mapping[str, int]) -> None:
        lines = [line for items in pages for line in items if isinstance(line, Line)]
        self._body = _most_common_size(lines)
        self._bold_is_rare = sum(len(line.text) for line in lines if line.bold) * 3 < sum(
            len(line.text) for line in lines
        )
        self._pitch = _usual_pitch(lines)
        self._outline = outline
        self._edges = _right_edges(pages)
        self.blocks: list[Block] = []
        for number, items in enumerate(pages):
            for item in _with_aligned_tables(items):
                self._add(item, number)
        self._settle_headings()

    def _add(self, item: Item, page: int) -> None:
        last = self.blocks[-1] if self.blocks else None
        if isinstance(item, Table):
            self.blocks.append(Block("table", table=item, page=page))
        elif self._is_heading(item):
            if last and last.kind == "h" and last.page == page and self._heads_on(last.lines[-1], item):
                last.lines.append(item)
            else:
                self.blocks.append(Block("h", [item], page=page))
        elif (mark := _mark(item.text)) is not None:
            self.blocks.append(Block("li", [item], page=page, number=mark[1], mark=mark[0]))
        elif last and last.kind in ("p", "li") and self._goes_on(last, item, page):
            last.lines.append(item)
            last.page = page
        else:
            self.blocks.append(Block("p", [item], page=page))

    def _is_heading(self, line: Line) -> bool:
        text = line.text
        if not any(map(str.isalpha, text)) or len(text) > _LONGEST_HEADING or _LEADERS.search(text):
            return False
        if outline_key(text) in self._outline or line.size >= _LARGER * self._body:
            return True
        bold = self._bold_is_rare and line.bold and line.size >= 0.95 * self._body
        return bold and len(text) <= _LONGEST_BOLD and not text.endswith((".", ",", ";", ":"))

    def _heads_on(self, before: Line, line: Line) -> bool:
        """Whether a heading goes on in its next line."""
        return abs(before.size - line.size) < 1 and 0 < before.middle - line.middle < 1.8 * line.size

    def _goes_on(self, block: Block, line: Line, page: int) -> bool:
        before = block.lines[-1]
        if abs(before.size - line.size) > 1:
            return False
        if page != block.page or line.bottom > before.top:  # on the next page, or in the next column
            return not before.text.endswith(_SENTENCE_END) and line.text[0].islower()
        if before.middle - line.middle > 1.3 * self._pitch * max(line.size, before.size):
            return False
        if self._had_room(before, line):
            return False
        if block.kind == "li":
            return line.left > block.left - 0.5 * line.size
        return len(block.lines) == 1 or line.left <= before.left + 0.8 * line.size

    def _had_room(self, before: Line, line: Line) -> bool:
        """Whether a line's first word would have fitted on the line before: then whoever wrote it broke the line."""
        edge, first = self._edges.get(id(before), 0.0), line.words[0]
        if line.text[0].islower() and not before.text.endswith(_SENTENCE_END):
            return before.right < before.left + 0.5 * (edge - before.left)
        return before.right + first.right - first.left + 0.8 * line.size < edge

    def _settle_headings(self) -> None:
        """Give the headings their levels: by the outline, or by size. What goes on for lines was none."""
        for block in self.blocks:
            if block.kind == "h" and len(block.lines) > _MOST_HEADING_LINES:
                block.kind = "p"
        headings = [block for block in self.blocks if block.kind == "h"]
        sizes = sorted({block.lines[0].size for block in headings}, reverse=True)
        for block in headings:
            listed = self._outline.get(outline_key(" ".join(block.texts)))
            level = sizes.index(block.lines[0].size) + 1 if listed is None else listed + 1
            block.level = min(level, 6)


def outline_key(title: str) -> str:
    """By what a heading is known in the outline: without its number, its case and its spaces.

    >>> outline_key("2.1  Pruning Pears") == outline_key("Pruning pears")
    True
    """
    return "".join(_NUMBERING.sub("", title).split()).casefold()


def _mark(text: str) -> tuple[int, int | None] | None:
    """The length of the mark that begins a list's item, and its number; None for other text."""
    bullet = _BULLET.match(text)
    if bullet and len(text) > bullet.end():
        return bullet.end(), None
    if _LEADERS.search(text):
        return 0, None
    number = _NUMBER.match(text)
    if number:
        return number.end(), int(number[1])
    return (0, None) if _LETTER.match(text) else None


def _most_common_size(lines: Iterable[Line]) -> float:
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 1.0


def _usual_pitch(lines: Sequence[Line]) -> float:
    """From one base line to the next, in sizes of the font; most texts have 1.2."""
    steps = sorted(
        step
        for before, line in itertools.pairwise(lines)
        if 0.8 < (step := (before.middle - line.middle) / line.size) < 2.6 and abs(before.size - line.size) < 1
    )
    return steps[len(steps) // 3] if steps else 1.2


def _right_edges(pages: Sequence[Sequence[Item]]) -> dict[int, float]:
    """How far right the lines of each line's column reach, by the line's `id`: all but a few of them."""
    edges: dict[int, float] = {}
    for items in pages:
        lines = [item for item in items if isinstance(item, Line)]
        columns: dict[int, list[Line]] = {}
        for line in lines:
            columns.setdefault(round(line.left / (4 * max(line.size, 1.0))), []).append(line)
        for column in columns.values():
            if len(column) >= _FEWEST_LINES:
                rights = sorted((line.right for line in column), reverse=True)
                edge = rights[max(1, len(rights) // 4)]
                edges.update({id(line): edge for line in column})
    return edges


def _with_aligned_tables(items: Sequence[Item]) -> list[Item]:
    """Lines whose words stand in columns, three of them or more in a row, become a table."""
    result: list[Item] = []
    run: list[Line] = []

    def end_run() -> None:
        table = aligned_table(run) if run else None
        result.extend([table] if table else run)
        run.clear()

    for item in items:
        if isinstance(item, Line) and _has_columns(item):
            run.append(item)
            continue
        end_run()
        result.append(item)
    end_run()
    return result


def _has_columns(line: Line) -> bool:
    cells = line.cells()
    return len(cells) > 1 and _mark(f"{cells[0].text} x") is None
