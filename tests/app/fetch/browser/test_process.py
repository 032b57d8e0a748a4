"""A browser of our own: how it starts, that nothing of it outlives us, and what is told when it does not start."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.fetch.browser.connection import BrowserDown, Connection
from app.fetch.browser.process import FLAGS, Process
from app.seam import in_thread
from tests.needs import ROOT

pytestmark = pytest.mark.anyio

SERVICE = """
import asyncio, json, sys
from app.fetch.browser.process import Process
async def main():
    process = await Process.start(sys.argv[1])
    print(json.dumps([process._process.pid, str(process._folder)]), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def failure(command: str) -> str:
    with pytest.raises(BrowserDown) as caught:
        await Process.start(command)
    return str(caught.value)


async def test_it_starts_and_ends(chromium: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an environment that holds no keys; its folder and all its processes go with it."""
    monkeypatch.setenv("SECATEURS_BRAVE_KEY", "secret")
    process = await Process.start(f"{chromium} --no-sandbox")
    connection = await Connection.open(process.url)
    version = await connection.command("Browser.getVersion")
    group = process._process.pid
    seen = environments(group)
    await connection.aclose()
    await process.aclose()

    assert "Chrome/" in version["product"]
    assert seen
    assert not any(b"secret" in environment for environment in seen)
    assert not await in_thread(process._folder.exists)
    assert not alive(group)


def environments(group: int) -> list[bytes]:
    """Those of all processes of the group."""
    return [path.read_bytes() for path in Path("/proc").glob("[0-9]*/environ") if is_of(path, group)]


def is_of(path: Path, group: int) -> bool:
    try:
        return os.getpgid(int(path.parent.name)) == group and os.access(path, os.R_OK)
    except ProcessLookupError:
        return False


def alive(group: int) -> bool:
    """Whether any process of the group still runs; one that waits for its parent's notice does not."""
    stats = [path for path in Path("/proc").glob("[0-9]*/stat") if is_of(path, group)]
    return any(path.read_text().rpartition(")")[2].split()[0] != "Z" for path in stats if path.exists())


async def test_it_does_not_outlive_the_service(chromium: Path) -> None:
    """Nor does its folder, not even a service that is killed and can clean up nothing."""
    service = subprocess.Popen(  # noqa: ASYNC220 - it is waited for by its end alone
        [sys.executable, "-c", SERVICE, f"{chromium} --no-sandbox"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert service.stdout is not None
    group, folder = json.loads(service.stdout.readline())
    assert alive(group)
    service.send_signal(signal.SIGKILL)
    service.communicate()

    async with asyncio.timeout(30):
        while alive(group) or await in_thread(Path(folder).exists):
            await asyncio.sleep(0.02)


def test_a_container_has_the_same_flags() -> None:
    """Less those that say where it runs and what it is, and with the proxy's name instead of its address."""
    container = (ROOT / "docker/chromium/start-chromium").read_text()
    own = {"--headless=new", "--remote-debugging-port=0", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"}

    assert set() == {flag for flag in FLAGS if f"    {flag} \\\n" not in container} - own
    assert '--host-resolver-rules="MAP * ~NOTFOUND, EXCLUDE ${PROXY_HOST:-secateurs}"' in container


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("sh -c 'echo no display >&2; exit 1'", "the browser did not start: no display"),
        ("true", "the browser did not start: it says nothing"),
    ],
)
async def test_what_it_says_is_told_when_it_does_not_start(command: str, problem: str) -> None:
    """The last of it."""
    assert problem == await failure(command)


async def test_a_program_that_is_not_there_is_named() -> None:
    """By the shell's own message."""
    assert "no-such-browser" in await failure("no-such-browser")


async def test_one_that_does_not_come_up_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time."""
    monkeypatch.setattr("app.fetch.browser.process.START_SECONDS", 0.1)
    assert "the browser did not start within 0.1 s" == await failure("sh -c 'sleep 600'")
