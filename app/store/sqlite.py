"""The store in one SQLite file, shared by the processes of one machine.

Whatever happens to the file costs the entries in it and nothing else: a damaged one is replaced with a warning, one
that somebody deleted is made anew.
"""

import fcntl
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from app.seam import in_thread
from app.store.protocol import StoreError, Usage, cost

log = logging.getLogger("secateurs")

T = TypeVar("T")

# Bump when the tables change; a file of another release is replaced.
SCHEMA = 1
BUSY_SECONDS = 5.0
# Reading writes down that it happened, but not more often than this.
USED_SECONDS = 60.0
# Keys in one statement; SQLite takes 32,766 at most.
BATCH = 500
# Rows looked at together when room is made.
VICTIMS = 100
WAL_BYTES = 8_000_000

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# Contents apart from what is known of them: using an entry must not write its value again.
_CREATE = f"""
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, size INTEGER NOT NULL, expires REAL, used REAL NOT NULL
    );
    CREATE INDEX entries_by_use ON entries (used, id);
    CREATE INDEX entries_by_end ON entries (expires) WHERE expires IS NOT NULL;
    CREATE TABLE contents (id INTEGER PRIMARY KEY, value BLOB NOT NULL);
    CREATE TABLE counters (key TEXT PRIMARY KEY, value INTEGER NOT NULL, expires REAL) WITHOUT ROWID;
    CREATE INDEX counters_by_end ON counters (expires) WHERE expires IS NOT NULL;
    CREATE TABLE total (entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
    INSERT INTO total VALUES (0, 0);
    CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
        UPDATE total SET entries = entries + 1, bytes = bytes + NEW.size;
    END;
    CREATE TRIGGER entry_gone AFTER DELETE ON entries BEGIN
        UPDATE total SET entries = entries - 1, bytes = bytes - OLD.size;
        DELETE FROM contents WHERE id = OLD.id;
    END;
    PRAGMA user_version = {SCHEMA};
"""
_ADD = """
    INSERT INTO counters (key, value, expires) VALUES (:key, :amount, :expires)
    ON CONFLICT (key) DO UPDATE SET value = value + excluded.value
    RETURNING value
"""


