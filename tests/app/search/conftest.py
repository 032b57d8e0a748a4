"""Folders of pages and an index over them, on the real disk."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.search import LocalIndex, SearchQuery

WritePage = Callable[..., Path]


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio."""
    return "asyncio"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that is indexed."""
    made = tmp_path / "pages"
    made.mkdir()
    return made


@pytest.fixture
def write_page(folder: Path) -> WritePage:
    """Writes a page into the folder."""

    def write(name: str, body: str, title: str = "", head: str = "", lang: str = "") -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        root = f'<html lang="{lang}">' if lang else "<html>"
        title = f"<title>{title}</title>" if title else ""
        path.write_text(f"<!doctype html>{root}<head>{title}{head}</head><body>{body}</body></html>", "utf-8")
        return path

    return write


@pytest.fixture
def index(tmp_path: Path) -> LocalIndex:
    """An index that does not exist yet."""
    return LocalIndex(tmp_path / "state" / "index.db")


def found(index: LocalIndex, question: str, **options: object) -> list[str]:
    """The names of the files that are found, the best first."""
    hits = index.search(SearchQuery(question, **options))  # type: ignore[arg-type]
    return [hit.url.rpartition("/")[2] for hit in hits]
