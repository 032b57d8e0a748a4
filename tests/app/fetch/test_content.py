"""Plain text becomes simple HTML, and what has no type is judged by its bytes."""

import httpx
import pytest

from app.fetch.content import html_page, is_html, text_page, text_to_html
from pruning.document import Page

URL = "http://example.com/a"


def page_of(body: bytes, content_type: str | None) -> Page:
    headers = {} if content_type is None else {"content-type": content_type}
    response = httpx.Response(200, headers=headers, request=httpx.Request("GET", URL))
    return html_page(response, body) if is_html(response, body) else text_page(response, body)


def test_text_keeps_its_paragraphs_and_its_columns() -> None:
    """Prose becomes `p`; indented lines and columns become `pre`; nothing in it is read as a tag."""
    text = "Pears & <apples>\r\nare cut.\r\n \r\n\r\n  indented\nline\n\n\nname   tree\n\nlast\n"
    expected = (
        "<!doctype html>\n<p>Pears &amp; &lt;apples&gt;\nare cut.</p>\n<pre>  indented\nline</pre>\n"
        "<pre>name   tree</pre>\n<p>last</p>\n"
    )
    assert expected == text_to_html(text)


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("Bäume".encode(), "text/plain", "Bäume"),
        ("Bäume".encode("latin-1"), "text/plain; charset=latin-1", "Bäume"),
        ("Bäume".encode("cp1252"), "text/plain", "Bäume"),
        ("Bäume".encode("cp1252"), "text/plain; charset=unheard-of", "Bäume"),
        ("梨の木".encode("utf-16"), "text/plain", "梨の木"),
        ("梨の木".encode("utf-8-sig"), "text/plain; charset=latin-1", "梨の木"),
        (b"no type", None, "no type"),
    ],
)
def test_text_is_decoded_by_mark_header_or_guess(body: bytes, content_type: str | None, text: str) -> None:
    """A byte order mark wins over the header, and without either UTF-8 is tried before windows-1252."""
    expected = Page(html=f"<!doctype html>\n<p>{text}</p>\n".encode(), url=URL, encoding="utf-8")
    assert expected == page_of(body, content_type)


@pytest.mark.parametrize("content_type", [None, "text/html", "Application/XHTML+xml; charset=utf-8"])
def test_html_stays_as_it_is(content_type: str | None) -> None:
    """Named as HTML, or unnamed and beginning with a tag."""
    assert b"\n<p>x" == page_of(b"\n<p>x", content_type).html
