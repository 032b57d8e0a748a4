"""From bytes of any kind to a Page: HTML as it is, everything else that can be read as simple HTML. READ THIS FIRST."""

from collections.abc import Callable

from app.convert.data import csv_html, json_html
from app.convert.pdf.child import pdf_html
from app.convert.sniff import Declared, Kind, kind_of
from app.convert.text import markdown_html, text_html
from app.convert.xml import xml_html
from pruning.document import Limits, Page, utf8

_WRITERS: dict[Kind, Callable[[str], str]] = {
    Kind.XML: xml_html,
    Kind.TEXT: text_html,
    Kind.MARKDOWN: markdown_html,
    Kind.JSON: json_html,
    Kind.CSV: csv_html,
}


def to_page(body: bytes, declared: Declared | None = None, limits: Limits | None = None) -> Page:
    """The page that `body` is, or is made into. Takes the processor: a PDF, seconds.

    Args:
        body: the bytes as they arrived, decompressed.
        declared: what is said about them; without it the bytes alone decide.
        limits: the bytes and seconds that conversion may take.

    Raises:
        Unreadable: this is no page; the message names what it is instead.
        PageTooLarge, PageTimeout: conversion would exceed a limit.
    """
    declared, limits = declared or Declared(), limits or Limits()
    kind = kind_of(body, declared)
    page = Page(html=body, url=declared.url, encoding=declared.charset)
    if kind is Kind.HTML:
        return page
    if kind is Kind.PDF:
        return made(pdf_html(body, limits), declared)
    return made(_WRITERS[kind](utf8(page, limits).decode()), declared)


def made(html: str, declared: Declared) -> Page:
    """The page of what was converted."""
    return Page(html=html.encode(), url=declared.url, encoding="utf-8")