class SqliteStore:
    """A `Store` in a file. One connection, and one thread that uses it; other processes are waited for.

    The file is larger than its values by what SQLite needs around them, about a third for small ones.
    """

    def __init__(self, path: Path, max_bytes: int, *, clock: Callable[[], float] = time.time) -> None:
        """Name the file; it is opened, or made, at the first use.

        Args:
            path: the file; its folder is made where there is none.
            max_bytes: of all entries, as `cost` counts them.
            clock: seconds, the same in all processes.
        """
        self._path = path
        self._max_bytes = max_bytes
        self._clock = clock
        # SQLite's calls take turns anyway. Among the pages, which take seconds, counting requests would wait for them.
        self._thread = ThreadPoolExecutor(1, "store")  # ends with the store
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def __str__(self) -> str:
        return str(self._path)

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """See `Store`."""
        return await self._work(partial(self._get, keys)) if keys else {}

    async def set(self, values: Mapping[str, bytes], *, seconds: float | None = None) -> None:
        """See `Store`."""
        if values:
            await self._work(partial(self._set, values, seconds))

    async def delete(self, keys: Sequence[str]) -> None:
        """See `Store`."""
        await self._work(partial(_delete, keys))

    async def add(self, key: str, amount: int = 1, *, seconds: float | None = None) -> int:
        """See `Store`."""
        return await self._work(partial(self._add, key, amount, seconds))

    async def clear(self) -> None:
        """See `Store`; gives the room on the disk back."""
        await self._work(_clear)

    async def usage(self) -> Usage:
        """See `Store`."""
        return await self._work(_usage)

    async def aclose(self) -> None:
        """See `Store`."""
        await in_thread(self._close, threads=self._thread)

    async def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await in_thread(self._run, work, threads=self._thread)

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Work on the open file; once more on a new one where it turns out to be damaged. Raises StoreError."""
        try:
            try:
                return work(self._open())
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._replace(error)
                return work(self._open())
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"the store {self._path} can't be used: {error}") from error

    def _get(self, keys: Sequence[str], connection: sqlite3.Connection) -> dict[str, bytes]:
        now = self._clock()
        found = {}
        unmarked = []
        for some in _batches(keys):
            rows = connection.execute(
                "SELECT key, value, id, used FROM entries JOIN contents USING (id) "
                f"WHERE key IN ({_marks(some)}) AND (expires IS NULL OR expires > ?)",
                (*some, now),
            )
            for key, value, number, used in rows:
                found[key] = value
                if not now - USED_SECONDS < used <= now:
                    unmarked.append(number)
        with suppress(sqlite3.OperationalError):  # a full disk or a busy file costs the mark, not the values
            for some in _batches(unmarked):
                connection.execute(f"UPDATE entries SET used = ? WHERE id IN ({_marks(some)})", (now, *some))
        return found

    def _set(self, values: Mapping[str, bytes], seconds: float | None, connection: sqlite3.Connection) -> None:
        now = self._clock()
        expires = None if seconds is None else now + seconds
        sizes = {key: cost(key, value) for key, value in values.items()}
        with _transaction(connection) as execute:
            execute("DELETE FROM entries WHERE expires <= ?", (now,))
            for key, value in values.items():
                execute("DELETE FROM entries WHERE key = ?", (key,))
                if sizes[key] <= self._max_bytes:
                    row = (key, sizes[key], expires, now)
                    added = execute("INSERT INTO entries (key, size, expires, used) VALUES (?, ?, ?, ?)", row)
                    execute("INSERT INTO contents (id, value) VALUES (?, ?)", (added.lastrowid, value))
            self._make_room(connection)

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Forget what was used least recently until the rest is within the bound."""
        while (surplus := _usage(connection).bytes - self._max_bytes) > 0:
            oldest = connection.execute("SELECT id, size FROM entries ORDER BY used, id LIMIT ?", (VICTIMS,)).fetchall()
            victims = []
            for number, size in oldest:
                if surplus > 0:
                    victims.append(number)
                    surplus -= size
            connection.execute(f"DELETE FROM entries WHERE id IN ({_marks(victims)})", victims)

    def _add(self, key: str, amount: int, seconds: float | None, connection: sqlite3.Connection) -> int:
        now = self._clock()
        row = {"key": key, "amount": amount, "expires": None if seconds is None else now + seconds}
        with _transaction(connection) as execute:
            execute("DELETE FROM counters WHERE expires <= ?", (now,))
            [[value]] = execute(_ADD, row).fetchall()
        return int(value)

    def _open(self) -> sqlite3.Connection:
        """The connection, to the file that lies there now: another process may have replaced it."""
        if self._connection is not None and self._inode == _inode(self._path):
            return self._connection
        self._close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._alone():
            connection = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                if _prepare(connection) != SCHEMA:
                    raise sqlite3.DatabaseError(f"{self._path} is of another release")
            except BaseException:
                connection.close()
                raise
            self._connection, self._inode = connection, _inode(self._path)
        return connection

    def _replace(self, damage: sqlite3.DatabaseError) -> None:
        """Delete the damaged file, unless another process has done so already."""
        opened = self._inode
        self._close()
        with self._alone():
            if opened and opened != _inode(self._path):
                return
            log.warning("the store %s is damaged and begins anew: %s", self._path, damage)
            for name in (self._path, *(self._path.with_name(self._path.name + end) for end in ("-wal", "-shm"))):
                name.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Files are made and deleted by one process at a time."""
        with self._path.with_name(self._path.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _close(self) -> None:
        connection, self._connection, self._inode = self._connection, None, 0
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def _prepare(connection: sqlite3.Connection) -> int:
    """Make the tables where there are none, and give the version of those that there are."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        connection.executescript(f"BEGIN IMMEDIATE; {_CREATE} COMMIT;")
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is to blame: what lies there is no store of ours."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # raised by ourselves, for a file of another release
        return type(error) is sqlite3.DatabaseError
    return code & 0xFF in _DAMAGED


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[Callable[..., sqlite3.Cursor]]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection.execute
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk may have ended it already
            connection.rollback()
        raise
    connection.execute("COMMIT")


def _delete(keys: Sequence[str], connection: sqlite3.Connection) -> None:
    for some in _batches(keys):
        connection.execute(f"DELETE FROM entries WHERE key IN ({_marks(some)})", some)


def _clear(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM entries")
    connection.executescript("PRAGMA incremental_vacuum")  # `execute` would take a single step of it


def _usage(connection: sqlite3.Connection) -> Usage:
    entries, size = connection.execute("SELECT entries, bytes FROM total").fetchone()
    return Usage(entries=entries, bytes=size)


def _batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[at : at + BATCH] for at in range(0, len(values), BATCH))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0
