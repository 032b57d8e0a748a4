"""A real `secateurs serve` on a real socket, for the benchmarks that ask it."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def service(**settings: str) -> Iterator[int]:
    """A running service with a state of its own, without a model unless `settings` name one; its port."""
    command = [str(Path(sys.executable).parent / "secateurs"), "serve", "--port", "0"]
    with tempfile.TemporaryDirectory() as state:
        environment = os.environ | {
            "SECATEURS_STATE_DIR": state,
            "SECATEURS_EMBEDDER": "none",
            "SECATEURS_LOG_LEVEL": "error",
            "SECATEURS_KEYS_REQUIRED": "false",
        }
        process = subprocess.Popen(command, env=environment | settings, stdout=subprocess.PIPE, text=True)
        try:
            yield _port(process)
        finally:
            process.terminate()
            process.wait()


def _port(process: "subprocess.Popen[str]") -> int:
    """Where the service says that it listens, once it is ready."""
    assert process.stdout
    for line in process.stdout:
        found = re.search(r"ready on http://[^:]+:(\d+)", line)
        if found:
            return int(found[1])
    raise SystemExit("the service ended before it was ready")
