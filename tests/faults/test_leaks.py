"""Many searches among random faults leave nothing behind: no task, connection, file or child, and level memory.

Some are cut short by their deadline, some by callers who hang up. `make test-leaks` searches a thousand times.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.faults.conftest import good_pages
from tests.faults.leaks import UNBOUND, inventory
from tests.faults.server import FAULTS, FAULTY, FaultyServer
from tests.needs import ROOT

SEARCHES = int(os.environ.get("SECATEURS_TESTS_SEARCHES", "40"))
# Memory that caches, arenas and compiled patterns may still take once they are warm.
MEGABYTES = 20 + SEARCHES / 50


def test_nothing_is_left_behind(faulty: FaultyServer, tmp_path: Path) -> None:
    """What is there afterwards was there before."""
    addresses = [f"http://{FAULTY}:{faulty.port}/{name}" for name in FAULTS]
    addresses += [url for url, _ in good_pages(faulty, len(FAULTS))]
    faulty.finds = [(url, "a snippet") for url in addresses]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary), "SECATEURS_STATE_DIR": str(tmp_path / "state")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.leaks", str(faulty.port), str(SEARCHES)],
        input=json.dumps(addresses),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1_800,
    )
    assert 0 == done.returncode, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    sys.stderr.write(f"{json.dumps(told)}\n")

    before, after = told["before"], told["after"]
    assert {} == {name: (before[name], after[name]) for name in set(after) - UNBOUND if after[name] > before[name]}
    assert 0 == after["temporary_files"]
    assert after["megabytes"] - before["megabytes"] < MEGABYTES
    assert {"200"} >= set(told["statuses"]) - {"0", "502", "504"}  # hung up; 200 ms were too short
    assert told["statuses"]["200"] > SEARCHES / 2
    assert set() == faulty.open


def test_it_would_be_noticed() -> None:
    """The inventory sees an open file and an open socket."""
    before = inventory()
    with Path(__file__).open(), socket.socket():
        during = inventory()
    assert (before["files"] + 1, before["sockets"] + 1) == (during["files"], during["sockets"])
