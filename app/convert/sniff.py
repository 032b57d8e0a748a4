"""What kind of document some bytes are: by the declared type, and by the bytes themselves where the two disagree.

After the WHATWG's MIME Sniffing Standard, in which a declared type is believed unless the bytes contradict it. What
can't be read is refused by name, on the declaration alone where that is enough.
"""

import codecs
import json
import re
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Self

from app.convert.errors import Unreadable
from pruning.document import unmarked_wide


class Kind(StrEnum):
    """A kind of document that can be read."""

    HTML = "html"
    XML = "xml"
    PDF = "pdf"
    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Declared:
    """What is said about some bytes from outside: media type ("text/html"), charset, address."""

    media_type: str = ""
    charset: str | None = None
    url: str | None = None

    @classmethod
    def of_header(cls, content_type: str, url: str | None = None) -> Self:
        """What a Content-Type header declares.

        >>> Declared.of_header('Text/HTML; charset="UTF-8"')
        Declared(media_type='text/html', charset='utf-8', url=None)
        """
        media_type, _, parameters = content_type.partition(";")
        charset = _CHARSET.search(parameters)
        return cls(media_type.strip().lower(), charset[1].lower() if charset else None, url)


_CHARSET = re.compile(r"\bcharset\s*=\s*[\"']?\s*([^\s\"';]+)", re.IGNORECASE)

