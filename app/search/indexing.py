"""Bringing one folder of the index up to date: only what changed is read, and what was read is never lost."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from app.search.files import Entry, Failure, Stamp, find_files, read_entry
from app.search.store import Folder, Prepared, Store
from pruning.document import Limits
from pruning.errors import PageError

# What is read between two transactions: a killed run loses no more, and holds no more in memory.
BATCH_FILES = 64
BATCH_BYTES = 20_000_000

# Told how many files are done, of how many.
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class IndexReport:
    """What a run did, in files. `failures` are those that could not be read, each with its reason."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    failures: list[Failure] = field(default_factory=list)


def update_folder(store: Store, folder: Folder, limits: Limits, progress: Progress | None = None) -> IndexReport:
    """Make the index say of `folder` what its files say now. Raises sqlite3.Error, OSError if it can't be
    written.
    """
    return _Update(store, folder, limits).run(progress or (lambda done, total: None))


class _Update:
    def __init__(self, store: Store, folder: Folder, limits: Limits) -> None:
        self._store = store
        self._folder = folder
        self._limits = limits
        self._known = store.stamps(folder)
        self._report = IndexReport()
        self._batch: dict[bytes, tuple[Entry, Prepared]] = {}
        self._gone: list[bytes] = []
        self._batch_bytes = 0

    def run(self, progress: Progress) -> IndexReport:
        found = find_files(self._folder.path)
        self._report.failures += found.failures
        self._gone += [path for path in self._known if path not in found.files]
        for done, (path, stamp) in enumerate(found.files.items()):
            progress(done, len(found.files))
            if stamp == self._known.get(path):
                self._report.unchanged += 1
            else:
                self._read(path, stamp)
        self._write()
        progress(len(found.files), len(found.files))
        return self._report

    def _read(self, path: bytes, stamp: Stamp) -> None:
        file = self._folder.path / os.fsdecode(path)
        try:
            entry = read_entry(file, self._limits)
        except (OSError, PageError) as error:
            self._report.failures.append(Failure.of(file, error))
            if path in self._known:
                self._gone.append(path)  # what the index says of it is no longer true
            return
        self._batch[path] = entry, Prepared.of(entry)
        self._batch_bytes += stamp.size
        if len(self._batch) >= BATCH_FILES or self._batch_bytes >= BATCH_BYTES:
            self._write()

    def _write(self) -> None:
        """Write what was read, all or nothing, and count it."""
        with self._store.transaction():
            for path in self._gone:
                self._store.remove(self._folder, path)
            for path, (entry, prepared) in self._batch.items():
                self._store.put(self._folder, path, entry, prepared)
        changed = sum(path in self._known for path in self._batch)
        self._report.changed += changed
        self._report.added += len(self._batch) - changed
        self._report.removed += len(self._gone)
        self._batch, self._gone, self._batch_bytes = {}, [], 0
