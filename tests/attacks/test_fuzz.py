"""Any bytes in: a result or one of our own errors out. Random bytes, tag soup, and damaged real pages."""

import gzip
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pruning import Limits, Page, Pruned
from tests import needs
from tests.attacks.support import assert_harmless, pruned, result_or_error
from tests.pruning.strategies import ANY_PAGES

# Small enough to be reached, large enough for most.
LIMITS = Limits(bytes=30_000, nodes=2_000, depth=20, seconds=5)
ENCODINGS = st.sampled_from([None, "utf-8", "latin1", "shift_jis", "utf-16", "gb18030", "iso-2022-jp", "no-such", ""])
MARKUP = (
    b"<div <p> </p> </div> <!-- --> <table><tr><td> <script> </script> <title> & &amp; &#0; <a href= \" ' > = / \0"
).split(b" ")
PIECES = st.sampled_from(MARKUP) | st.binary(max_size=8)
REAL = needs.data_files("extract/html/wcxb_dev/*.html.gz", "hard/files/*.html")[::30]


def survives(page: Page) -> None:
    """Cleaned and pruned in each format, or refused; what is cleaned can be cleaned again, to nothing harmful."""
    content = result_or_error(page, LIMITS)
    if content is None:
        return
    assert_harmless(content)
    again = result_or_error(Page(content))
    assert again is not None
    for form in ("html", "markdown", "text"):
        result = pruned(page, "any thing", format=form, links=True, citations=True, limits=LIMITS, max_tokens=100)
        assert isinstance(result, Pruned)


@given(html=st.binary(max_size=2_000), encoding=ENCODINGS)
@example(b"\xff\xfe", None)
@example(b"\xff\xfe\x00", None)
@example(b"\x00\x00\xfe\xff\x00", None)
@example(b"<meta charset=utf-7>+ADw-script+AD4-", None)
@example(b"\x1b$B", None)
@example(b"<?xml encoding='utf-16'?>", None)
def test_any_bytes(html: bytes, encoding: str | None) -> None:
    """Bytes of any kind, with any word about their encoding."""
    survives(Page(html, encoding=encoding))


@given(html=st.text(max_size=1_000))
@example("\ud800")
@example("\x00\x01\x02\x03\x04")
def test_any_text(html: str) -> None:
    """Text of any characters, half surrogate pairs and our own marks among them."""
    survives(Page(html))


@given(html=st.lists(PIECES, max_size=120).map(b"".join))
@example(b"<title>" * 3 + b"</title" * 2)
@example(b"<a href='" + b"x" * 100)
@example(b"<template><noscript></template></noscript><template")
def test_bits_of_markup(html: bytes) -> None:
    """Halves of tags, quotes and references in any order."""
    survives(Page(html))


@given(html=ANY_PAGES, url=st.sampled_from([None, "https://a.example/b?c", "not an address", "http://[", "\x00"]))
def test_tag_soup(html: str, url: str | None) -> None:
    """Elements in any order, opened and closed or not, from any address."""
    survives(Page(html, url=url))


@pytest.mark.parametrize("path", REAL)
@given(data=st.data())
def test_damaged_pages(path: Path, data: st.DataObject) -> None:
    """A stretch of a real page with bytes changed, doubled, moved and cut out."""
    raw = path.read_bytes()
    page = gzip.decompress(raw) if path.suffix == ".gz" else raw
    start = data.draw(st.integers(0, max(0, len(page) - 3_000)))
    page = page[start : start + 3_000]
    for _ in range(data.draw(st.integers(1, 4))):
        at, size = data.draw(st.integers(0, len(page))), data.draw(st.integers(0, 40))
        instead = data.draw(PIECES | st.just(page[at : at + size] * 3) | st.just(b""))
        page = page[:at] + instead + page[at + size :]
    survives(Page(page))
