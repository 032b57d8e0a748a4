"""A PDF becomes HTML in a process that can be killed, or a named error."""

import zlib
from contextlib import suppress

import pytest
from fpdf import FPDF
from PIL import Image

from app.convert.errors import Unreadable
from app.convert.page import to_page
from app.convert.pdf import child
from app.convert.pdf.child import converted, pdf_html
from pruning.document import Limits
from pruning.errors import PageTimeout, PageTooLarge
from pruning.metadata import Metadata
from pruning.parse import node_table
from tests.app.convert.pdf.making import PROSE, made, new, paragraph


def raw_pdf(content: bytes, pages: int = 1) -> bytes:
    """A PDF of one page object, used several times, whose content stream is given compressed."""
    kids = " ".join(["3 0 R"] * pages)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {pages}/Kids[{kids}]>>".encode(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        b"/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
        b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(content), content),
    ]
    body = b"".join(b"%d 0 obj%s endobj\n" % (number, each) for number, each in enumerate(objects, 1))
    return b"%PDF-1.7\n" + body + b"trailer<</Root 1 0 R>>\n%%EOF"


def test_a_pdf_is_read_in_another_process() -> None:
    """And what it says about itself is told by the page."""

    def draw(pdf: FPDF) -> None:
        pdf.set_title("Cutting pears")
        pdf.set_author("A. Writer")
        pdf.set_lang("en-GB")
        paragraph(pdf, PROSE)

    page = to_page(made(draw))

    assert Metadata("Cutting pears", None, "2026-11-22", "A. Writer", "en-GB") == node_table(page).metadata
    assert f"<p>{PROSE}</p>" in str(page.html, "utf-8")


@pytest.mark.parametrize("title", ["Microsoft Word - draft", "pears.docx", "Untitled"])
def test_a_title_that_a_program_put_in_says_nothing(title: str) -> None:
    """The largest heading is the title then."""

    def draw(pdf: FPDF) -> None:
        pdf.set_title(title)
        pdf.set_font_size(24)
        paragraph(pdf, "Cutting pears")
        pdf.set_font_size(12)
        paragraph(pdf, PROSE)

    assert "<title>Cutting pears</title>" in converted(made(draw))


def encrypted() -> bytes:
    pdf = new()
    pdf.set_encryption(owner_password="owner", user_password="user")
    paragraph(pdf, PROSE)
    return bytes(pdf.output())


def scanned() -> bytes:
    return made(lambda pdf: pdf.image(Image.new("RGB", (20, 20), "white"), x=0, y=0, w=500))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (encrypted(), "this PDF is encrypted and asks for a password"),
        (scanned(), "this PDF has no text: its pages are images, as of a scan"),
        (made(lambda pdf: None), "this PDF has no text"),
        (b"%PDF-1.7\nnothing else", "this PDF is damaged"),
        (raw_pdf(zlib.compress(b"BT ET"), pages=0), "this PDF is damaged"),
    ],
    ids=["encrypted", "scanned", "empty", "broken", "no pages"],
)
def test_what_has_no_text_is_refused_by_name(body: bytes, problem: str) -> None:
    """Never an empty page."""
    with pytest.raises(Unreadable) as caught:
        pdf_html(body, Limits())
    assert problem == str(caught.value)


def test_a_password_for_changes_only_does_not_keep_from_reading() -> None:
    """Many published PDFs have one."""
    pdf = new()
    pdf.set_encryption(owner_password="owner")
    paragraph(pdf, PROSE)

    assert PROSE in converted(bytes(pdf.output()))


def test_a_pdf_costs_no_more_than_its_limits() -> None:
    """Bytes, pages and seconds; past the last its process is dead."""
    with pytest.raises(PageTooLarge, match="the limit is 100"):
        pdf_html(b"%PDF-" + b"x" * 100, Limits(bytes=100))
    with pytest.raises(PageTooLarge, match=f"2,001 pages; the limit is {child.MOST_PAGES:,}"):
        pdf_html(raw_pdf(zlib.compress(b"BT ET"), pages=2001), Limits())
    with pytest.raises(PageTimeout):
        pdf_html(made(lambda pdf: paragraph(pdf, PROSE)), Limits(seconds=0.01))


def test_a_bomb_costs_its_own_process_only() -> None:
    """A gigabyte of spaces from a megabyte ends in an error, or in nothing to read."""
    squeeze = zlib.compressobj(9)
    start = squeeze.compress(b" " * 10_000_000) + squeeze.flush(zlib.Z_FULL_FLUSH)
    again = squeeze.compress(b" " * 10_000_000) + squeeze.flush(zlib.Z_FULL_FLUSH)
    content = start + 100 * again + squeeze.flush()

    with pytest.raises((Unreadable, PageTimeout)):
        pdf_html(raw_pdf(content), Limits(seconds=2))


def test_every_truncation_is_a_page_or_an_error() -> None:
    """pdfium mends what it can."""
    body = made(lambda pdf: paragraph(pdf, PROSE))
    for length in range(0, len(body), len(body) // 12):
        with suppress(Unreadable):
            assert "<p>" in converted(body[:length])
