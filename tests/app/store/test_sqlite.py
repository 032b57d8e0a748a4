"""The store in a file: whatever happens to the file, to its disk, and among the processes that share it."""

import asyncio
import resource
import signal
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store import SqliteStore, StoreError
from app.store.protocol import ENTRY_OVERHEAD
from app.store.sqlite import USED_SECONDS
from tests.needs import ROOT

T = TypeVar("T")


def with_store(store: SqliteStore, use: Callable[[SqliteStore], Awaitable[T]]) -> T:
    """Use a store within an event loop, and close it."""

    async def run() -> T:
        try:
            return await use(store)
        finally:
            await store.aclose()

    return asyncio.run(run())


def files_of(path: Path) -> list[Path]:
    """The file and those that SQLite keeps beside it."""
    return [file for end in ("", "-wal", "-shm") if (file := path.with_name(path.name + end)).exists()]


async def check_works(store: SqliteStore) -> None:
    """What is set now can be got."""
    await store.set({"after": b"all is well"})
    assert {"after": b"all is well"} == await store.get(["after"])


def test_a_file_that_is_no_store_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With a warning; no caller sees an error."""
    path = tmp_path / "store.sqlite3"
    path.write_bytes(b"This is no database. " * 500)

    with_store(SqliteStore(path, 10_000), check_works)

    (warning,) = caplog.messages
    assert warning.startswith(f"the store {path} is damaged and begins anew")


def test_a_file_of_another_release_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its tables may be others."""
    path = tmp_path / "store.sqlite3"
    with_store(SqliteStore(path, 10_000), check_works)
    script = f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('PRAGMA user_version = 99')"
    subprocess.run([sys.executable, "-c", script], check=True)

    async def use(store: SqliteStore) -> None:
        assert {} == await store.get(["after"])
        await check_works(store)

    with_store(SqliteStore(path, 10_000), use)
    assert "another release" in caplog.text


def test_a_page_that_was_overwritten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Damage that shows only when a value is looked for costs the values, and no error."""
    path = tmp_path / "store.sqlite3"

    async def fill(store: SqliteStore) -> None:
        await store.set({str(number): bytes(3_000) for number in range(100)})

    async def look(store: SqliteStore) -> None:
        for number in range(100):
            await store.get([str(number)])
        await check_works(store)

    with_store(SqliteStore(path, 1_000_000), fill)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))

    with_store(SqliteStore(path, 1_000_000), look)

    assert "is damaged and begins anew" in caplog.text


def test_a_file_that_somebody_deletes(tmp_path: Path) -> None:
    """Is made anew, by a store that has it open too."""
    path = tmp_path / "folder" / "store.sqlite3"

    async def use(store: SqliteStore) -> None:
        await store.set({"before": b"1"})
        for file in files_of(path):
            file.unlink()
        assert {} == await store.get(["before"])
        await check_works(store)
        assert path.exists()

    with_store(SqliteStore(path, 10_000), use)


def test_two_that_meet_a_damaged_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The second one takes the file that the first has made, with what is in it."""
    path = tmp_path / "store.sqlite3"

    async def run() -> None:
        one, other = SqliteStore(path, 10_000), SqliteStore(path, 10_000)
        for store in (one, other):
            await store.set({"before": b"1"})
        for file in files_of(path):
            file.write_bytes(b"\xff" * file.stat().st_size)
        await one.get(["before"])
        await one.set({"new": b"2"})
        assert {"new": b"2"} == await other.get(["before", "new"])
        await one.aclose()
        await check_works(other)
        await other.aclose()

    asyncio.run(run())
    assert 1 == len(caplog.messages)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Is told as an error of the store, which names the file."""
    (tmp_path / "file").write_text("no folder")

    async def use(store: SqliteStore) -> None:
        await store.set({"key": b"value"})

    with pytest.raises(StoreError, match=r"the store .*store.sqlite3 can't be used: "):
        with_store(SqliteStore(tmp_path / "file" / "store.sqlite3", 10_000), use)


@contextmanager
def no_larger_files(most: int) -> Iterator[None]:
    """A disk on which no file grows beyond some bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk(tmp_path: Path) -> None:
    """Writing is an error, reading goes on, and once there is room again, so does writing."""

    async def use(store: SqliteStore) -> None:
        await store.set({"before": b"1"})
        with no_larger_files(150_000):
            with pytest.raises(StoreError, match="can't be used"):
                await store.set({"large": bytes(500_000)})
            assert {"before": b"1"} == await store.get(["before", "large"])
        await check_works(store)
        assert {"before": b"1"} == await store.get(["before", "large"])

    with_store(SqliteStore(tmp_path / "store.sqlite3", 10_000_000), use)


