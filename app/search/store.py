"""The index of local pages as it lies on disk: one SQLite database with an FTS5 table.

What FTS5 is given are not the pages' words but their terms (`pruning.lexical.terms`): folded, and pairs of characters
where a script has no spaces. So Chinese, Japanese and Thai are found, accents do not matter, and index, question and
the core's own BM25 agree on what a term is. FTS5's tokenizer only splits at spaces then, and stems English words: on
questions about manuals that finds the page among ten hits in 84 % of cases instead of 77 %.

Ranked are passages, and a page by its best one. Ranked as wholes, pages would lose what they have in common: FTS5
takes a term that most of them hold for worth nothing, and on one site that is every word of the menu and the subject.
The right page comes first for 88 % instead of 76 % of the questions about the sample site.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

from app.search.files import Entry, Stamp
from app.search.passages import cut
from pruning import parse
from pruning.lexical import terms

# Bump when the tables or the terms change; with the cleaner's version it says which index can be read.
SCHEMA = 4
VERSION = SCHEMA * 1000 + parse.VERSION
BUSY_SECONDS = 30.0
# A term in the title says more about the page than one in its text.
TITLE_WEIGHT = 4.0
TEXT_WEIGHT = 1.0
# About 250 words of English. From 1,000 to 2,500 it hardly matters.
PASSAGE_CHARACTERS = 1500
# A passage's number is its page's, shifted by so many bits, and its place in the page: thousands of passages match a
# question, and which page each is of must cost nothing.
PLACE_BITS = 24
# Longer questions hardly get better; a term more costs a look at all pages that have it.
MOST_TERMS = 64

_CREATE_FOLDERS = """
    CREATE TABLE IF NOT EXISTS folders (id INTEGER PRIMARY KEY, path BLOB UNIQUE NOT NULL, url_prefix TEXT)
"""
# The tokenizer "ascii" takes all but ASCII's signs for letters: terms arrive in one piece, marks and all.
_CREATE = (
    """CREATE TABLE pages (
        id INTEGER PRIMARY KEY, folder INTEGER NOT NULL, path BLOB NOT NULL,
        size INTEGER NOT NULL, modified INTEGER NOT NULL,
        title TEXT NOT NULL, language TEXT, day TEXT, published TEXT,
        UNIQUE (folder, path)
    )""",
    "CREATE TABLE passages (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
    """CREATE VIRTUAL TABLE terms USING fts5 (title, text, tokenize = "porter ascii tokenchars '_'")""",
)
_PUT = """
    INSERT INTO pages (folder, path, size, modified, title, language, day, published)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_FIND = f"""
    SELECT terms.rowid, pages.id, -bm25(terms, {TITLE_WEIGHT}, {TEXT_WEIGHT}) AS score
    FROM terms JOIN pages ON pages.id = terms.rowid >> {PLACE_BITS}
    WHERE terms MATCH :terms
      AND (:language IS NULL OR language IS NULL OR language = :language)
      AND (:since IS NULL OR day >= :since)
    ORDER BY score DESC, terms.rowid
"""
_PASSAGE = f"""
    SELECT folders.id, folders.path, url_prefix, pages.path, title, published, text
    FROM passages JOIN pages ON pages.id = passages.id >> {PLACE_BITS} JOIN folders ON folders.id = folder
    WHERE passages.id = ?
"""


class OutdatedIndex(Exception):
    """The index was made by another release; its pages must be read again."""


@dataclass(frozen=True, slots=True)
class Folder:
    """An indexed folder. `url_prefix` stands for it in its pages' URLs; without one they are `file:` URLs."""

    id: int
    path: Path
    url_prefix: str | None

    def url(self, path: bytes) -> str:
        """The URL of the file at `path` within the folder."""
        if self.url_prefix is None:
            return (self.path / os.fsdecode(path)).as_uri()
        return f"{self.url_prefix.rstrip('/')}/{quote(path)}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What takes time in writing a page, done before the transaction: passages, and terms with spaces between."""

    title_terms: str
    passages: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Prepare a page. One without text has one empty passage: its title can be found."""
        texts = cut(entry.text, PASSAGE_CHARACTERS) or [""]
        return cls(" ".join(terms(entry.title)), tuple((text, " ".join(terms(text))) for text in texts))


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage and its page, as they were when they were indexed."""

    folder: Folder
    path: bytes
    title: str
    published: str | None
    text: str

    @property
    def file(self) -> Path:
        return self.folder.path / os.fsdecode(self.path)


