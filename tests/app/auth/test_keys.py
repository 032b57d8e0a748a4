"""The file of keys, and the keys that count at the moment."""

import hashlib
import json
import os
import resource
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth.keys import PREFIX, Key, KeyFile, KeyRing
from app.errors import KeysUnavailable
from app.settings import Settings
from pruning.errors import InvalidInput


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    """A file that is not there yet, nor its folder."""
    return KeyFile(tmp_path / "state" / "keys.json")


def find(ring: KeyRing, presented: str) -> str | None:
    """The name of the key that this is."""
    key = ring.find(presented.encode())
    return key.name if key else None


def test_a_key_is_known_and_nothing_else(file: KeyFile) -> None:
    """By all of its characters."""
    ring = KeyRing(file)
    made = file.add("one")

    assert "one" == find(ring, made)
    assert [None] * 5 == [find(ring, other) for other in ("", made[:-1], f"{made}x", made.upper(), PREFIX)]


def test_keys_are_random(file: KeyFile) -> None:
    """256 bits each, in letters that need no quoting anywhere."""
    made = [file.add(f"key-{number}") for number in range(20)]

    assert 20 == len(set(made))
    assert {len(PREFIX) + 43} == {len(key) for key in made}
    assert all(key.startswith(PREFIX) and key.replace("-", "").replace("_", "").isalnum() for key in made)


def test_only_hashes_are_kept(file: KeyFile) -> None:
    """For their owner's eyes alone; and what is kept is no key."""
    made = file.add("one", "60/minute", "10000/month")
    text = file.path.read_text()
    (kept,) = json.loads(text)["keys"]

    assert made.removeprefix(PREFIX) not in text
    assert hashlib.sha256(made.encode()).hexdigest() == kept["sha256"]
    assert ("60/minute", "10000/month") == (kept["rate"], kept["quota"])
    assert 0o600 == stat.S_IMODE(file.path.stat().st_mode)
    assert None is find(KeyRing(file), kept["sha256"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_who_may_read_the_file_stays(file: KeyFile) -> None:
    """Root changes a key of a service that runs as another user; and another user can't take the file away from it."""
    file.add("one")
    os.chown(file.path, 4711, 4712)
    file.path.chmod(0o640)
    file.add("two")
    found = file.path.stat()
    assert (4711, 4712, 0o640) == (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))

    os.chown(file.path, 0, 0)
    file.path.chmod(0o644)
    with TemporaryDirectory() as folder:  # pytest's own are for their owner alone
        shutil.copytree(file.path.parent, folder, dirs_exist_ok=True)
        for path in (Path(folder), *Path(folder).glob("*.lock")):
            path.chmod(0o777)
        os.seteuid(65534)
        try:
            with pytest.raises(PermissionError, match="only they and root may change it"):
                KeyFile(Path(folder) / file.path.name).revoke("two")
        finally:
            os.seteuid(0)
        assert ["keys.json", "keys.json.lock"] == sorted(path.name for path in Path(folder).iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_what_root_makes_first_is_for_the_owner_of_the_folder() -> None:
    """The service's user reads the keys that root has made for it, and makes more."""
    with TemporaryDirectory() as folder:  # pytest's own are for their owner alone
        file = KeyFile(Path(folder) / "keys.json")
        os.chown(folder, 65534, os.getegid())
        file.add("one")
        os.seteuid(65534)
        try:
            file.add("two")
            assert ["one", "two"] == [key.name for key in file.read()]
        finally:
            os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_the_lock_of_another_user_is_told() -> None:
    """With what to do about it."""
    with TemporaryDirectory() as folder:
        Path(folder, "keys.json.lock").touch(0o600)
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
        try:
            with pytest.raises(PermissionError, match="another user's; remove it"):
                KeyFile(Path(folder) / "keys.json").add("one")
        finally:
            os.seteuid(0)


def test_root_gives_nothing_away_by_a_link(tmp_path: Path) -> None:
    """A lock that leads elsewhere is refused."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("kept")
    (tmp_path / "keys.json.lock").symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links"):
        KeyFile(tmp_path / "keys.json").add("one")
    assert "kept" == elsewhere.read_text()


def test_the_mode_of_the_file_stays(file: KeyFile) -> None:
    """An operator has let a group read it."""
    file.add("one")
    file.path.chmod(0o640)
    file.revoke("one")
    assert 0o640 == stat.S_IMODE(file.path.stat().st_mode)


def test_a_revoked_key_is_none(file: KeyFile) -> None:
    """In a process that has known it, at once; the others stay."""
    ring = KeyRing(file)
    one, two = file.add("one"), file.add("two")
    assert ("one", "two") == (find(ring, one), find(ring, two))
    file.revoke("one")

    assert (None, "two") == (find(ring, one), find(ring, two))


def test_a_name_is_given_once(file: KeyFile) -> None:
    """And again when it was revoked, for another key."""
    first = file.add("one")
    with pytest.raises(InvalidInput, match="there is a key one already; `secateurs key revoke one` ends it"):
        file.add("one")
    file.revoke("one")
    second = file.add("one")

    assert (None, "one") == (find(KeyRing(file), first), find(KeyRing(file), second))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"name": ""}, "name: a key's name has 1 to 64 letters"),
        ({"name": "a b"}, "name: a key's name has 1 to 64 letters"),
        ({"name": "a", "rate": "10/day"}, "rate: 10/day should be for each second, minute or hour"),
        ({"name": "a", "quota": "10/minute"}, "quota: 10/minute should be for each day or month"),
        ({"name": "a", "quota": "many"}, "quota: 'many' should be a number of requests and a unit"),
    ],
)
def test_a_wrong_wish_is_told(file: KeyFile, asked: dict[str, str], told: str) -> None:
    """In one line, and nothing is written."""
    with pytest.raises(InvalidInput) as caught:
        file.add(**asked)
    assert str(caught.value).startswith(told)
    assert () == file.read()


def test_revoking_what_is_not_there(file: KeyFile) -> None:
    """Names those that are."""
    with pytest.raises(InvalidInput, match=r"there is no key none in .*; there are: none$"):
        file.revoke("none")
    file.add("one")
    with pytest.raises(InvalidInput, match=r"there are: one$"):
        file.revoke("two")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "EOF"),
        ("{", "EOF"),
        ('{"keys": [{"name": "a"}]}', "keys.0.sha256: Field required"),
        ('{"keys": [{"name": "a", "sha256": "secret", "created": "2026-01-01"}]}', "keys.0.sha256: String should"),
        ('{"keys": [], "more": 1}', "more: Extra inputs"),
    ],
)
def test_a_damaged_file_lets_nobody_in(file: KeyFile, text: str, told: str) -> None:
    """It may have revoked any key, so none counts until it is mended; that isn't said to be the key's fault."""
    ring = KeyRing(file, "given-in-the-environment")
    made = file.add("one")
    whole = file.path.read_text()
    assert "one" == find(ring, made)
    file.path.write_text(text)

    for _ in range(2):
        with pytest.raises(KeysUnavailable) as caught:
            find(ring, made)
        assert told in str(caught.value)
        assert "secret" not in str(caught.value)
    file.path.write_text(whole)
    assert "one" == find(ring, made)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """A folder in its place is told as what it is, and so is a place where there can't be one."""
    with pytest.raises(KeysUnavailable, match="can't be read: Is a directory"):
        KeyRing(KeyFile(tmp_path)).find(b"key")
    (tmp_path / "file").touch()
    with pytest.raises(KeysUnavailable, match="can't be read: Not a directory"):
        KeyRing(KeyFile(tmp_path / "file" / "keys.json")).find(b"key")


def test_a_file_that_can_be_read_again_counts_again(file: KeyFile) -> None:
    """Though it has not changed: a process may have run out of file handles for a moment."""
    made, ring = file.add("one"), KeyRing(file)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, most[1]))
    try:
        with pytest.raises(KeysUnavailable, match="can't be read: Too many open files"):
            ring.find(made.encode())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)

    assert "one" == find(ring, made)


