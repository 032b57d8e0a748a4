"""What says nothing goes, what an HTML parser would move becomes something else, and the shape of tables stays."""

import pytest

from pruning import Page, clean, clean_page


def cleaned(html: str) -> str:
    """A cleaned page without the first line."""
    return clean(html).removeprefix("<!DOCTYPE html>\n")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<div><div><div>a</div></div></div>", "a\n"),
        ("<section><p>a</p></section><section><p>b</p></section>", "<p>a\n<p>b\n"),
        ("<section>a</section><section>b</section>", "<p>a\n<p>b\n"),
        ("<div></div><p></p><ul><li></ul>a", "a\n"),
        ("a<div></div>b", "a b\n"),
        ("a<p></p><p> </p>b", "a b\n"),
        ("a<img alt='a hedge'><div></div>b", 'a<img alt="a hedge"> b\n'),
        ("a<sub> </sub>b", "a b\n"),
        ("a<sub></sub>b", "ab\n"),
        ("<li><div><p>a</p></div>", "<p>a\n"),
        ("<p>a<sup>[3]</sup>", "<p>a[3]\n"),
        ("<p>a<sup>3</sup>", "<p>a<sup>3</sup>\n"),
        ("<p>a<sup>®</sup>, 19<sup>th</sup>, b<sup>n</sup>", "<p>a®, 19th, b<sup>n</sup>\n"),
        ("<figure><img alt='a hedge'><figcaption>b</figcaption></figure>", '<img alt="a hedge">\n<p>b\n'),
    ],
)
def test_what_says_nothing_goes(html: str, expected: str) -> None:
    """Empty elements, wrappers around one block, wrappers that are alone; never a word, nor the space between two."""
    assert expected == cleaned(html)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<table><tr><th>a<td><td>b</table>", "<table>\n<tr><th>a<td><td>b\n</table>\n"),
        ("<table><tr><td><td><tr><th>a<td></table>", "<table>\n<tr><th>a\n</table>\n"),
        (
            "<table><tr><th>a<td><td><td rowspan=2><td><tr><td>b</table>",
            '<table>\n<tr><th>a<td><td><td rowspan="2">\n<tr><td>b\n</table>\n',
        ),
        ("<table><thead><tr><td>a<td>b<tbody><tr><td>c</table>", "<table>\n<tr><th>a<th>b\n<tr><td>c\n</table>\n"),
        (
            "<table><thead><tr><th rowspan=2>a<th>b<tbody><tr><td>c</table>",
            '<table>\n<thead>\n<tr><th rowspan="2">a<th>b\n</thead>\n<tr><td>c\n</table>\n',
        ),
        (
            "<table><tr><td rowspan=2>a<td>b<tr><tr><td>c<td>d</table>",
            '<table>\n<tr><td rowspan="2">a<td>b\n<tr>\n<tr><td>c<td>d\n</table>\n',
        ),
        (
            "<table><tr><td rowspan=2>a<th>b</table><table><tr><th>c<tr><tr><td>d</table>",
            '<table>\n<tr><td rowspan="2">a<th>b\n</table>\n<table>\n<tr><th>c\n<tr><td>d\n</table>\n',
        ),
        ("<table><tr><td></table>a", "a\n"),
        ("<table><tr><td>a</td></tr>stray<tr><td>b</table>", "<p>a\n<p>stray\n<p>b\n"),
        ("<table><tr><table><tr><th>a</table></table>", "<table>\n<tr><th>a\n</table>\n"),
        ("<table><tr><td>a<tr><td><td>b</table>", "<p>a\n<p>b\n"),
        ("<table><tr><td>a<td>b<tr><td></table>", "<p>a\n<p>b\n"),
        ("<table><tr><td>a<tr><td>b<td>c</table>", "<table>\n<tr><td>a\n<tr><td>b<td>c\n</table>\n"),
    ],
)
def test_tables_keep_their_shape(html: str, expected: str) -> None:
    """Empty cells before others, rows that others reach into; with text beside its cells, or one column, it is none."""
    assert expected == cleaned(html)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a<section>b</section></p>", "a\n<p>b\n"),
        ("<h1>a<div><h2>b</h2></div></h1>", "<h1>\na\n<div>b</div>\n</h1>\n"),
        ("<h2><div><p>a</p></div></h2>", "<h2>a</h2>\n"),
        ("<h2>a<div><table><tr><td>b</table></div></h2>", "a\n<p>b\n"),
        (
            "<address>a<div><ul><li>b<li>c</ul></div></address>",
            "a\n<ul>\n<li>b\n<li>c\n</ul>\n",
        ),
        ("<ul><li>a</li><div><pre>b</pre></div></ul>", "<p>a\n<pre>b</pre>\n"),
        ("<ul>a<dir><pre>b</pre></dir></ul>", "a\n<pre>b</pre>\n"),
        ("<pre>a<div><ul><li>b<li>c</ul></div></pre>", "<pre>\na\n<div>b</div>\n<div>c</div>\n</pre>\n"),
        (
            "<dl><dt>x<dd>y<dt>a<div><dl><dt>b<dd>c</dl></div></dt></dl>",
            "<dl>\n<dt>x\n<dd>y</dd>\n<dd>\na\n<dl>\n<dt>b\n<dd>c\n</dl>\n</dd>\n</dl>\n",
        ),
        ("<dl>a<th>b</th></dl>", "a\n<p>b\n"),
    ],
)
def test_what_a_parser_would_move_becomes_something_else(html: str, expected: str) -> None:
    """So that all of it is read where it was written."""
    found = cleaned(html)

    assert expected == found
    assert found == cleaned(found)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<ul><li>a</ul>b", "<p>a\n<p>b\n"),
        ("<ul><li>a<li></ul>b", "<p>a\n<p>b\n"),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>", "<ul>\n<li>\na\n<p>b\n<li>c\n</ul>\n"),
        ("<ul><ul><li>a</ul><li>b</ul>", "<ul>\n<ul>\n<li>a\n</ul>\n<li>b\n</ul>\n"),
        ("<ol start=2><li>a</ol>", '<ol start="2">\n<li>a\n</ol>\n'),
        ("<dl><dt>a</dl><dl><dd>b<dd>c</dl>", "<p>a\n<p>b\n<p>c\n"),
    ],
)
def test_a_list_of_one_is_none(html: str, expected: str) -> None:
    """Nor are terms without definitions, or definitions without terms; what has a number keeps it."""
    found = cleaned(html)

    assert expected == found
    assert found == cleaned(found)


def test_removals_are_counted() -> None:
    """Empty elements, wrappers, and tables that were none."""
    page = "<div><p>a</p></div><p></p><table><tr><td>b</td></tr>stray</table>"

    assert {"empty": 1, "wrappers": 2, "broken_tables": 1} == clean_page(Page(page)).removed
