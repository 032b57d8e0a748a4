"""The files of a folder as the index needs them: which there are, and what stands in one."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Self

import numpy as np

from app.convert.page import to_page
from app.convert.sniff import Declared
from pruning.characters import BLOCK_MARK, INLINE_MARK
from pruning.document import Limits, Page
from pruning.elements import CODES
from pruning.errors import PageError, PageTooLarge
from pruning.isolate import read_page
from pruning.nodes import NodeTable

MARKDOWN_SUFFIXES = (".md", ".markdown")
SUFFIXES = (b".html", b".htm", b".xhtml", *map(os.fsencode, MARKDOWN_SUFFIXES))
# Before a line of navigation: it can be found, but says nothing of the page.
LINK_MARK = "\x02"
# So many lines that are links and nothing else, one after another, are navigation.
LINKS_IN_A_ROW = 3
_LANGUAGE = re.compile(r"\s*([a-z]{2,8})(?![a-z0-9])")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Stamp:
    """By this an unchanged file is known: its size in bytes and its time of change in nanoseconds."""

    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A file or folder that could not be read, and why."""

    path: Path
    problem: str

    @classmethod
    def of(cls, path: Path, error: OSError | PageError) -> Self:
        """The failure that this error was."""
        return cls(path, (error.strerror if isinstance(error, OSError) else None) or str(error))


@dataclass(slots=True)
class Found:
    """What a walk found: files by their path within the folder, as bytes, since names need not be valid text."""

    files: dict[bytes, Stamp] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file's content. `language` is the bare code ("pt"), `published` as the page says it."""

    title: str
    text: str
    language: str | None
    published: str | None
    stamp: Stamp

    @property
    def day(self) -> str | None:
        """The day of publication, "2026-11-22", where the page says it in a form that can be compared."""
        found = _DATE.match(self.published or "")
        return found[0] if found else None


def find_files(folder: Path) -> Found:
    """All HTML and Markdown files below `folder`. Hidden folders and links to folders are left out."""
    found = Found()

    def fail(error: OSError) -> None:
        found.failures.append(Failure.of(Path(os.fsdecode(error.filename)), error))

    root = os.fsencode(folder)
    for here, folders, names in os.walk(root, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith(b"."))
        for path in _html_files(here, names):
            try:
                status = os.stat(path)  # noqa: PTH116 - pathlib has no paths of bytes
            except OSError as error:
                fail(error)
                continue
            if stat.S_ISREG(status.st_mode):
                found.files[os.path.relpath(path, root)] = Stamp(status.st_size, status.st_mtime_ns)
    return found


def _html_files(here: bytes, names: list[bytes]) -> Iterator[bytes]:
    for name in sorted(names):
        if name.lower().endswith(SUFFIXES) and not name.startswith(b"."):
            yield os.path.join(here, name)  # noqa: PTH118 - pathlib has no paths of bytes


def read_entry(path: Path, limits: Limits) -> Entry:
    """Read and clean one file. Raises OSError, PageError."""
    html, stamp = read_file(path, limits.bytes)
    table = read_page(page_of_file(path, html), limits, links=True)
    about = table.metadata
    return Entry(
        title=_storable(about.title or path.stem),
        text=_storable(visible_text(table)),
        language=language_code(about.language),
        published=_storable(about.published) if about.published else None,
        stamp=stamp,
    )


def page_of_file(path: Path, body: bytes, url: str | None = None) -> Page:
    """What stands in a file of the index as a page: HTML as it is, Markdown as HTML. Raises PageError."""
    if path.suffix.lower() not in MARKDOWN_SUFFIXES or not body:
        return Page(html=body, url=url)
    return to_page(body, Declared("text/markdown", url=url))


def read_file(path: Path, limit: int) -> tuple[bytes, Stamp]:
    """The bytes of a regular file. Raises OSError, PageTooLarge when there are more than `limit`."""
    # A pipe that took the file's place must not hold us up.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a regular file")
        html = file.read(limit + 1)
    if len(html) > limit:
        raise PageTooLarge(f"the page has {max(len(html), status.st_size):,} bytes; the limit is {limit:,}")
    return html, Stamp(status.st_size, status.st_mtime_ns)


def visible_text(table: NodeTable) -> str:
    """All that a reader sees, a line for each block; those of navigation have the mark. The table must keep links."""
    linked = np.zeros(len(table.text), bool)
    for node in np.flatnonzero(table.tag == CODES["a"]).tolist():
        linked[table.start[node] : table.stop[node]] = True
    lines: list[tuple[str, bool]] = []
    at = 0
    for part in table.text.split(BLOCK_MARK):
        text = " ".join(part.replace(INLINE_MARK, "").split())
        if text:
            lines.append((text, _is_link(part, linked[at : at + len(part)])))
        at += len(part) + 1
    return "\n".join(
        f"{LINK_MARK}{text}" if is_link and len(run) >= LINKS_IN_A_ROW else text
        for is_link, run in ((key, list(group)) for key, group in groupby(lines, key=itemgetter(1)))
        for text, _ in run
    )


def _is_link(line: str, linked: np.ndarray) -> bool:
    """Whether all words of the line are links; signs between them are not words."""
    return all(linked[at] for at, character in enumerate(line) if character.isalnum())


def language_code(language: str | None) -> str | None:
    """The bare language of a tag: "pt" of "pt-BR" and of "pt_BR"; None if it is no such tag."""
    found = _LANGUAGE.match(language.lower()) if language else None
    return found[1] if found else None


def _storable(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON-LD and file names can hold, but no database."""
    return text.encode("utf-8", "replace").decode()
