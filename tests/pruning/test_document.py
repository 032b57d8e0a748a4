"""Bytes become the text that was meant, whatever says so, and never fail to become any."""

import codecs
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pruning import InvalidInput, Limits, Page, PageTooLarge, clean
from pruning.document import utf8
from tests import needs

GERMAN = "<p>Schöne Grüße, rote Äpfel, größere Öfen, früher überall geäußert</p>"
RUSSIAN = "<p>Садовник подрезает живую изгородь каждую осень и весну</p>"
JAPANESE = "<p>庭師は毎年秋に生垣を刈り込みます。春にも少し手入れをします。</p>"


def decoded(html: Any, encoding: str | None = None) -> str:
    """The page's text."""
    return utf8(Page(html, encoding=encoding), Limits()).decode()


@given(text=st.text())
@example("\ud83d\udc4d and \ud800")
@example("\0a\0")
def test_text_stays_as_it_is(text: str) -> None:
    """But for NUL, and for halves of surrogate pairs: two that belong together are joined, others replaced."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    assert whole.replace("\0", "") == decoded(text)


@given(data=st.binary(), encoding=st.none() | st.text() | st.sampled_from(["utf-8", "utf-16", "latin1", "big5"]))
@example(b"\xff\xfe\x00", "utf-8")
@example(b"\xff\xfe\x00\x00\xff", None)
@example(b'<meta charset="x-user-defined">\xff', None)
@example(b"\x1b$B", None)
def test_any_bytes_become_text(data: bytes, encoding: str | None) -> None:
    """In any encoding, or one that does not exist."""
    assert "\0" not in decoded(data, encoding)


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_comes_first(mark: bytes, codec: str) -> None:
    """Before what the header says, and before what the page says."""
    page = "<meta charset=latin1>" + JAPANESE

    assert page == decoded(mark + page.encode(codec), "windows-1251")


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        *[("utf-8", "utf-8"), ("UTF8", "utf-8"), ("latin1", "cp1252"), ("iso-8859-1", "cp1252"), ("ascii", "cp1252")],
        *[(" windows-1252 ", "cp1252"), ("iso-8859-15", "iso-8859-15"), ("x-mac-roman", "mac-roman")],
    ],
)
def test_the_header_names_an_encoding(label: str, codec: str) -> None:
    """By the web's names, where "latin1" means windows-1252; it beats what the page says."""
    page = "<meta charset=koi8-r>" + GERMAN

    assert page == decoded(page.encode(codec), label)


@pytest.mark.parametrize(
    "declaration",
    [
        '<meta charset="koi8-r">',
        "<META CHARSET=KOI8-R>",
        "<meta http-equiv='Content-Type' content='text/html; charset=koi8-r'>",
        '<?xml version="1.0" encoding="koi8-r"?>',
        "<!-- <meta charset=utf-8> --><meta name=x charset = 'koi8-r'>",
    ],
)
def test_the_page_names_its_encoding(declaration: str) -> None:
    """In its first 1,024 bytes, in any of the ways there are; the header's nonsense doesn't count."""
    page = declaration + RUSSIAN

    assert page == decoded(page.encode("koi8-r"))
    assert page == decoded(page.encode("koi8-r"), "nonsense")


