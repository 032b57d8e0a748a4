"""API keys: made at random, kept as hashes in one file, and read anew by all workers as soon as the file changes.

Not in the store: what is kept there may be lost, and a store that is down must make no key wrong. One SHA-256 is
enough: a key has 256 random bits, so there is nothing to guess, and a slow hash would only cost the service, at each
request.
"""

import fcntl
import hashlib
import hmac
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from app.auth.allowance import Allowance, Unit
from app.errors import KeysUnavailable
from app.settings import Settings
from pruning.errors import InvalidInput

# By which people and scanners for leaked secrets know a key.
PREFIX = "secateurs_"
# As long as no key is; anything longer is not even hashed.
MAX_BYTES = 512


def _of(*units: Unit) -> Callable[[Allowance], Allowance]:
    def check(allowance: Allowance) -> Allowance:
        if allowance.unit not in units:
            raise ValueError(f"{allowance} should be for each {', '.join(units[:-1])} or {units[-1]}")
        return allowance

    return check


_Written = Annotated[
    Allowance,
    BeforeValidator(lambda value: Allowance.parse(value) if isinstance(value, str) else value),
    PlainSerializer(str),
]
Rate = Annotated[_Written, AfterValidator(_of("second", "minute", "hour"))]
Quota = Annotated[_Written, AfterValidator(_of("day", "month"))]


class Key(BaseModel):
    """What is known of a key. Not the key: whoever reads this can't use it."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created: date
    rate: Rate | None = None
    quota: Quota | None = None


class _Contents(BaseModel):
    """What stands in the file."""

    model_config = ConfigDict(extra="forbid")

    keys: tuple[Key, ...] = ()


class KeyFile:
    """The keys that there are, in a file that one process at a time changes, as a whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[Key, ...]:
        """The keys; none where there is no file. Raises KeysUnavailable."""
        try:
            return _Contents.model_validate_json(self.path.read_bytes()).keys
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise KeysUnavailable(f"the file of keys {self.path} can't be read: {error.strerror}") from error
        except ValidationError as error:
            raise KeysUnavailable(f"the file of keys {self.path} is wrong: {_wrong(error)}") from None

    def add(self, name: str, rate: str | None = None, quota: str | None = None) -> str:
        """Make a key and give it, once: only its hash is kept. Raises InvalidInput, KeysUnavailable, OSError."""
        made = PREFIX + secrets.token_urlsafe(32)
        asked = {"name": name, "rate": rate, "quota": quota}
        try:
            key = Key.model_validate(asked | {"sha256": digest(made.encode()), "created": datetime.now(UTC).date()})
        except ValidationError as error:
            raise InvalidInput(_wrong(error)) from None
        with self._alone():
            keys = self.read()
            if any(other.name == name for other in keys):
                raise InvalidInput(f"there is a key {name} already; `secateurs key revoke {name}` ends it")
            self._write((*keys, key))
        return made

    def revoke(self, name: str) -> None:
        """End a key. Raises InvalidInput, KeysUnavailable, OSError."""
        with self._alone():
            keys = self.read()
            left = tuple(key for key in keys if key.name != name)
            if len(left) == len(keys):
                known = ", ".join(key.name for key in keys) or "none"
                raise InvalidInput(f"there is no key {name} in {self.path}; there are: {known}")
            self._write(left)

    def version(self) -> tuple[int, int, int] | None:
        """Differs as soon as the file does; None where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(self._open_lock(), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _open_lock(self) -> int:
        """Only a new one is given away: what a link leads to is not root's to give."""
        path = str(self.path) + ".lock"
        try:
            lock = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            try:
                return os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
            except PermissionError as error:
                told = "it is another user's; remove it while no keys are made, or give it to this one"
                raise PermissionError(error.errno, told, path) from None
        self._give_to_owner_of_folder(lock)
        return lock

    def _give_to_owner_of_folder(self, file: int) -> None:
        """What root makes where the service's user keeps its state is for that user."""
        folder = self.path.parent.stat()
        if os.geteuid() == 0 != folder.st_uid:
            os.fchown(file, folder.st_uid, folder.st_gid)

    def _pass_on(self, file: int) -> None:
        """Give a new file the owner and the mode of the one that it replaces: who reads that must read this, too."""
        try:
            old = self.path.stat()
        except FileNotFoundError:
            self._give_to_owner_of_folder(file)
            return
        made = os.fstat(file)
        try:
            if (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid):
                os.fchown(file, old.st_uid, old.st_gid)
        except PermissionError as error:
            told = "it is another user's, and only they and root may change it"
            raise PermissionError(error.errno, told, str(self.path)) from None
        os.fchmod(file, stat.S_IMODE(old.st_mode))

    def _write(self, keys: Sequence[Key]) -> None:
        text = _Contents(keys=tuple(keys)).model_dump_json(indent=2, exclude_none=True)
        # The first one is readable for its owner alone, as temporary files are.
        with tempfile.NamedTemporaryFile("w", dir=self.path.parent, prefix=self.path.name, delete=False) as file:
            try:
                file.write(text + "\n")
                file.flush()
                self._pass_on(file.fileno())
                os.fsync(file.fileno())
                Path(file.name).replace(self.path)
            except BaseException:
                Path(file.name).unlink()
                raise


def _wrong(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    what = _NAME if where.endswith("name") else first["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what


_NAME = "a key's name has 1 to 64 letters, digits, dots, hyphens and underscores"


class KeyRing:
    """The keys that count at the moment: those of the file, as it is now, and one that the settings give."""

    def __init__(self, file: KeyFile, given: str | None = None) -> None:
        self._file = file
        self._given: tuple[Key, ...] = ()
        if given is not None:
            self._given = (Key(name="environment", sha256=digest(given.encode()), created=date.min),)
        self._version: tuple[int, int, int] | None = None
        self._read: tuple[Key, ...] | None = None

    @classmethod
    def of(cls, settings: Settings) -> "KeyRing":
        """Those that the settings name."""
        given = settings.api_key
        return cls(KeyFile(settings.key_file()), given.get_secret_value() if given else None)

    def current(self) -> tuple[Key, ...]:
        """All of them. Raises KeysUnavailable where the file can't be read: it may have revoked any of them."""
        version = self._file.version()
        if self._read is None or version != self._version:
            self._read = None  # what can't be read now, for want of file handles perhaps, is tried again
            self._read, self._version = self._file.read(), version
        return (*self._given, *self._read)

    def find(self, presented: bytes) -> Key | None:
        """The key that this is. How long it takes tells nothing about the others. Raises KeysUnavailable."""
        keys = self.current()
        if len(presented) > MAX_BYTES:
            return None
        hashed = digest(presented)
        found = None
        for key in keys:
            if hmac.compare_digest(key.sha256, hashed):
                found = key
        return found


def digest(key: bytes) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key).hexdigest()
