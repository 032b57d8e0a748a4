"""Running heads and page numbers go; what stands there once stays."""

from fpdf import FPDF

from app.convert.pdf.child import converted
from tests.app.convert.pdf.making import PROSE, at, made


def test_what_each_page_repeats_is_written_once() -> None:
    """A running head stays where it stands first, page numbers go everywhere."""

    def draw(pdf: FPDF) -> None:
        for number in range(1, 5):
            if number > 1:
                pdf.add_page()
            at(pdf, 60, 30, "The Garden Almanac")
            at(pdf, 60, 300, f"What stands on page {number} alone.")
            at(pdf, 280, 820, f"Page {number} of 4")

    html = converted(made(draw))

    assert 1 == html.count("The Garden Almanac</")
    assert "of 4" not in html
    assert all(f"What stands on page {number} alone." in html for number in range(1, 5))


def test_a_single_page_keeps_its_margins() -> None:
    """Nothing is repeated there."""

    def draw(pdf: FPDF) -> None:
        at(pdf, 60, 30, "Letter head")
        pdf.set_xy(30, 100)
        pdf.multi_cell(0, 15, PROSE)
        at(pdf, 280, 820, "Page 1")

    html = converted(made(draw))

    assert ("Letter head" in html, "Page 1" in html) == (True, True)