# Types under which servers send anything, so the bytes decide.
_ANYTHING = frozenset(
    (
        "",
        "application/octet-stream",
        "binary/octet-stream",
        "application/x-download",
        "application/force-download",
        "application/download",
        "application/unknown",
        "unknown/unknown",
        "application/x-unknown",
        "*/*",
        "content/unknown",
    )
)
_TYPES = {
    "text/html": Kind.HTML,
    **dict.fromkeys(("text/xml", "application/xml"), Kind.XML),  # and all that ends in +xml, XHTML too
    **dict.fromkeys(("application/pdf", "application/x-pdf", "text/pdf"), Kind.PDF),
    **dict.fromkeys(("text/markdown", "text/x-markdown"), Kind.MARKDOWN),
    **dict.fromkeys(("application/json", "text/json", "application/x-ndjson", "application/ndjson"), Kind.JSON),
    **dict.fromkeys(("application/jsonl", "application/x-jsonlines", "application/jsonlines"), Kind.JSON),
    **dict.fromkeys(("text/csv", "application/csv", "text/tab-separated-values"), Kind.CSV),
    **dict.fromkeys(("application/yaml", "application/x-yaml", "application/toml", "message/rfc822"), Kind.TEXT),
}
# Endings of an address that say more than "text/plain" does.
_SUFFIXES = {
    **dict.fromkeys(("md", "markdown"), Kind.MARKDOWN),
    **dict.fromkeys(("json", "jsonl", "ndjson"), Kind.JSON),
    **dict.fromkeys(("csv", "tsv"), Kind.CSV),
}
_HTML_SUFFIXES = ("html", "htm", "xhtml")
_SUFFIX = re.compile(r"\.(\w{2,8})(?:[?#].*)?$", re.DOTALL)
# Declared types that nobody reads as a page, by what they are called; the first that begins the type counts.
_REFUSED_TYPES = (
    ("image/", "an image"),
    ("audio/", "a sound"),
    ("video/", "a video"),
    ("font/", "a font"),
    ("application/font", "a font"),
    ("application/x-font", "a font"),
    ("application/vnd.ms-fontobject", "a font"),
    ("model/", "a 3D model"),
    ("text/css", "a style sheet"),
    ("text/javascript", "a script"),
    ("application/javascript", "a script"),
    ("application/x-javascript", "a script"),
    ("application/msword", "a Word document"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml", "a Word document"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml", "an Excel sheet"),
    ("application/vnd.openxmlformats-officedocument.presentationml", "a PowerPoint presentation"),
    ("application/vnd.ms-excel", "an Excel sheet"),
    ("application/vnd.ms-powerpoint", "a PowerPoint presentation"),
    ("application/vnd.oasis.opendocument", "an OpenDocument file"),
    ("application/epub+zip", "an e-book"),
    ("application/rtf", "an RTF document"),
    ("text/rtf", "an RTF document"),
    ("application/postscript", "a PostScript file"),
    ("application/zip", "a ZIP archive"),
    ("application/gzip", "a gzip archive"),
    ("application/x-gzip", "a gzip archive"),
    ("application/x-tar", "a tar archive"),
    ("application/x-7z-compressed", "a 7z archive"),
    ("application/vnd.rar", "a RAR archive"),
    ("application/x-rar", "a RAR archive"),
    ("application/wasm", "a program"),
    ("application/vnd.android.package-archive", "a program"),
    ("application/x-msdownload", "a program"),
    ("multipart/", "several files in one"),
)
# First bytes that no text begins with. The place is that of the signature.
_SIGNATURES = tuple(
    (place, signature, name)
    for name, place, signatures in (
        ("a PNG image", 0, (b"\x89PNG\r\n\x1a\n",)),
        ("a GIF image", 0, (b"GIF87a", b"GIF89a")),
        ("a JPEG image", 0, (b"\xff\xd8\xff",)),
        ("a WebP image", 8, (b"WEBPVP8",)),
        ("a TIFF image", 0, (b"II*\0", b"MM\0*")),
        ("an icon", 0, (b"\0\0\1\0", b"\0\0\2\0")),
        ("an AVIF or HEIF image", 4, (b"ftypavif", b"ftypheic", b"ftypmif1")),
        ("a Photoshop image", 0, (b"8BPS\0\1",)),
        ("a video", 4, (b"ftyp",)),
        ("a video", 0, (b"\x1aE\xdf\xa3", b"FLV\1")),
        ("a video", 8, (b"AVI LIST",)),
        ("a sound", 0, (b"ID3\2", b"ID3\3", b"ID3\4", b"OggS\0", b"fLaC\0", b"\xff\xfb", b"MThd\0")),
        ("a sound", 8, (b"WAVEfmt ",)),
        ("a gzip archive", 0, (b"\x1f\x8b\x08",)),
        ("a bzip2 archive", 0, (b"BZh91AY&SY",)),
        ("an xz archive", 0, (b"\xfd7zXZ\0",)),
        ("a zstd archive", 0, (b"(\xb5/\xfd",)),
        ("a 7z archive", 0, (b"7z\xbc\xaf\x27\x1c",)),
        ("a RAR archive", 0, (b"Rar!\x1a\x07",)),
        ("a tar archive", 257, (b"ustar\0", b"ustar  \0")),
        ("an old Office document", 0, (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)),
        ("an RTF document", 0, (b"{\\rtf",)),
        ("a PostScript file", 0, (b"%!PS-Adobe",)),
        ("a DjVu document", 0, (b"AT&TFORM",)),
        ("a font", 0, (b"wOFF\0", b"wOF2\0", b"OTTO\0", b"\0\1\0\0\0", b"ttcf\0")),
        (
            "a program",
            0,
            (b"\x7fELF", b"MZ\x90\0", b"\0asm\1", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe"),
        ),
        ("a database", 0, (b"SQLite format 3\0", b"PAR1\x15")),
    )
    for signature in signatures
)
_OFFICE = (
    ("word/", "a Word document"),
    ("xl/", "an Excel sheet"),
    ("ppt/", "a PowerPoint presentation"),
    ("META-INF/container.xml", "an e-book"),
    ("content.xml", "an OpenDocument file"),
    ("AndroidManifest.xml", "a program"),
    ("META-INF/MANIFEST.MF", "a program"),
)
_BYTE_ORDER_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
# The Standard's "binary data bytes", and in how many of the first bytes it looks for them.
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_HEAD = 1445
_PDF_WITHIN = 1024

_MARKUP = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|title|meta|link|style|table|div|h[1-6]|p|a|ul|br|iframe|font|span|!--)"
    rb"[\s/>!-]|<!--|<(?:p|br|html|head|body|title|table|div)>",
    re.IGNORECASE,
)
_WHOLE_HTML = re.compile(
    rb"(?:<\?xml[^<>]*>\s*|<!--[^<>]*-->\s*)*<(?:!doctype\s+html|html|head|body)[\s/>]", re.IGNORECASE
)
_XML = re.compile(rb"<\?xml\s|<(?:rss|feed|rdf:RDF|urlset|sitemapindex|opml)[\s>]", re.IGNORECASE)
_FEED = re.compile(rb"<(?:rss|feed|rdf:RDF)[\s>]")


