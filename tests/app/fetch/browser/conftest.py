"""A real Chromium, started as bare as anybody might run one, so that nothing is guarded by flags of its command."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.fetch import Guard
from app.fetch.browser import Browser, BrowserOptions
from app.fetch.browser.connection import Connection
from tests.app.fetch.conftest import Site

AGENT = "secateurs/1 (tests)"
Start = Callable[..., Browser]


@pytest.fixture(scope="session")
def devtools(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The DevTools URL of a browser that runs on its own, and would open every window that a page asks for."""
    folder = tmp_path_factory.mktemp("chromium")
    flags = ("--headless=new", "--no-sandbox", "--remote-debugging-port=0", "--disable-popup-blocking")
    process = subprocess.Popen(
        [chromium, *flags, f"--user-data-dir={folder}"], stderr=subprocess.PIPE, start_new_session=True, text=True
    )
    assert process.stderr is not None
    line = next(line for line in process.stderr if "DevTools listening on" in line)
    yield f"http://{line.split('/')[2]}"
    process.terminate()
    process.communicate(timeout=30)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def start(site: Site, devtools: str) -> AsyncIterator[Start]:
    """Makes browsers with these options, that may reach `site`; by default over the one that runs."""
    made: list[Browser] = []

    def make(guard: Guard | None = None, **options: Any) -> Browser:
        where = {} if "command" in options or "url" in options else {"url": devtools}
        chosen = BrowserOptions(**({"seconds": 60.0} | where | options))
        made.append(Browser(guard or Guard(allowed_hosts=frozenset({site.host})), chosen, user_agent=AGENT))
        return made[-1]

    yield make
    for browser in made:
        await browser.aclose()


@pytest.fixture
async def contexts(devtools: str) -> AsyncIterator[Callable[[], Awaitable[list[str]]]]:
    """Asks the browser, over a connection of its own, which contexts and windows of theirs there are."""
    connection = await Connection.open(devtools)

    async def ask() -> list[str]:
        known = (await connection.command("Target.getBrowserContexts"))["browserContextIds"]
        targets = (await connection.command("Target.getTargets"))["targetInfos"]
        return [*known, *(target["url"] for target in targets if target.get("browserContextId") in known)]

    yield ask
    await connection.aclose()
