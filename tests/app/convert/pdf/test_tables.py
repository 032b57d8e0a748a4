"""Tables are found by their lines, or by their columns."""

from fpdf import FPDF

from app.convert.pdf.child import converted
from tests.app.convert.pdf.making import PROSE, at, made, paragraph, ruled


def test_a_ruled_table_keeps_its_cells() -> None:
    """It stands where it stood between the paragraphs."""

    def draw(pdf: FPDF) -> None:
        at(pdf, 60, 150, "Before the table.")
        ruled(pdf, [["Tree", "From", "To"], ["Pear", "January", ""], ["Plum", "July", "August"]])
        at(pdf, 60, 300, "Behind the table.")

    expected = (
        "<p>Before the table.</p>\n<table>\n<thead><tr><th>Tree</th><th>From</th><th>To</th></tr>\n</thead>"
        "<tr><td>Pear</td><td>January</td><td></td></tr>\n<tr><td>Plum</td><td>July</td><td>August</td></tr>\n</table>\n"
        "<p>Behind the table.</p>\n"
    )
    assert converted(made(draw)).endswith(expected)


def test_merged_cells_reach_over_rows_and_columns() -> None:
    """And all rows that the first one's cells reach over head the table."""

    def draw(pdf: FPDF) -> None:
        for x, y, width, height, text in (
            (60, 200, 120, 40, "Tree"),
            (180, 200, 240, 20, "Cut"),
            (180, 220, 120, 20, "from"),
            (300, 220, 120, 20, "to"),
            (60, 240, 120, 20, "Pear"),
            (180, 240, 120, 20, "January"),
            (300, 240, 120, 20, "March"),
        ):
            pdf.rect(x, y, width, height)
            at(pdf, x + 4, y + 14, text)

    expected = (
        '<table>\n<thead><tr><th rowspan="2">Tree</th><th colspan="2">Cut</th></tr>\n'
        "<tr><th>from</th><th>to</th></tr>\n</thead>"
        "<tr><td>Pear</td><td>January</td><td>March</td></tr>\n</table>\n"
    )
    assert converted(made(draw)).endswith(expected)


def test_the_lines_of_a_cell_are_joined() -> None:
    """A word that is parted within a cell becomes whole."""

    def draw(pdf: FPDF) -> None:
        ruled(pdf, [["Tree", "Note"], ["", ""]])
        at(pdf, 64, 229, "Pear")
        pdf.set_font_size(7)
        at(pdf, 184, 227, "cut in late win-")
        at(pdf, 184, 236, "ter, never in frost")

    assert "<tr><td>Pear</td><td>cut in late winter, never in frost</td></tr>" in converted(made(draw))


def test_columns_without_lines_are_a_table() -> None:
    """Three rows or more whose cells stand below each other."""
    rows = [("Pear", "January", "3.50"), ("Plum", "July", "2.10"), ("Quince", "March", "14.00")]

    def draw(pdf: FPDF) -> None:
        for number, (tree, month, price) in enumerate(rows):
            at(pdf, 60, 100 + 15 * number, tree)
            at(pdf, 200, 100 + 15 * number, month)
            at(pdf, 400 - pdf.get_string_width(price), 100 + 15 * number, price)

    html = converted(made(draw))

    cells = "".join(f"<th>{cell}</th>" for cell in rows[0])
    assert f"<tr>{cells}</tr>" in html
    assert all(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" in html for row in rows[1:])


def test_a_box_around_text_is_no_table() -> None:
    """Nor are two of them, one in the other."""

    def draw(pdf: FPDF) -> None:
        pdf.rect(20, 20, 550, 400)
        pdf.rect(25, 25, 540, 390)
        paragraph(pdf, PROSE)

    html = converted(made(draw))

    assert "<table>" not in html
    assert f"<p>{PROSE}</p>" in html
