"""A PDF's pages as one HTML document."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from app.convert.document import document, element, escaped
from app.convert.pdf.blocks import Block, Blocks, Item
from app.convert.pdf.hyphens import Joiner
from app.convert.pdf.lines import Line, lines_of
from app.convert.pdf.reader import PageContent, Word
from app.convert.pdf.running import without_running_heads
from app.convert.pdf.tables import Table, ruled_tables
from pruning.metadata import Metadata

_DOT_REACH = 2.5  # of the size: so far left of a line, a dot is its bullet
_DEEPEST_LIST = 6


def written(pages: Sequence[PageContent], about: Metadata, outline: Mapping[str, int]) -> str:
    """The document: headings, paragraphs, lists and tables of all pages.

    Args:
        pages: what stands on each.
        about: what the PDF says about itself; without a title, its largest line is one.
        outline: level (from 0) of each heading of its table of contents, by `outline_key`.
    """
    tables = [ruled_tables(page.segments, page.words) for page in pages]
    lines = [_lines(page, found) for page, found in zip(pages, tables, strict=True)]
    kept = without_running_heads(lines, [page.height for page in pages])
    items = [_placed(*both) for both in zip(kept, tables, strict=True)]
    blocks = Blocks(items, outline).blocks
    joiner = Joiner(line.text for page in kept for line in page)
    title = about.title or _title(blocks, joiner)
    facts = Metadata(title, about.url, about.published, about.author, about.language)
    return document("".join(_html(blocks, joiner)), facts)


def _lines(page: PageContent, tables: Sequence[Table]) -> list[Line]:
    """The lines outside of tables, each with its bullet where a dot is drawn before it."""
    inside = {id(word) for table in tables for cell in table.cells for word in cell.words}
    lines = lines_of([word for word in page.words if id(word) not in inside])
    for x, y in page.dots:
        reached = [line for line in lines if line.bottom < y < line.top and 0 < line.left - x < _DOT_REACH * line.size]
        if reached:
            line = min(reached, key=lambda line: line.left)
            first = line.words[0]
            bullet = Word("•", x, x, first.bottom, first.top, first.size, first.bold)
            lines[lines.index(line)] = Line((bullet, *line.words))
    return lines


def _placed(lines: Sequence[Line], tables: Sequence[Table]) -> list[Item]:
    """Lines and tables in reading order: a table stands before the first line that is below it."""
    items: list[Item] = list(lines)
    for table in tables:
        left, bottom, right, _ = table.box
        after = (
            place
            for place, item in enumerate(items)
            if isinstance(item, Line) and item.middle < bottom and item.left < right and item.right > left
        )
        items.insert(next(after, len(items)), table)
    return items


def _title(blocks: Sequence[Block], joiner: Joiner) -> str | None:
    """The largest heading of the first page that has one."""
    headings = [block for block in blocks if block.kind == "h"]
    first = [block for block in headings if block.page == headings[0].page]
    return joiner.text(max(first, key=lambda block: block.lines[0].size).texts) if first else None


def _html(blocks: Sequence[Block], joiner: Joiner) -> Iterator[str]:
    for is_item, group in groupby(blocks, key=lambda block: block.kind == "li"):
        if is_item:
            yield from _lists(list(group), joiner)
            continue
        for block in group:
            if block.table:
                yield block.table.html(joiner)
            else:
                yield element(f"h{block.level}" if block.kind == "h" else "p", joiner.text(block.texts))


def _lists(blocks: Sequence[Block], joiner: Joiner) -> Iterator[str]:
    """Items as lists; an item that begins further right stands in a list within the item before."""
    open_lists: list[tuple[float, str]] = []
    for block in blocks:
        left, tag = block.left, "ul" if block.number is None else "ol"
        while open_lists and (
            left < open_lists[-1][0] - block.lines[0].size or _is_other(open_lists[-1], left, tag, block)
        ):
            yield f"</li>\n</{open_lists.pop()[1]}>\n"
        if open_lists and (left <= open_lists[-1][0] + block.lines[0].size or len(open_lists) >= _DEEPEST_LIST):
            yield "</li>\n"
        else:
            start = f' start="{block.number}"' if block.number not in (None, 1) else ""
            yield f"<{tag}{start}>\n"
            open_lists.append((left, tag))
        yield f"<li>{escaped(joiner.text(block.texts))}"
    while open_lists:
        yield f"</li>\n</{open_lists.pop()[1]}>\n"


def _is_other(open_list: tuple[float, str], left: float, tag: str, block: Block) -> bool:
    """Whether an item at the same place begins a list of another kind."""
    return abs(left - open_list[0]) <= block.lines[0].size and tag != open_list[1]
