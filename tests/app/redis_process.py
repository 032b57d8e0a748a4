"""A real Redis server of a test's own."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis


class RedisProcess:
    """A Redis server on a socket in a folder, which can be killed and started again. It keeps nothing on disk."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self._command = [str(program), "--port", "0", "--unixsocket", str(self._socket), "--save", ""]
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        """Start, and wait until it answers: its socket exists, and refuses, before it listens there."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, cwd=self._socket.parent)
        with redis.Redis.from_url(self.url) as client:
            while not _answers(client):
                assert self._process.poll() is None
                time.sleep(0.01)

    def kill(self) -> None:
        """Kill it in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._socket.unlink(missing_ok=True)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@contextmanager
def running_redis(program: Path) -> Iterator[RedisProcess]:
    """A running server. Its folder has a short name, since a socket's path has some 100 characters at most."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisProcess(program, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()
