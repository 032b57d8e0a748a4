"""The pages that are measured: those of the data folder, and large ones made of their bodies."""

import gzip
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("qa/pages/faqweb", "qa/pages/pydocs", "qa/pages/wtq", "extract/html/aeb", "extract/html/wcxb_dev")


def data_folder() -> Path:
    """The folder of real pages; SECATEURS_DATA names another one."""
    return Path(os.environ.get("SECATEURS_DATA") or ROOT.parent / "shared" / "data")


def all_pages(data: Path) -> list[Path]:
    """Every page of the data folder.

    Raises:
        SystemExit: there is none.
    """
    pages = [path for folder in FOLDERS for path in sorted((data / folder).glob("*.html.gz"))]
    if not pages:
        raise SystemExit(f"no pages in {data}: SECATEURS_DATA names another data folder")
    return pages


def sample(pages: Iterable[Path], number: int) -> list[Path]:
    """Equally many pages of each folder, always the same ones: those whose names have the smallest hashes."""
    by_folder: dict[Path, list[Path]] = {}
    for page in pages:
        by_folder.setdefault(page.parent, []).append(page)
    share = -(-number // len(by_folder))
    return [page for folder in by_folder.values() for page in sorted(sorted(folder, key=_hash)[:share])]


def _hash(page: Path) -> str:
    return hashlib.sha256(page.name.encode()).hexdigest()


def read(page: Path) -> bytes:
    """A page as its site sent it."""
    return gzip.decompress(page.read_bytes())


def large_page(pages: Iterable[Path], size: int, copies: int) -> bytes:
    """A page of `copies` times the same `size` bytes: the bodies of real pages, each balanced by a parser first."""
    from lxml import html

    bodies = b""
    for page in pages:
        body = html.document_fromstring(read(page)).find("body")
        if body is not None:
            bodies += html.tostring(body, encoding="utf-8").removeprefix(b"<body>").removesuffix(b"</body>")
        if len(bodies) >= size:
            break
    # An element that ends the last body early keeps the copies apart.
    return b"<!doctype html><meta charset=utf-8><body>" + copies * (bodies + b"<hr>") + b"</body>"
