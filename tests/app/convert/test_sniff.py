"""What bytes are: the declared type is believed unless they contradict it, and what can't be read is named."""

import io
import zipfile

import pytest

from app.convert.errors import Unreadable
from app.convert.sniff import Declared, Kind, kind_of, refuse_type

HTML = b"<!doctype html><title>Pears</title><p>Cut in late winter."
RSS = b"<?xml version='1.0'?><rss><channel><item><title>One</title></item></channel></rss>"
PDF = b"%PDF-1.7\n..."


def kind(body: bytes, media_type: str = "", url: str | None = None) -> Kind:
    return kind_of(body, Declared(media_type, url=url))


@pytest.mark.parametrize(
    ("body", "media_type", "expected"),
    [
        (HTML, "text/html", Kind.HTML),
        (HTML, "", Kind.HTML),
        (HTML, "application/octet-stream", Kind.HTML),
        (b"no tags at all", "text/html", Kind.HTML),
        (b"no tags at all", "", Kind.TEXT),
        (b"<p>a fragment", "", Kind.HTML),
        (b"a < b", "", Kind.TEXT),
        (HTML, "text/plain", Kind.HTML),
        (b"<p>how paragraphs begin", "text/plain", Kind.TEXT),
        (HTML, "application/json", Kind.HTML),
        (HTML, "application/pdf", Kind.HTML),
        (b"Sorry, no such file", "application/pdf", Kind.TEXT),
        (PDF, "text/html", Kind.PDF),
        (PDF, "text/plain", Kind.PDF),
        (b"\n\n" + PDF, "application/pdf", Kind.PDF),
        (b"We speak of %PDF-1.7 here", "text/plain", Kind.TEXT),
        (RSS, "text/html", Kind.XML),
        (RSS, "application/rss+xml", Kind.XML),
        (RSS, "", Kind.XML),
        (b"<?xml version='1.0'?>" + HTML, "text/html", Kind.HTML),
        (HTML, "application/xhtml+xml", Kind.XML),
        (b'{"a": 1}', "text/html", Kind.JSON),
        (b'[{"a": 1}]', "text/plain", Kind.JSON),
        (b"{not json", "text/html", Kind.HTML),
        (b"{" * 100_000, "text/plain", Kind.TEXT),
        (b'{"a": 1}\n{"a": 2}', "application/x-ndjson", Kind.JSON),
        (b"# Pears", "text/markdown", Kind.MARKDOWN),
        (b"<div align=center>\n\n# Pears", "text/markdown", Kind.MARKDOWN),
        (b"a,b\n1,2", "text/csv", Kind.CSV),
        (b"key: value", "application/yaml", Kind.TEXT),
        ("<p>Bäume".encode("utf-16"), "text/html", Kind.HTML),
        ("<html><p>Bäume blühen".encode("utf-16-le"), "text/html", Kind.HTML),
        ("梨の木".encode("utf-16"), "text/plain", Kind.TEXT),
        ("\x1b$B梨".encode(), "text/plain", Kind.TEXT),
        (b"<p>one \0 character\x08 that a parser drops", "text/html", Kind.HTML),
    ],
)
def test_the_kind_is_found(body: bytes, media_type: str, expected: Kind) -> None:
    """A mismatch is resolved by what the bytes show, as far as that can be read."""
    assert expected == kind(body, media_type)


@pytest.mark.parametrize(
    ("url", "body", "expected"),
    [
        ("https://e.example/README.md", b"# Pears", Kind.MARKDOWN),
        ("https://e.example/trees.csv?raw=1", b"a,b", Kind.CSV),
        ("https://e.example/trees.jsonl#L2", b'{"a": 1}\n{"a": 2}', Kind.JSON),
        ("https://e.example/notes.txt", b"# no Markdown", Kind.TEXT),
        ("https://e.example/README.md", HTML, Kind.HTML),
    ],
)
def test_the_address_tells_what_a_plain_text_is(url: str, body: bytes, expected: Kind) -> None:
    """Servers send Markdown and tables as text/plain."""
    assert expected == kind(body, "text/plain", url)


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"\x89PNG\r\n\x1a\n....", "a PNG image"),
        (b"GIF89a....", "a GIF image"),
        (b"\xff\xd8\xff\xe0", "a JPEG image"),
        (b"RIFF....WEBPVP8 ", "a WebP image"),
        (b"\0\0\0\x20ftypavif", "an AVIF or HEIF image"),
        (b"\0\0\0\x20ftypisom", "a video"),
        (b"ID3\x03....", "a sound"),
        (b"\x1f\x8b\x08....", "a gzip archive"),
        (b"x" * 257 + b"ustar\0", "a tar archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"wOF2\0....", "a font"),
        (b"\x7fELF....", "a program"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
        (b"{\\rtf1 Pears}", "an RTF document"),
        (zipped("a.txt"), "a ZIP archive"),
        (zipped("[Content_Types].xml", "word/document.xml"), "a Word document"),
        (zipped("xl/workbook.xml"), "an Excel sheet"),
        (zipped("ppt/slides/slide1.xml"), "a PowerPoint presentation"),
        (zipped("mimetype", "META-INF/container.xml"), "an e-book"),
        (b"PK\x03\x04 broken", "a ZIP archive"),
        (b"some\0binary\1data", "binary data"),
    ],
)
@pytest.mark.parametrize("media_type", ["", "text/html", "text/plain", "application/json"])
def test_what_is_no_page_is_named(body: bytes, name: str, media_type: str) -> None:
    """Whatever type is declared."""
    with pytest.raises(Unreadable, match=f"this is {name}, not a page"):
        kind(body, media_type)


@pytest.mark.parametrize(
    ("media_type", "name"),
    [
        ("image/svg+xml", "an image"),
        ("video/mp4", "a video"),
        ("font/woff2", "a font"),
        ("text/css", "a style sheet"),
        ("application/javascript", "a script"),
        ("application/zip", "a ZIP archive"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a Word document"),
        ("application/x-unheard-of", "no format that can be read"),
    ],
)
def test_a_declared_type_may_be_enough(media_type: str, name: str) -> None:
    """Then nothing needs to be downloaded."""
    with pytest.raises(Unreadable) as caught:
        refuse_type(Declared(media_type))
    assert f"this is {name} ({media_type}), not a page" == str(caught.value)


@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"\0\0"])
def test_nothing_is_no_page(body: bytes) -> None:
    """An empty answer is an error, never an empty page."""
    with pytest.raises(Unreadable, match="the page is empty"):
        kind(body, "text/html")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Declared()),
        ("Text/HTML", Declared("text/html")),
        ("text/html; Charset = 'GB18030' ; x=y", Declared("text/html", "gb18030")),
        ("text/html;", Declared("text/html")),
    ],
)
def test_headers_are_read(header: str, expected: Declared) -> None:
    """In all the spellings that servers have."""
    assert expected == Declared.of_header(header)
