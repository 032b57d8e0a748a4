"""From an answer's type and bytes to a Page: HTML as it is, text as simple HTML, all else refused by name."""

import codecs
import html
import re

import httpx

from app.fetch.errors import UnreadableBody
from pruning.document import Page

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
TEXT_TYPES = frozenset({"text/plain"})
# What servers call a web page although it is none. Only formats whose first bytes no HTML or text begins
# with.
SIGNATURES = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a PNG image"),
    (b"GIF8", "a GIF image"),
    (b"\xff\xd8\xff", "a JPEG image"),
)
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def check_type(response: httpx.Response) -> None:
    """Raise UnreadableBody, before any of the body is read, if its type is nothing that we can read."""
    media_type = _media_type(response)
    if media_type and media_type not in HTML_TYPES | TEXT_TYPES:
        raise UnreadableBody(str(response.url), f"the server sends {media_type}, not a web page")


def is_html(response: httpx.Response, body: bytes) -> bool:
    """Whether it is HTML rather than text, by the server's word or, without one, by the first character.

    Raises UnreadableBody if it is neither.
    """
    if not body or body.isspace():
        raise UnreadableBody(str(response.url), "the server sends an empty page")
    for signature, name in SIGNATURES:
        if body.startswith(signature):
            raise UnreadableBody(str(response.url), f"the server sends {name}, not a web page")
    media_type = _media_type(response)
    if media_type:
        return media_type in HTML_TYPES
    return body[:1000].removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")


def html_page(response: httpx.Response, body: bytes) -> Page:
    """The page as it came; its URL is the one that answered in the end."""
    return Page(html=body, url=str(response.url), encoding=response.charset_encoding)


def text_page(response: httpx.Response, body: bytes) -> Page:
    """Plain text as a page of simple HTML. Raises UnreadableBody if it is no text."""
    url = str(response.url)
    text = _decode(body, response.charset_encoding, url)
    return Page(html=text_to_html(text).encode(), url=url, encoding="utf-8")


def text_to_html(text: str) -> str:
    """Plain text as HTML: a paragraph for each, as `pre` where its spaces carry meaning.

    >>> text_to_html("One & two\\nthree")
    '<!doctype html>\\n<p>One &amp; two\\nthree</p>\\n'
    """
    paragraphs = (part.strip("\n") for part in re.split(r"\n[^\S\n]*\n", re.sub(r"\r\n?", "\n", text)))
    blocks = (_paragraph(part) for part in paragraphs if part.strip())
    return "<!doctype html>\n" + "".join(f"{block}\n" for block in blocks)


def _paragraph(text: str) -> str:
    # Indented lines, and columns held apart by tabs or several spaces: code, tables, verse.
    tag = "pre" if re.search(r"^[ \t]|\t|\S {2,}\S", text, re.MULTILINE) else "p"
    return f"<{tag}>{html.escape(text, quote=False)}</{tag}>"


def _media_type(response: httpx.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _decode(body: bytes, charset: str | None, url: str) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body.removeprefix(mark).decode(encoding, errors="replace")
    if b"\0" in body:
        raise UnreadableBody(url, "the server sends binary data, not a web page")
    for encoding in filter(None, (charset, "utf-8")):
        try:
            return body.decode(encoding)
        except (LookupError, UnicodeDecodeError):
            continue
    return body.decode("windows-1252", errors="replace")
