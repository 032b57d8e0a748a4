"""JSON, lines of JSON, and tables of values separated by commas or tabs as simple HTML."""

import csv
import json
from collections.abc import Iterator, Sequence
from typing import Any

from app.convert.document import document, element, escaped, paragraphs
from app.convert.errors import Unreadable
from app.convert.prose import as_html, is_prose

_DEEPEST = 60  # levels; JSON below is written as it is
_MOST_COLUMNS = 60  # of a table made of records
_DELIMITERS = ",;\t|"
_LOOKED_AT = 20  # rows
_LONGEST_CELL = 80  # characters, above which a first row is no header


def json_html(text: str) -> str:
    """JSON, or a JSON value on each line, as nested lists; records of one form as a table. Other text stays text.

    Raises Unreadable where it is nested too deeply.
    """
    try:
        value = _parsed(text)
        return document(paragraphs(text) if value is None else "".join(_written(value, 0)))
    except RecursionError:
        raise Unreadable("this JSON is nested too deeply to be read") from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
    try:
        return [json.loads(line) for line in lines] if len(lines) > 1 else None
    except ValueError:
        return None


def _written(value: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        yield paragraphs(json.dumps(value, ensure_ascii=False))
    elif isinstance(value, dict):
        yield "<ul>\n"
        for key, each in value.items():
            yield from _entry(str(key), each, depth)
        yield "</ul>\n"
    elif isinstance(value, list):
        yield from _list(value, depth)
    else:
        yield _text(value)


def _list(values: list[Any], depth: int) -> Iterator[str]:
    columns = _columns(values)
    if columns:
        rows = [["" if row.get(column) is None else _scalar(row[column]) for column in columns] for row in values]
        yield table(rows, header=columns)
        return
    yield "<ul>\n"
    for each in values:
        yield "<li>"
        yield from _written(each, depth + 1) if isinstance(each, dict | list) else (_text(each),)
        yield "</li>\n"
    yield "</ul>\n"


def _entry(key: str, value: Any, depth: int) -> Iterator[str]:
    """A key and what stands under it: on its line where it is short."""
    if isinstance(value, dict | list):
        if value:
            yield f"<li>{escaped(key)}\n"
            yield from _written(value, depth + 1)
            yield "</li>\n"
    elif value is not None and value != "":
        text = _text(value)
        yield f"<li>{escaped(key)}: {text}</li>\n" if not text.startswith("<") else f"<li>{escaped(key)}\n{text}</li>\n"


def _text(value: Any) -> str:
    """A value that holds no others: prose with its own tags or paragraphs, anything else as it is."""
    if isinstance(value, str) and is_prose(value):
        return as_html(value)
    return escaped(_scalar(value))


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _columns(values: list[Any]) -> list[str]:
    """The columns of the table that a list of records is; none where it is no such list."""
    if len(values) < 2 or not all(isinstance(row, dict) and row for row in values):
        return []
    if any(isinstance(value, dict | list) for row in values for value in row.values()):
        return []
    columns = list(dict.fromkeys(str(key) for row in values for key in row))
    filled = sum(map(len, values))
    return columns if len(columns) <= _MOST_COLUMNS and 2 * filled >= len(columns) * len(values) else []


def csv_html(text: str) -> str:
    """Separated values as a table; its first row is the header if it looks like one. What is no such table is text."""
    try:
        rows = [row for row in csv.reader(text.splitlines(keepends=True), delimiter=_delimiter(text)) if any(row)]
    except csv.Error:
        rows = []
    if not rows:
        return document(paragraphs(text))
    return document(table(rows[1:], header=rows[0]) if _has_header(rows) else table(rows))


def _delimiter(text: str) -> str:
    """The sign that parts the first rows into the same number of cells, most of them."""
    lines = text.splitlines()[:_LOOKED_AT] if len(text) < 1_000_000 else text[:1_000_000].splitlines()[:_LOOKED_AT]
    counts = {sign: sorted(line.count(sign) for line in lines if line.strip()) for sign in _DELIMITERS}
    return max(_DELIMITERS, key=lambda sign: counts[sign][len(counts[sign]) // 2] if counts[sign] else 0)


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    first = rows[0]
    return len(rows) > 1 and all(cell and len(cell) <= _LONGEST_CELL and not _is_number(cell) for cell in first)


def _is_number(cell: str) -> bool:
    return cell.strip().lstrip("+-").replace(".", "").replace(",", "").replace("%", "").isdecimal()


def table(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> str:
    """Rows of texts as a table.

    >>> table([["1", "<"]], header=["a", "b"])
    '<table>\\n<thead><tr><th>a</th><th>b</th></tr></thead>\\n<tr><td>1</td><td>&lt;</td></tr>\\n</table>\\n'
    """
    head = f"<thead>{_row('th', header)}</thead>\n" if header else ""
    return f"<table>\n{head}{''.join(_row('td', row) + chr(10) for row in rows)}</table>\n"


def _row(cell: str, texts: Sequence[str]) -> str:
    return f"<tr>{''.join(element(cell, text).rstrip(chr(10)) for text in texts)}</tr>"