@pytest.mark.parametrize(
    ("page", "codec"),
    [
        ("<meta charset=utf-16>" + GERMAN, "utf-8"),
        ("<meta charset=utf-8>" + GERMAN, "cp1252"),
        (RUSSIAN, "utf-8"),
        ("plain", "ascii"),
        ("", "ascii"),
        (GERMAN * 20, "cp1252"),
        ("À la forêt, les élèves ont préféré le goût du café.", "cp1252"),
        ("El año pasado la niña comió piñas en el jardín.", "cp1252"),
        ("Żółta łódź płynie przez rzekę, a dzieci śmieją się głośno.", "cp1250"),
        ("ต้นแพร์ถูกตัดแต่งในช่วงปลายฤดูหนาว", "cp874"),
        ("배나무는 늦겨울에 가지치기를 한다.", "euc-kr"),
        ("こんにちは", "shift_jis"),
        ("Bäume", "cp1252"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-32-be"),
        (RUSSIAN * 20, "cp1251"),
        (JAPANESE * 20, "shift_jis"),
        (JAPANESE * 20, "euc-jp"),
        (JAPANESE * 20, "iso-2022-jp"),
    ],
)
def test_pages_that_say_nothing_or_the_wrong_thing_are_read(page: str, codec: str) -> None:
    """UTF-8 where the bytes are that, which happens by chance to no other text; else the likeliest encoding."""
    assert page == decoded(page.encode(codec))


def test_pages_of_the_data_folder_are_read(data_dir: Path) -> None:
    """Each page with a known encoding says what it says in that."""
    hard = data_dir / "hard"
    cases = [json.loads(line) for line in (hard / "manifest.jsonl").read_text().splitlines()]
    checked = 0
    for case in cases:
        path = hard / case["file"]
        if not case.get("expect_text") or path.stat().st_size > 300_000:
            continue
        data = gzip.decompress(path.read_bytes()) if case["gzipped"] else path.read_bytes()
        checked += 1
        assert "".join(case["expect_text"].split()) in "".join(clean(data).split()), case["file"]
    assert checked


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_may_come_as_any_kind_of_buffer(kind: type) -> None:
    """Sockets give bytearrays, caches memoryviews."""
    assert "<p>naïve" == decoded(kind("<p>naïve".encode()))


@pytest.mark.parametrize("wrong", [None, 7, ["<p>"], object()])
def test_other_kinds_are_errors(wrong: object) -> None:
    """In one line that names the kind."""
    with pytest.raises(InvalidInput, match="a page's html must be str or bytes, not "):
        decoded(wrong)


@pytest.mark.parametrize("page", ["ä" * 51, b"x" * 101])
def test_a_page_over_the_limit_is_an_error(page: str | bytes) -> None:
    """Counted in bytes; at the limit it is none."""
    with pytest.raises(PageTooLarge, match="the limit is 100"):
        utf8(Page(page), Limits(bytes=100))
    assert utf8(Page(page[:50]), Limits(bytes=100))


def test_the_data_folder_is_where_tests_look_for_it(data_dir: Path) -> None:
    """The same folder as `needs` finds for parameters."""
    assert needs.data_folder() == data_dir


@pytest.mark.parametrize(("declared", "markup"), [(None, b"<meta charset=utf-8>"), ("utf-8", b""), (None, b"")])
def test_a_damaged_byte_does_not_make_utf8_another_encoding(declared: str | None, markup: bytes) -> None:
    """A character cut in two costs itself, not all the others."""
    page = Page(markup + "<p>Grüße aus München".encode() + b"\xc3<p>tsch\xc3\xbcs", encoding=declared)
    assert "Grüße aus München\ufffd<p>tschüs" in utf8(page, Limits()).decode()


@pytest.mark.parametrize(("declared", "markup"), [(None, b"<meta charset=utf-8>"), ("utf-8", b"")])
def test_what_says_utf8_and_is_not_is_detected(declared: str | None, markup: bytes) -> None:
    """Neither the header nor the page is believed against the bytes."""
    text = "Über die Größe der Äpfel und Birnen läßt sich streiten; schöne Früchte gibt es überall. " * 5
    page = Page(markup + b"<p>" + text.encode("latin-1"), encoding=declared)
    assert text in utf8(page, Limits()).decode()


def test_the_country_of_an_address_tells_what_its_pages_are_written_in() -> None:
    """Where the bytes alone would be read as those of another language."""
    text = "Árvíztűrő tükörfúrógép, és a körte télen metszett őszi ága."
    read = [utf8(Page(html=text.encode("cp1250"), url=url), Limits()).decode() for url in ("https://kert.hu/a", None)]

    assert (text, True) == (read[0], text != read[1])