def test_the_settings_give_one_more(tmp_path: Path) -> None:
    """Beside those of the file, without limits."""
    given = "0123456789abcdef0123"
    ring = KeyRing.of(Settings(state_dir=tmp_path, api_key=given))
    made = KeyFile(tmp_path / "keys.json").add("one", rate="1/minute")

    assert ("environment", "one", None) == (find(ring, given), find(ring, made), find(ring, "another"))
    (key,) = [key for key in ring.current() if key.name == "environment"]
    assert (None, None) == (key.rate, key.quota)
    assert given not in repr(ring.current())


def test_the_settings_name_the_file(tmp_path: Path) -> None:
    """A secret that is mounted somewhere else."""
    made = KeyFile(tmp_path / "secret").add("one")
    assert "one" == find(KeyRing.of(Settings(state_dir=tmp_path, keys_file=tmp_path / "secret")), made)


def test_adding_at_once(file: KeyFile) -> None:
    """No key is lost, though each opens the file for itself, as processes do."""
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda number: KeyFile(file.path).add(f"key-{number}"), range(40)))

    ring = KeyRing(file)
    assert [f"key-{number}" for number in range(40)] == [find(ring, key) for key in made]
    assert {"keys.json", "keys.json.lock"} == {path.name for path in file.path.parent.iterdir()}


KEY = "a-key-that-the-settings-give"


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")) | st.just(KEY.encode() * 50_000))
def test_whatever_is_presented(presented: bytes) -> None:
    """Any bytes are the key or are not."""
    found = KeyRing(KeyFile(Path("/nowhere/keys.json")), KEY).find(presented)
    assert (presented == KEY.encode()) == (found is not None)


def test_what_is_kept_survives_the_file() -> None:
    """Written and read again, a key is the same."""
    asked = {"name": "a", "sha256": "0" * 64, "created": "2026-01-01", "rate": "5/second", "quota": "7/day"}
    key = Key.model_validate(asked)
    assert key == Key.model_validate_json(key.model_dump_json())
