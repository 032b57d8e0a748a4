"""JSON and separated values become lists and tables."""

import json

import pytest

from app.convert.data import csv_html, json_html, table
from app.convert.errors import Unreadable

HEAD = "<!doctype html>\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": 1, "b": None, "c": True}, "<ul>\n<li>a: 1</li>\n<li>c: true</li>\n</ul>\n"),
        ({"a": {"b": "<x>"}}, "<ul>\n<li>a\n<ul>\n<li>b: &lt;x&gt;</li>\n</ul>\n</li>\n</ul>\n"),
        (["one", 2], "<ul>\n<li>one</li>\n<li>2</li>\n</ul>\n"),
        (
            [{"tree": "pear", "cut": 1}, {"tree": "plum", "ripe": "June"}],
            "<table>\n<thead><tr><th>tree</th><th>cut</th><th>ripe</th></tr></thead>\n"
            "<tr><td>pear</td><td>1</td><td></td></tr>\n<tr><td>plum</td><td></td><td>June</td></tr>\n</table>\n",
        ),
        (
            {"html": "<p>Pears are cut in late winter, before the sap rises.</p>"},
            "<ul>\n<li>html\n<p>Pears are cut in late winter, before the sap rises.\n</li>\n</ul>\n",
        ),
        ("just text", "just text"),
        ([], "<ul>\n</ul>\n"),
    ],
)
def test_json_becomes_lists_and_tables(value: object, expected: str) -> None:
    """Keys and values; records of one form as a table; HTML within as HTML."""
    assert HEAD + expected == json_html(json.dumps(value))


def test_lines_of_json_are_a_list() -> None:
    """Blank lines between them are allowed."""
    assert json_html('[{"a": 1}, {"a": 2}]') == json_html('{"a": 1}\n\n{"a": 2}\n')


@pytest.mark.parametrize("text", ["{broken", '{"a": 1} and more', "plain\ntext"])
def test_what_is_no_json_is_text(text: str) -> None:
    """As it stands there."""
    assert f"{HEAD}<p>{text}</p>\n" == json_html(text)


def test_deep_json_is_refused() -> None:
    """By name; what is only rather deep is written as JSON below the deepest list."""
    with pytest.raises(Unreadable, match="nested too deeply"):
        json_html("[" * 200_000 + "]" * 200_000)
    assert "[[[[" in json_html("[" * 100 + "7" + "]" * 100)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("tree,cut\npear,1\nplum,2\n", [["tree", "cut"], ["pear", "1"], ["plum", "2"]]),
        ("tree\tcut\npear\t1\n", [["tree", "cut"], ["pear", "1"]]),
        ('tree;cut\n"pear; old";1,5\n', [["tree", "cut"], ["pear; old", "1,5"]]),
        ('tree,cut\n"two\nlines","say ""a"""\n', [["tree", "cut"], ["two\nlines", 'say "a"']]),
    ],
)
def test_separated_values_become_a_table(text: str, rows: list[list[str]]) -> None:
    """By comma, semicolon, tab or bar, with quotes; the first row is the header."""
    assert HEAD + table(rows[1:], header=rows[0]) == csv_html(text)


def test_a_first_row_of_numbers_is_no_header() -> None:
    """Then there is none."""
    assert HEAD + table([["1", "2"], ["3", "4"]]) == csv_html("1,2\n3,4\n")


@pytest.mark.parametrize("text", ["a" * 200_000, '"' + "a" * 200_000])
def test_what_is_no_table_is_text(text: str) -> None:
    """A field that is too long is no field."""
    assert csv_html(text).startswith(f"{HEAD}<p>")


def test_a_wide_table_keeps_its_cells() -> None:
    """Ten thousand of them in a row."""
    html = csv_html(",".join(f"c{n}" for n in range(10_000)) + "\n" + ",".join("x" * 10_000))

    assert (10_000, 10_000) == (html.count("</th>"), html.count("</td>"))