class Store:
    """One open connection to the index. Readers and one writer don't wait for each other (WAL)."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def for_writing(cls, path: Path) -> Iterator["Store"]:
        """Open the index, made anew where there is none. Raises sqlite3.Error, OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_CREATE_FOLDERS)
            yield cls(connection)

    @classmethod
    @contextmanager
    def for_reading(cls, path: Path) -> Iterator["Store"]:
        """Open the index read-only, as of this moment. Raises sqlite3.Error, OutdatedIndex."""
        # Where nobody can write, nothing changes either, and WAL's files beside the database can't be made.
        mode = "mode=ro" if os.access(path.parent, os.W_OK, effective_ids=True) else "immutable=1"
        uri = f"file:{quote(os.fsencode(path.absolute()))}?{mode}"
        with closing(sqlite3.connect(uri, timeout=BUSY_SECONDS, isolation_level=None, uri=True)) as connection:
            connection.execute("BEGIN")
            store = cls(connection)
            if store.is_outdated():
                raise OutdatedIndex
            yield store

    def is_outdated(self) -> bool:
        """Whether another release, or none yet, made the tables of pages."""
        return bool(self._connection.execute("PRAGMA user_version").fetchone()[0] != VERSION)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is written within; readers see it when it is done."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()

    def drop_pages(self) -> None:
        """Make the tables of pages anew, empty. The folders stay."""
        with self.transaction():
            for table in ("pages", "passages", "terms"):
                self._connection.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in _CREATE:
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {VERSION}")

    def folders(self) -> list[Folder]:
        """All indexed folders."""
        rows = self._connection.execute("SELECT id, path, url_prefix FROM folders ORDER BY id")
        return [Folder(number, Path(os.fsdecode(path)), prefix) for number, path, prefix in rows]

    def add_folder(self, path: Path, url_prefix: str | None) -> Folder:
        """The folder with this path, added or with its prefix changed."""
        [[number]] = self._connection.execute(
            "INSERT INTO folders (path, url_prefix) VALUES (?, ?) "
            "ON CONFLICT (path) DO UPDATE SET url_prefix = excluded.url_prefix RETURNING id",
            (os.fsencode(path), url_prefix),
        ).fetchall()
        return Folder(number, path, url_prefix)

    def remove_folder(self, folder: Folder) -> int:
        """Forget a folder and its pages, and say how many there were."""
        with self.transaction():
            paths = self.stamps(folder)
            for path in paths:
                self.remove(folder, path)
            self._connection.execute("DELETE FROM folders WHERE id = ?", (folder.id,))
        return len(paths)

    def stamps(self, folder: Folder) -> dict[bytes, Stamp]:
        """What is known of each of the folder's files."""
        rows = self._connection.execute("SELECT path, size, modified FROM pages WHERE folder = ?", (folder.id,))
        return {path: Stamp(size, modified) for path, size, modified in rows}

    def put(self, folder: Folder, path: bytes, entry: Entry, prepared: Prepared) -> None:
        """Write one page in place of what is known of it."""
        self.remove(folder, path)
        execute, stamp = self._connection.execute, entry.stamp
        about = entry.title, entry.language, entry.day, entry.published
        page = execute(_PUT, (folder.id, path, stamp.size, stamp.modified, *about)).lastrowid
        assert page is not None, "an INSERT has a row"
        for number, (text, text_terms) in enumerate(prepared.passages, page << PLACE_BITS):
            execute("INSERT INTO passages (id, text) VALUES (?, ?)", (number, text))
            row = number, prepared.title_terms, text_terms
            execute("INSERT INTO terms (rowid, title, text) VALUES (?, ?, ?)", row)

    def remove(self, folder: Folder, path: bytes) -> None:
        """Forget one page, if it is known."""
        execute = self._connection.execute
        deleted = execute("DELETE FROM pages WHERE folder = ? AND path = ? RETURNING id", (folder.id, path))
        for [page] in deleted.fetchall():
            passages = page << PLACE_BITS, (page + 1) << PLACE_BITS
            execute("DELETE FROM terms WHERE rowid >= ? AND rowid < ?", passages)
            execute("DELETE FROM passages WHERE id >= ? AND id < ?", passages)

    def page_count(self) -> int:
        """Pages in the index."""
        return int(self._connection.execute("SELECT count(*) FROM pages").fetchone()[0])

    def find(self, question: str, language: str | None, since: str | None) -> Iterator[tuple[int, int, float]]:
        """Number, page's number and BM25 score of each passage that shares a term with the question, best first.

        With a language, pages that say they are in another one are left out; with a day, all that were not
        published since then.
        """
        wanted = {"terms": match_expression(question), "language": language, "since": since}
        return iter(self._connection.execute(_FIND, wanted) if wanted["terms"] else ())

    def passage(self, number: int) -> Passage:
        """The passage that `find` gave this number."""
        folder, folder_path, prefix, *rest = self._connection.execute(_PASSAGE, (number,)).fetchone()
        return Passage(Folder(folder, Path(os.fsdecode(folder_path)), prefix), *rest)


def match_expression(question: str) -> str:
    """The question as an FTS5 expression: any of its terms, each quoted, so that none is read as an operator.

    >>> match_expression('Who AND "what"*?')
    '"who" OR "and" OR "what"'
    """
    distinct = list(dict.fromkeys(terms(question)))[:MOST_TERMS]
    return " OR ".join(f'"{term}"' for term in distinct)
