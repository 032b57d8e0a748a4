"""Bytes of any kind become a page, or a named error."""

from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.convert.page import to_page
from app.convert.sniff import Declared
from app.search.files import visible_text
from pruning.document import Page
from pruning.errors import PageError
from pruning.parse import node_table

URL = "https://garden.example/pears"
GERMAN = "Die Bäume blühen früh, und die Vögel hören nicht auf zu singen. " * 4
RUSSIAN = "Груши обрезают в конце зимы, до начала сокодвижения, и никогда в мороз. " * 4
JAPANESE = "梨の木は冬の終わりに切る。樹液が上がる前がよい。霜の降りる日には決して切らない。" * 4
CHINESE = "梨树应在冬末修剪，在树液上升之前，霜冻时切勿修剪。老树要分三年更新。" * 4
TEXTS = {
    "utf-8": GERMAN,
    "windows-1252": GERMAN,
    "utf-16": JAPANESE,
    "utf-16-le": GERMAN,
    "gb18030": CHINESE,
    "shift_jis": JAPANESE,
    "iso-2022-jp": JAPANESE,
    "windows-1251": RUSSIAN,
    "koi8-r": RUSSIAN,
}
PARTS = (b"<a>", b"</a>", b"{", b'"', b",", b"\n", b"[", b"<?xml ", b"&x;", b"|", b"1", b"\xff", b"<rss>")
MEDIA_TYPES = (
    *("", "text/html", "text/plain", "text/markdown", "text/csv", "application/json", "application/xml"),
    *("application/rss+xml", "application/xhtml+xml", "application/octet-stream", "application/pdf", "image/png", "x"),
)


def read(page: Page) -> str:
    return " ".join(visible_text(node_table(page)).split())


def tried(body: bytes, declared: Declared) -> Page | PageError:
    try:
        return to_page(body, declared)
    except PageError as error:
        return error


def test_html_stays_as_it_is() -> None:
    """Its bytes, its address, and the charset that the header names."""
    declared = Declared.of_header("text/html; charset=latin-1", URL)

    assert Page(html=b"<p>x", url=URL, encoding="latin-1") == to_page(b"<p>x", declared)


@pytest.mark.parametrize(
    ("media_type", "body", "html"),
    [
        ("text/plain", "a < b", "<p>a &lt; b</p>\n"),
        ("text/markdown", "*a*", "<p><em>a</em></p>\n"),
        ("application/json", '["a", 1]', "<ul>\n<li>a</li>\n<li>1</li>\n</ul>\n"),
        ("text/csv", "a\n1", "<table>\n<thead><tr><th>a</th></tr></thead>\n<tr><td>1</td></tr>\n</table>\n"),
        ("application/xml", "<d><p>a</p></d>", "<div>\n<p>a</p>\n</div>\n"),
    ],
)
def test_everything_else_becomes_simple_html(media_type: str, body: str, html: str) -> None:
    """In UTF-8, whatever it came in."""
    page = to_page(body.encode("utf-16"), Declared(media_type, url=URL))

    assert Page(html=f"<!doctype html>\n{html}".encode(), url=URL, encoding="utf-8") == page


@pytest.mark.parametrize(("encoding", "media_type"), list(product(TEXTS, ("text/html", "text/plain"))))
@pytest.mark.parametrize("said", ["header", "unknown label", "nothing"])
def test_every_encoding_is_found(encoding: str, media_type: str, said: str) -> None:
    """By the header's word; where that says nothing that is known, by the bytes."""
    text = TEXTS[encoding]
    charset = {"header": encoding, "unknown label": "x-unheard", "nothing": None}[said]
    markup = f"<p>{text}" if media_type == "text/html" else text

    assert text.strip() == read(to_page(markup.encode(encoding), Declared(media_type, charset)))


@pytest.mark.parametrize("media_type", ["text/html", "text/plain"])
@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        (GERMAN.encode("utf-8-sig"), "latin-1", GERMAN),
        (GERMAN.encode("utf-16"), "utf-8", GERMAN),
        (b"<meta charset=windows-1251>" + RUSSIAN.encode("windows-1251"), None, RUSSIAN),
        (GERMAN.encode("cp1252"), "iso-8859-1", GERMAN),
        (f"{GERMAN}\x80".encode("cp1252", "replace"), "ascii", f"{GERMAN}?"),
    ],
    ids=["mark over header", "UTF-16 mark", "meta", "latin-1 is windows-1252", "ascii is windows-1252"],
)
def test_the_better_word_wins(body: bytes, charset: str | None, text: str, media_type: str) -> None:
    """A byte order mark over the header, the header over what stands in the page; labels mean what browsers read."""
    read_text = read(to_page(body, Declared(media_type, charset)))

    assert " ".join(text.split()) == read_text.removeprefix("<meta charset=windows-1251>")


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    body=st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")),
        st.lists(st.sampled_from(PARTS)).map(b"".join),
    ),
    media_type=st.sampled_from(MEDIA_TYPES),
    charset=st.sampled_from([None, "utf-8", "utf-16", "gb18030", "x-unheard", ""]),
)
def test_any_bytes_of_any_type_are_a_page_or_a_named_error(body: bytes, media_type: str, charset: str | None) -> None:
    """Never another exception, and every page can be read."""
    page = tried(body, Declared(media_type, charset))
    if isinstance(page, PageError):
        assert 1 == len(str(page).splitlines())
    else:
        node_table(page)


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("text/plain", b"x" * 5_000_000),
        ("text/plain", b"a  " * 1_000_000),
        ("text/html", b"[" * 1_000_000),
        ("application/json", b'{"a":[' * 200_000),
        ("application/json", b'"' + b"long text " * 300_000 + b'"'),
        ("text/csv", b"a," * 10_000 + b"\n" + b"1," * 10_000),
        ("application/xml", b"<a b='c'>" * 20_000),
    ],
)
def test_what_is_made_to_hurt_ends(media_type: str, body: bytes) -> None:
    """Long lines, deep nesting and wide tables: a page, or a named error."""
    page = tried(body, Declared(media_type))

    assert ("nested too deeply" in str(page)) if isinstance(page, PageError) else page.html
