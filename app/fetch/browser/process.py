"""A browser that the service starts for itself, for whoever has no container for it: `browser_command`."""

import asyncio
import os
import re
import shlex
import shutil
import signal
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from app.fetch.browser.connection import BrowserDown
from app.seam import in_thread
from pruning.errors import InvalidInput, reason

# Each for a reason; docs/browser.md lists them for the command of a container as well.
FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    # What would not go through the proxy: QUIC, WebRTC over UDP, lookups of names.
    "--disable-quic",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    # What the browser would ask the web for of its own accord.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-pings",
    # What nobody looks at or needs.
    "--disable-extensions",
    "--disable-gpu",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    # Containers have 64 MB of shared memory.
    "--disable-dev-shm-usage",
)
START_SECONDS = 20.0
_TOLD_LINES = 3

# Two shells that wait for the end of their input, which comes when we close it, or when this process dies in any way.
# One then takes its whole process group along; the other, in a session of its own, removes what is left of the folder.
# Closing their own stderr leaves that of the browser to tell of its end.
_GUARDIAN = """exec 3<&0; folder=$1; shift
setsid sh -c 'read -r _; sleep 1; rm -rf -- "$0"' "$folder" <&3 2>&- &
"$@" </dev/null 3<&- & exec 2>&-; read -r _; kill -KILL 0"""


class Process:
    """A running browser and its folder."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._said: deque[str] = deque(maxlen=_TOLD_LINES)
        self._url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, command: str) -> "Process":
        """Start the browser. Raises BrowserDown when it can't be started or does not come up."""
        folder = Path(await in_thread(lambda: tempfile.mkdtemp(prefix="secateurs-browser-")))
        words = [*check_command(command), *FLAGS, f"--user-data-dir={folder / 'profile'}"]
        try:
            process = await asyncio.create_subprocess_exec(
                *("sh", "-c", _GUARDIAN, "browser", str(folder), *words),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=_environment(folder),
                start_new_session=True,
            )
        except OSError as error:
            await in_thread(_remove, folder)
            raise BrowserDown(f"the browser can't be started: {reason(error)}") from error
        started = cls(process, folder)
        try:
            async with asyncio.timeout(START_SECONDS):
                await asyncio.shield(started._url)
        except TimeoutError:
            await started.aclose()
            raise BrowserDown(f"the browser did not start within {START_SECONDS:g} s") from None
        except BaseException:
            await started.aclose()
            raise
        return started

    @property
    def url(self) -> str:
        """Its DevTools URL."""
        return self._url.result()

    async def aclose(self) -> None:
        """End it and all its processes at once, and remove its folder."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._listening.cancel()
        await asyncio.gather(self._listening, self._process.wait(), return_exceptions=True)
        await in_thread(_remove, self._folder)

    async def _listen(self) -> None:
        """Read what it says as long as it lives, or it would block; its address is among it."""
        assert self._process.stderr is not None
        async for line in _lines(self._process.stderr):
            self._said.append(line)
            found = re.search(r"DevTools listening on (ws://\S+)", line)
            if found and not self._url.done():
                self._url.set_result(found[1])
        if not self._url.done():
            said = "; ".join(self._said) or "it says nothing"
            self._url.set_exception(BrowserDown(f"the browser did not start: {reason(ValueError(said))}"))


def check_command(command: str) -> list[str]:
    """The words of a command. Raises InvalidInput where they can't be told apart, or are none."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InvalidInput(f"the browser's command can't be read: {reason(error)}") from error
    if not words:
        raise InvalidInput("the browser's command is empty")
    return words


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    while True:
        try:
            line = await stream.readline()
        except ValueError:  # longer than the stream's buffer, which is emptied
            continue
        if not line:
            return
        yield line.decode("utf-8", "replace").strip()


def _environment(folder: Path) -> dict[str, str]:
    """What the browser needs, and nothing else: the service's own environment holds its keys."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "PATH") if name in os.environ}
    return kept | {"HOME": str(folder), "TMPDIR": str(folder)}


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
