"""Headings, paragraphs and lists come out of fonts and places."""

import re

import pytest
from fpdf import FPDF

from app.convert.pdf.blocks import outline_key
from app.convert.pdf.child import converted
from tests.app.convert.pdf.making import PROSE, at, heading, made, paragraph


def body_of(html: str) -> str:
    return re.sub(r"<!doctype.*\n|<html.*\n|<title.*\n|<meta.*\n", "", html)


def test_headings_have_the_levels_of_their_sizes() -> None:
    """The largest is the first; what is as large as the text is none."""

    def draw(pdf: FPDF) -> None:
        heading(pdf, "Pears", 24)
        paragraph(pdf, PROSE)
        heading(pdf, "In winter", 18)
        paragraph(pdf, PROSE)
        heading(pdf, "In summer, which is a heading that is so long that it takes two lines of the page", 18)
        paragraph(pdf, PROSE)
        heading(pdf, "Tools", 12)
        paragraph(pdf, PROSE)

    headings = re.findall(r"<(h\d)>(.*)</h\d>", converted(made(draw)))

    long = "In summer, which is a heading that is so long that it takes two lines of the page"
    assert [("h1", "Pears"), ("h2", "In winter"), ("h2", long), ("h3", "Tools")] == headings


def test_the_outline_tells_levels_that_sizes_do_not() -> None:
    """A heading in the size of the text is one if the table of contents has it."""

    def draw(pdf: FPDF) -> None:
        for title, level in (("1 Pears", 0), ("1.1 In winter", 1)):
            pdf.start_section(title, level=level)
            paragraph(pdf, title)
            paragraph(pdf, PROSE)

    html = converted(made(draw))

    assert [("h1", "1 Pears"), ("h2", "1.1 In winter")] == re.findall(r"<(h\d)>(.*)</h\d>", html)


def test_paragraphs_end_where_their_writer_ended_them() -> None:
    """By a gap, by an indent, or by a line that had room for the next word."""
    texts = [PROSE, "A short one.", PROSE]

    def draw(pdf: FPDF) -> None:
        for text in texts:
            pdf.multi_cell(0, 15, text, new_x="LMARGIN", new_y="NEXT", align="L")
        pdf.ln(15)
        paragraph(pdf, PROSE)

    assert "".join(f"<p>{text}</p>\n" for text in [*texts, PROSE]) == body_of(converted(made(draw)))


def test_a_paragraph_goes_on_on_the_next_page() -> None:
    """If it ends in the middle of a sentence."""

    def draw(pdf: FPDF) -> None:
        at(pdf, 30, 100, "A sentence that begins on one page and which")
        pdf.add_page()
        at(pdf, 30, 100, "ends on the next one.")

    assert "<p>A sentence that begins on one page and which ends on the next one.</p>\n" == body_of(
        converted(made(draw))
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            [(30, "- one item that goes on"), (40, "in its next line"), (30, "- two")],
            "<ul>\n<li>one item that goes on in its next line</li>\n<li>two</li>\n</ul>\n",
        ),
        (
            [(30, "1. one"), (60, "- inner"), (60, "- inner too"), (30, "2. two")],
            "<ol>\n<li>one<ul>\n<li>inner</li>\n<li>inner too</li>\n</ul>\n</li>\n<li>two</li>\n</ol>\n",
        ),
        ([(30, "7) seven"), (30, "8) eight")], '<ol start="7">\n<li>seven</li>\n<li>eight</li>\n</ol>\n'),
        ([(30, "(a) first"), (30, "(b) second")], "<ul>\n<li>(a) first</li>\n<li>(b) second</li>\n</ul>\n"),
        ([(30, "- bullet"), (30, "1. number")], "<ul>\n<li>bullet</li>\n</ul>\n<ol>\n<li>number</li>\n</ol>\n"),
        (
            [(30, "Pears . . . . . . . . 7"), (30, "Plums . . . . . . . . 9")],
            "<ul>\n<li>Pears … 7</li>\n<li>Plums … 9</li>\n</ul>\n",
        ),
    ],
)
def test_marks_make_lists(lines: list[tuple[float, str]], expected: str) -> None:
    """Bullets, numbers and letters, each list within another where it is indented; a table of contents too."""

    def draw(pdf: FPDF) -> None:
        for number, (x, text) in enumerate(lines):
            at(pdf, x, 100 + 15 * number, text)

    assert expected == body_of(converted(made(draw)))


def test_dots_that_are_drawn_are_bullets() -> None:
    """Browsers print them so."""

    def draw(pdf: FPDF) -> None:
        for number, text in enumerate(("one", "two")):
            pdf.ellipse(30, 92 + 20 * number, 4, 4, style="F")
            at(pdf, 45, 98 + 20 * number, text)

    assert "<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n" == body_of(converted(made(draw)))


@pytest.mark.parametrize(
    ("one", "other"),
    [("2.1 Pears", "Pears"), ("Chapter 3: In winter", "in Winter"), ("A.2.1 Tools", "Tools"), ("x" * 500, "X" * 500)],
)
def test_a_heading_is_known_without_its_number(one: str, other: str) -> None:
    """Outlines leave it out, or write it otherwise."""
    assert outline_key(one) == outline_key(other)
