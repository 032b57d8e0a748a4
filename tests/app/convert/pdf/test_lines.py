"""Lines are read down one column, then the next, however they were written."""

import re

import pytest
from fpdf import FPDF

from app.convert.pdf.child import converted
from tests.app.convert.pdf.making import at, heading, made

LEFT = [f"left column line {number} goes on" for number in range(8)]
RIGHT = [f"right column line {number} goes on" for number in range(8)]


def words_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html.split("<p>", 1)[1]).split())


@pytest.mark.parametrize("by_row", [False, True])
def test_columns_are_read_one_after_the_other(by_row: bool) -> None:
    """Whether the PDF was written column by column or line by line."""

    def draw(pdf: FPDF) -> None:
        heading(pdf, "A heading that reaches over both of the columns on this page", 18)
        places = [(60.0, 100 + 15 * n, text) for n, text in enumerate(LEFT)]
        places += [(320.0, 100 + 15 * n, text) for n, text in enumerate(RIGHT)]
        for x, y, text in sorted(places, key=lambda place: place[1]) if by_row else places:
            at(pdf, x, y, text)

    assert " ".join([*LEFT, *RIGHT]) == words_of(converted(made(draw)))


def test_a_page_written_in_no_order_is_put_in_order() -> None:
    """From the bottom up, as some programs do."""

    def draw(pdf: FPDF) -> None:
        for number in reversed(range(8)):
            at(pdf, 60, 100 + 15 * number, LEFT[number])

    assert " ".join(LEFT) == words_of(converted(made(draw)))


def test_what_is_written_sideways_comes_last() -> None:
    """As one text, not letter by letter between the lines."""

    def draw(pdf: FPDF) -> None:
        with pdf.rotation(90, 30, 400):
            at(pdf, 30, 400, "On the margin")
        for number, text in enumerate(LEFT):
            at(pdf, 60, 100 + 15 * number, text)

    assert " ".join([*LEFT, "On the margin"]) == words_of(converted(made(draw)))


def test_a_turned_page_is_read_as_it_is_shown() -> None:
    """Its text is sideways only in its file."""

    def draw(pdf: FPDF) -> None:
        with pdf.rotation(90, 300, 400):
            for number, text in enumerate(LEFT):
                at(pdf, 100, 300 + 15 * number, text)

    body = made(draw).replace(b"/Type /Page\n", b"/Type /Page\n/Rotate 90\n")
    assert b"/Rotate 90" in body
    assert " ".join(LEFT) == words_of(converted(body))
