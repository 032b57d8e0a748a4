"""PDFs as the tests need them: what is put where, in which font."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from fpdf import FPDF

PROSE = (
    "Pears are cut in late winter, before the sap rises, and never when it freezes. An old tree is made young again "
    "over three years, one third of its crown in each of them, because it answers a hard cut with nothing but water "
    "shoots. Whoever has a choice takes a dry day, and tools that are sharp and clean."
)


def new() -> FPDF:
    """An empty A4 page, in points, with 12-point text."""
    pdf = FPDF(unit="pt", format="A4")
    pdf.set_auto_page_break(True, 60)
    pdf.set_creation_date(datetime(2026, 11, 22, tzinfo=UTC))
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    return pdf


def made(draw: Callable[[FPDF], object]) -> bytes:
    """The bytes of a PDF that `draw` has drawn on."""
    pdf = new()
    draw(pdf)
    return bytes(pdf.output())


def heading(pdf: FPDF, text: str, size: float = 20) -> None:
    """A line in larger type."""
    pdf.set_font("Helvetica", "B", size)
    pdf.multi_cell(0, 1.5 * size, text, new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("Helvetica", size=12)


def paragraph(pdf: FPDF, text: str, width: float = 0) -> None:
    """Text over as many lines as it takes."""
    pdf.multi_cell(width, 15, text, new_x="LMARGIN", new_y="NEXT", align="L")
    pdf.ln(10)


def at(pdf: FPDF, x: float, y: float, text: str) -> None:
    """A text at a place, from the left and from above."""
    pdf.text(x, y, text)


def ruled(pdf: FPDF, rows: Sequence[Sequence[str]], x: float = 60, y: float = 200, width: float = 120) -> None:
    """A table with a line around each cell."""
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            pdf.rect(x + c * width, y + r * 20, width, 20)
            at(pdf, x + c * width + 4, y + r * 20 + 14, text)
