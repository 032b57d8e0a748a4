"""From an answer to a Page: its type and its bytes are judged, and what is no HTML is converted, by `app.convert`."""

import os
import subprocess
from contextlib import suppress

import anyio
import httpx
from anyio.abc import Process

from app.convert.page import made, to_page
from app.convert.pdf.child import html_of, reader_command
from app.convert.sniff import Declared, Kind, kind_of, refuse_type
from app.fetch.errors import BodyTooLarge, FetchError, UnreadableBody
from app.seam import in_thread
from pruning.document import Limits, Page
from pruning.errors import PageError, PageTooLarge

# What a server is asked for, the best first.
ACCEPT = (
    "text/html,application/xhtml+xml;q=0.9,application/pdf;q=0.7,text/markdown;q=0.7,application/xml;q=0.6,"
    "text/plain;q=0.6,application/json;q=0.5,text/csv;q=0.5,*/*;q=0.1"
)
# Each takes a processor and up to 2 GB.
_pdf_processes = anyio.CapacityLimiter(os.cpu_count() or 1)


def check_type(response: httpx.Response) -> None:
    """Raise UnreadableBody, before any of the body is read, if its type is nothing that we can read."""
    try:
        refuse_type(_declared(response))
    except PageError as error:
        raise UnreadableBody(str(response.url), str(error)) from error


async def page_of(response: httpx.Response, body: bytes) -> Page:
    """The page that an answer is; its URL is the one that answered in the end.

    Raises UnreadableBody, BodyTooLarge (a PDF of too many pages). When it is cancelled, nothing of it is left running.
    """
    declared = _declared(response)
    try:
        if await in_thread(kind_of, body, declared) is Kind.PDF:
            return made(await _pdf_html(body), declared)
        return await in_thread(to_page, body, declared)
    except PageError as error:
        kind: type[FetchError] = BodyTooLarge if isinstance(error, PageTooLarge) else UnreadableBody
        raise kind(str(response.url), str(error)) from error


def _declared(response: httpx.Response) -> Declared:
    return Declared.of_header(response.headers.get("content-type", ""), str(response.url))


async def _pdf_html(body: bytes) -> str:
    """As `app.convert.pdf.child.pdf_html`, but the process dies as soon as nobody waits for it any more."""
    async with _pdf_processes:
        with anyio.CancelScope(shield=True):  # a process that is cancelled in the middle of its start is left behind
            process = await anyio.open_process(
                reader_command(Limits().seconds), stderr=subprocess.DEVNULL, start_new_session=True
            )
        async with process, anyio.create_task_group() as tasks:
            tasks.start_soon(_feed, process, body)
            assert process.stdout
            answer = b"".join([part async for part in process.stdout])
            status = await process.wait()
    return html_of(answer, status)


async def _feed(process: Process, body: bytes) -> None:
    assert process.stdin
    with suppress(anyio.BrokenResourceError):  # it died: its status tells of what
        await process.stdin.send(body)
        await process.stdin.aclose()