def test_clearing_gives_the_disk_back(tmp_path: Path) -> None:
    """The file is small again."""
    path = tmp_path / "store.sqlite3"

    async def use(store: SqliteStore) -> None:
        await store.set({str(number): bytes(10_000) for number in range(100)})
        await store.clear()

    with_store(SqliteStore(path, 10_000_000), use)
    assert sum(file.stat().st_size for file in files_of(path)) < 100_000


WRITER = """
import asyncio, sys
from pathlib import Path
from app.store import SqliteStore

async def run(name):
    store = SqliteStore(Path(sys.argv[1]), 200_000)
    for number in range(60):
        await store.set({f"{name}-{number}": bytes([number]) * 2_000, "shared": name.encode() * 1_000})
        await store.add("counter")
        found = await store.get([f"{name}-{number}", "shared"])
        assert found[f"{name}-{number}"] == bytes([number]) * 2_000, found
        assert len(set(found["shared"])) == 1, found
    await store.aclose()

asyncio.run(run(sys.argv[2]))
"""


def test_processes_that_write_at_once(tmp_path: Path) -> None:
    """Each finds what it wrote, nobody sees half of a value, no addition is lost, and the bound holds."""
    path = tmp_path / "store.sqlite3"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, name], cwd=ROOT, stderr=subprocess.PIPE) for name in "abcd"]

    assert [b""] * 4 == [writer.communicate()[1] for writer in writers]

    async def use(store: SqliteStore) -> None:
        assert 240 == await store.add("counter", 0)
        assert (await store.usage()).bytes <= 200_000

    with_store(SqliteStore(path, 200_000), use)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


KEYS = st.sampled_from("abcdefgh")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), KEYS, st.integers(0, 400), st.none() | st.integers(1, 2_000)),
        st.tuples(st.just("get"), KEYS),
        st.tuples(st.just("wait"), st.integers(1, 1_000)),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_it_is_the_least_recently_used_dictionary_with_ends(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, ...]]
) -> None:
    """After any calls at any times it holds exactly what a dictionary with the same rules holds."""
    most, clock = 1_000, Clock()
    model: OrderedDict[str, tuple[bytes, float]] = OrderedDict()  # least recently used first

    def set_in_model(key: str, value: bytes, end: float) -> None:
        for old in [old for old, (_, old_end) in model.items() if old_end <= clock.now]:
            del model[old]
        model.pop(key, None)
        model[key] = value, end
        while sum(1 + len(value) + ENTRY_OVERHEAD for value, _ in model.values()) > most:
            model.popitem(last=False)

    async def use(store: SqliteStore) -> None:
        for step in steps:
            clock.now += USED_SECONDS + 1  # so that each use is written down
            match step:
                case ("set", key, size, seconds):
                    await store.set({key: bytes(size)}, seconds=seconds)
                    set_in_model(key, bytes(size), float("inf") if seconds is None else clock.now + seconds)
                case ("get", key):
                    value, end = model.get(key, (b"", 0.0))
                    alive = end > clock.now
                    assert ({key: value} if alive else {}) == await store.get([key])
                    if alive:
                        model.move_to_end(key)
                case ("wait", seconds):
                    clock.now += seconds
            assert (await store.usage()).bytes <= most
        alive = {key: value for key, (value, end) in model.items() if end > clock.now}
        assert alive == await store.get("abcdefgh")

    with_store(SqliteStore(tmp_path_factory.mktemp("store") / "file", most, clock=clock), use)
