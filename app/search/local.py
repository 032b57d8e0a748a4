"""The embedded default: search over any folders of HTML and Markdown files, with SQLite and nothing else."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from app.seam import in_thread
from app.search.domains import allows
from app.search.files import language_code, page_of_file, read_file
from app.search.indexing import IndexReport, Progress, update_folder
from app.search.passages import snippet
from app.search.protocol import DAYS, Found, Hit, SearchError, SearchQuery
from app.search.store import Folder, OutdatedIndex, Passage, Store
from pruning.document import Limits
from pruning.errors import InvalidInput, PageError

NAME = "local"


@dataclass(frozen=True, slots=True)
class IndexedFolder:
    """A folder that is in the index, what stands for it in its pages' URLs, and how many pages it has."""

    path: Path
    url_prefix: str | None
    pages: int


class LocalIndex:
    """An index of HTML files in one SQLite database. Synchronous; safe in several threads and processes.

    Many folders can be in one index. It holds words, not pages: a page is always read from its file when it
    is found.
    """

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self._path = path
        self._limits = limits or Limits()

    def index(self, folder: Path, url_prefix: str | None = None, progress: Progress | None = None) -> IndexReport:
        """Bring the index up to date with all HTML files below `folder`.

        Unchanged files (by size and time of change) are skipped. The pages' URLs are `url_prefix` and the
        path within the folder, or `file:` URLs without one. `progress` is told how many of how many files
        are done. When the run is interrupted, what was done stays, and the next run goes on from there.

        Raises InvalidInput, SearchError.
        """
        root = folder.resolve()
        if not root.is_dir():
            raise InvalidInput(f"{folder} is not a folder")
        if url_prefix is not None and not re.match(r"https?://[^/\s]", url_prefix):
            raise InvalidInput(f"a URL prefix begins with http:// or https:// and a host, unlike {url_prefix!r}")
        try:
            with Store.for_writing(self._path) as store:
                others = _to_renew(store, root)
                report = update_folder(store, store.add_folder(root, url_prefix), self._limits, progress)
                for other in others:
                    update_folder(store, other, self._limits)
        except (sqlite3.Error, OSError) as error:
            raise SearchError(NAME, f"the index {self._path} can't be written: {error}") from error
        return report

    def folders(self) -> list[IndexedFolder]:
        """What is in the index. Raises SearchError."""
        with self._errors_told(), Store.for_reading(self._path) as store:
            return [IndexedFolder(one.path, one.url_prefix, len(store.stamps(one))) for one in store.folders()]

    def remove(self, folder: Path) -> int:
        """Take a folder out of the index, which may be gone from the disk, and say how many pages it had.

        Raises InvalidInput for a folder that is not in it, SearchError.
        """
        root = folder.resolve()
        if root not in (one.path for one in self.folders()):
            raise InvalidInput(f"{folder} is not in the index; `secateurs index --list` says what is")
        with self._errors_told(), Store.for_writing(self._path) as store:
            return sum(store.remove_folder(one) for one in store.folders() if one.path == root)

    def search(self, query: SearchQuery) -> list[Hit]:
        """The best pages for a question in natural language, each with the bytes of its file.

        A page whose file is gone or grew over the limit is left out: nobody could open what would be cited.
        One that doesn't say its language passes every language; one without a date passes no time range.

        Raises SearchError.
        """
        since = _first_day(query.time_range)
        first = (query.page - 1) * query.max_results
        with self._errors_told(), Store.for_reading(self._path) as store:
            found = store.find(query.text, language_code(query.language), since)
            hits = list(islice(self._hits(store, found, query), first, first + query.max_results))
            if not hits and not store.page_count():
                raise SearchError(NAME, "the index has no pages; fill it with `secateurs index DIR`")
        return hits

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OutdatedIndex, OSError) as error:
            raise SearchError(NAME, self._problem(error)) from error

    def _hits(self, store: Store, found: Iterator[tuple[int, int, float]], query: SearchQuery) -> Iterator[Hit]:
        """A hit for each page, by its best passage, which comes first."""
        pages: set[int] = set()
        files: set[Path] = set()  # one file can be two pages: in a folder within another one
        for number, page, score in found:
            if page in pages:
                continue
            pages.add(page)
            passage = store.passage(number)
            if passage.file not in files:
                files.add(passage.file)
                hit = self._hit(passage, query)
                if hit:
                    yield replace(hit, score=score)

    def _hit(self, passage: Passage, query: SearchQuery) -> Hit | None:
        url = passage.folder.url(passage.path)
        if not allows(query, url):
            return None
        try:
            body, _ = read_file(passage.file, self._limits.bytes)
            page = page_of_file(passage.file, body, url)
        except (OSError, PageError):
            return None
        return Hit(
            url=url,
            title=passage.title,
            snippet=snippet(passage.text, query.text),
            published=passage.published,
            page=page,
        )

    def _problem(self, error: Exception) -> str:
        if isinstance(error, OutdatedIndex):
            return "the index was made by another release; run `secateurs index DIR` again"
        if not self._path.exists():
            return f"there is no index at {self._path}; make it with `secateurs index DIR`"
        return f"the index {self._path} can't be read: {error}"


class LocalProvider:
    """`LocalIndex` as a search provider: it searches in a worker thread."""

    name = NAME

    def __init__(self, index: LocalIndex) -> None:
        self._index = index

    async def search(self, query: SearchQuery, *, deadline: float | None = None) -> Found:
        """See `LocalIndex.search`; it takes milliseconds, and there is nothing to be kept safe from."""
        return Found(await in_thread(self._index.search, query))

    async def aclose(self) -> None:
        """Nothing is kept open."""


def _to_renew(store: Store, root: Path) -> list[Folder]:
    """After a change of release every page is read again: the folders, apart from `root`, to do that for."""
    if not store.is_outdated():
        return []
    store.drop_pages()
    return [folder for folder in store.folders() if folder.path != root and folder.path.is_dir()]


def _first_day(time_range: str | None) -> str | None:
    if time_range is None:
        return None
    return (datetime.now(UTC) - timedelta(days=DAYS[time_range])).date().isoformat()