def declared_by_name(name: str) -> Declared:
    """What the name of a file declares. Without an ending that says something, the bytes alone decide.

    >>> declared_by_name("trees.HTM").media_type
    'text/html'
    """
    suffix = _SUFFIX.search(name)
    html = suffix is not None and suffix[1].lower() in _HTML_SUFFIXES
    return Declared("text/html" if html else "", url=name)


def refuse_type(declared: Declared) -> None:
    """Raise Unreadable, before any of the bytes are there, if the declared type says that nobody could read them."""
    media_type = declared.media_type
    name = next((name for start, name in _REFUSED_TYPES if media_type.startswith(start)), None)
    if name is None and media_type not in _ANYTHING and _kind_declared(media_type) is None:
        name = "no format that can be read"
    if name:
        raise Unreadable(f"this is {name} ({media_type}), not a page")


def _kind_declared(media_type: str) -> Kind | None:
    if media_type in _TYPES:
        return _TYPES[media_type]
    if media_type.endswith("+xml"):
        return Kind.XML
    if media_type.endswith("+json"):
        return Kind.JSON
    return Kind.TEXT if media_type.startswith("text/") else None


def kind_of(body: bytes, declared: Declared) -> Kind:
    """The kind of document that `body` is. Raises Unreadable, which names what it is instead."""
    refuse_type(declared)
    if not body.strip(b" \t\r\n\0"):
        raise Unreadable("there is nothing in it: the page is empty")
    stated = _kind_declared(declared.media_type)
    if body.startswith(b"%PDF-") or (stated in (Kind.PDF, None) and b"%PDF-" in body[:_PDF_WITHIN]):
        return Kind.PDF
    name = _named(body)
    if name:
        raise Unreadable(f"this is {name}, not a page")
    text = _start_of_text(body)
    if text is None:
        if stated is Kind.HTML and _MARKUP.search(body[:_HEAD].replace(b"\0", b"")):
            return Kind.HTML  # the parser drops a control character here and there, as browsers do
        raise Unreadable("this is binary data, not a page")
    return _agreed(stated, text, body, declared.url)


def _named(body: bytes) -> str | None:
    if body.startswith((b"PK\3\4", b"PK\5\6")):
        return _zip_name(body)
    return next((name for place, sign, name in _SIGNATURES if body.startswith(sign, place)), None)


def _zip_name(body: bytes) -> str:
    """What a ZIP archive is, by the names of its files; nothing is unpacked."""
    try:
        with zipfile.ZipFile(BytesIO(body)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeError):
        names = []
    return next((what for start, what in _OFFICE if any(name.startswith(start) for name in names)), "a ZIP archive")


def _start_of_text(body: bytes) -> bytes | None:
    """The first bytes of a text, as ASCII shows them, without marks and leading space; None for binary data."""
    head = body[: 2 * _HEAD]
    for mark in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            head = head.removeprefix(mark)
            return head.replace(b"\0", b"").lstrip()
    if unmarked_wide(head):
        head = head.replace(b"\0", b"")
    return None if _BINARY.search(head[:_HEAD]) else head.lstrip()


def _agreed(stated: Kind | None, text: bytes, body: bytes, url: str | None) -> Kind:
    """The kind of some text, where what is stated and what it looks like may differ."""
    if stated is Kind.XML or (_XML.match(text) and (stated is None or (stated is Kind.HTML and _FEED.search(text)))):
        return Kind.XML
    if _WHOLE_HTML.match(text) or (stated not in (Kind.TEXT, Kind.MARKDOWN) and _MARKUP.match(text)):
        return Kind.HTML  # under another type: mostly an error page instead of what was asked for
    if stated in (Kind.HTML, Kind.TEXT, None) and _is_json(text, body):
        return Kind.JSON
    if stated in (Kind.TEXT, None):
        suffix = _SUFFIX.search(url or "")
        return _SUFFIXES.get(suffix[1].lower(), Kind.TEXT) if suffix else Kind.TEXT
    return Kind.TEXT if stated is Kind.PDF else stated


def _is_json(text: bytes, body: bytes) -> bool:
    if text[:1] not in (b"{", b"["):
        return False
    try:
        return isinstance(json.loads(body), dict | list)
    except (ValueError, RecursionError):
        return False
