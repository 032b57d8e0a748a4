"""PDFs are read in a process of their own: it can be killed at its time limit, and takes no more memory than it may.

One process for each PDF: pdfium is a large program in C++, and nothing of one document is to meet the next.
"""

import json
import resource
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from app.convert.errors import Unreadable
from pruning.document import Limits
from pruning.errors import PageTimeout, PageTooLarge
from pruning.metadata import Metadata

MOST_PAGES = 2000
_MEMORY_BYTES = 2 << 30
_START_SECONDS = 5.0  # a child's start costs 0.3 s; on a machine under load more
_COMMAND = (
    *("-P", "-c"),
    "import sys; sys.path[:] = sys.argv[2:]; from app.convert.pdf.child import serve; serve(float(sys.argv[1]))",
)
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[3])
_TOO_SLOW = "the PDF could not be read in the time that there is for a page"
_ERRORS = {"unreadable": Unreadable, "too large": PageTooLarge}
# Titles that programs put in, and which say nothing.
_NO_TITLES = (
    "untitled",
    "microsoft word -",
    "microsoft powerpoint -",
    "powerpoint presentation",
    "layout 1",
    "slide 1",
)
_NO_TITLE_ENDS = (".doc", ".docx", ".dvi", ".indd", ".pdf", ".ppt", ".pptx", ".qxd", ".rtf", ".tex", ".html", ".htm")


def pdf_html(body: bytes, limits: Limits) -> str:
    """A PDF as HTML: headings, paragraphs, lists, tables; title, author and date as it states them.

    Raises:
        Unreadable: it is damaged, encrypted, or has no text because it is a scan.
        PageTooLarge: more bytes than `limits.bytes`, or more than MOST_PAGES pages.
        PageTimeout: more than `limits.seconds`; the process that read it is dead then.
    """
    if len(body) > limits.bytes:
        raise PageTooLarge(f"the PDF has {len(body):,} bytes; the limit is {limits.bytes:,}")
    try:
        done = subprocess.run(
            reader_command(limits.seconds),
            input=body,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.seconds + _START_SECONDS,
            process_group=0,  # Ctrl-C is for the parent
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PageTimeout(_TOO_SLOW) from None
    except OSError as error:
        raise Unreadable(f"no process could be started to read the PDF in: {error}") from error
    return html_of(done.stdout, done.returncode)


def reader_command(seconds: float) -> list[str]:
    """What to start: a process that reads a PDF from stdin within `seconds`, and finds modules where this one does."""
    return [sys.executable, *_COMMAND, str(seconds), *sys.path, _PACKAGE_ROOT]


def html_of(answer: bytes, status: int | None) -> str:
    """The HTML in what that process wrote before it ended. Raises Unreadable, PageTooLarge, PageTimeout."""
    if status == -signal.SIGALRM:
        raise PageTimeout(_TOO_SLOW)
    try:
        told: dict[str, str] = json.loads(answer)
    except ValueError:
        raise Unreadable("this PDF is damaged, or needs more memory than there is for it") from None
    if "error" in told:
        raise _ERRORS[told["error"]](told["problem"])
    return told["html"]


def serve(seconds: float) -> None:
    """The child's whole life: read a PDF from stdin, and write its HTML, or why there is none, to stdout as JSON.

    The alarm ends it wherever it is, even in the middle of pdfium and even when its parent is gone.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = {"html": converted(sys.stdin.buffer.read())}
    except PageTooLarge as error:
        answer = {"error": "too large", "problem": str(error)}
    except Unreadable as error:
        answer = {"error": "unreadable", "problem": str(error)}
    sys.stdout.write(json.dumps(answer))


def converted(body: bytes) -> str:
    """What the child does, in this process: without its limits on time and memory. Raises Unreadable, PageTooLarge."""
    import pypdfium2  # here and below: only the child needs it

    from app.convert.pdf.reader import read_content
    from app.convert.pdf.writer import written

    try:
        pdf = pypdfium2.PdfDocument(body)
        if len(pdf) > MOST_PAGES:
            raise PageTooLarge(f"the PDF has {len(pdf):,} pages; the limit is {MOST_PAGES:,}")
        pages = [read_content(pdf[number]) for number in range(len(pdf))]
    except pypdfium2.PdfiumError as error:
        raise Unreadable(_why(error)) from error
    if not any(page.words for page in pages):
        has_images = any(page.has_images for page in pages)
        raise Unreadable(f"this PDF has no text{': its pages are images, as of a scan' if has_images else ''}")
    return written(pages, _about(pdf), _outline(pdf))


def _why(error: Exception) -> str:
    said = str(error).lower()
    if "password" in said:
        return "this PDF is encrypted and asks for a password"
    return "this PDF is encrypted" if "security" in said else "this PDF is damaged"


def _about(pdf: Any) -> Metadata:
    stated = {key: " ".join(value.split()) for key, value in pdf.get_metadata_dict(skip_empty=True).items()}
    title = stated.get("Title", "")
    if title.lower().startswith(_NO_TITLES) or title.lower().endswith(_NO_TITLE_ENDS):
        title = ""
    return Metadata(
        title or None, None, _date(stated.get("CreationDate", "")), stated.get("Author") or None, _language(pdf)
    )


def _date(stated: str) -> str | None:
    """`D:20261122174826+01'00'` as a day."""
    try:
        return datetime.strptime(stated.removeprefix("D:")[:8], "%Y%m%d").date().isoformat()
    except ValueError:
        return None


def _language(pdf: Any) -> str | None:
    import ctypes

    import pypdfium2.raw as pdfium

    buffer = (ctypes.c_ushort * 64)()
    length = pdfium.FPDFCatalog_GetLanguage(pdf.raw, buffer, 64)
    return bytes(buffer)[: max(0, min(length, 64) * 2 - 2)].decode("utf-16-le", "ignore").strip("\0 ") or None


def _outline(pdf: Any) -> dict[str, int]:
    from app.convert.pdf.blocks import outline_key

    levels: dict[str, int] = {}
    for number, bookmark in enumerate(pdf.get_toc(max_depth=6)):
        if number > MOST_PAGES:
            break
        levels.setdefault(outline_key(bookmark.get_title()), bookmark.level)
    levels.pop("", None)
    return levels
