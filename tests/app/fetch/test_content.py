"""What servers send under right and wrong types becomes a page, or an error that names it."""

import os
from pathlib import Path

import anyio
import pytest

from app.fetch import Fetcher, UnreadableBody
from app.fetch.content import _pdf_html
from app.search.files import visible_text
from pruning.metadata import Metadata
from pruning.parse import node_table
from tests.app.convert.pdf.making import PROSE, heading, made, paragraph
from tests.app.fetch.conftest import Site, answer, failure_of

pytestmark = pytest.mark.anyio

FEED = b"<rss><channel><title>Garden</title><item><title>Pears</title><link>/1</link></item></channel></rss>"


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/plain; charset=latin-1", "Bäume\n\nund Büsche".encode("latin-1"), "Bäume\nund Büsche"),
        ("text/markdown", b"# Pears\n\n- *one*", "Pears\none"),
        ("application/json", b'{"tree": "pear"}', "tree: pear"),
        ("application/x-ndjson", b'{"tree": "pear"}\n{"tree": "plum"}', "tree\npear\nplum"),
        ("text/csv", b"tree,month\npear,1", "tree\nmonth\npear\n1"),
        ("application/rss+xml", FEED, "Garden\nPears"),
        ("text/html", FEED, "Garden\nPears"),
        ("application/octet-stream", b"<p>Pears", "Pears"),
        ("application/json", b"<!doctype html><p>Not found", "Not found"),
        ("", b"Pears", "Pears"),
    ],
)
async def test_what_can_be_read_becomes_a_page(kind: str, body: bytes, text: str, fetcher: Fetcher, site: Site) -> None:
    """Whatever the server calls it."""
    site.answers["/"] = answer(body, kind)
    page = await fetcher.fetch(f"{site.url}/")

    assert (text, f"{site.url}/") == (visible_text(node_table(page)), page.url)


@pytest.mark.parametrize("kind", ["application/pdf", "application/octet-stream", "text/html", ""])
async def test_a_pdf_becomes_a_page(kind: str, fetcher: Fetcher, site: Site) -> None:
    """With its headings, and with what it says about itself."""
    site.answers["/a.pdf"] = answer(made(lambda pdf: (heading(pdf, "Pears"), paragraph(pdf, PROSE))), kind)
    page = await fetcher.fetch(f"{site.url}/a.pdf")
    table = node_table(page)

    assert f"Pears\n{PROSE}" == visible_text(table)
    assert Metadata("Pears", f"{site.url}/a.pdf", "2026-11-22") == table.metadata


async def test_a_pdf_without_text_is_an_error_of_its_page(fetcher: Fetcher, site: Site) -> None:
    """It names what is wrong with it."""
    site.answers["/"] = answer(made(lambda pdf: None), "application/pdf")
    error = await failure_of(fetcher, f"{site.url}/")

    assert (UnreadableBody, "this PDF has no text") == (type(error), error.problem)


async def test_a_pdf_that_nobody_waits_for_is_not_read_on() -> None:
    """Its process is gone as soon as the search's time is over."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_pdf_html, made(lambda pdf: [paragraph(pdf, PROSE) for _ in range(50)]))
        while not _children():
            await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()

    assert [] == _children()


def _children() -> list[str]:
    tasks = Path(f"/proc/{os.getpid()}/task")
    pids = [pid for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
    return [name for pid in pids if "pdf" in (name := Path(f"/proc/{pid}/cmdline").read_text())]
