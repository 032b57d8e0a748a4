"""What the tools over MCP do to the rest of the service; the tools themselves are tried in tests/compat."""

import subprocess
import sys

from tests.needs import ROOT


def test_logging_is_left_to_who_configures_it() -> None:
    """The protocol's package would give the root logger a handler that repeats every line."""
    script = "import logging; from app.main import create_app; create_app(); print(logging.getLogger().handlers)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout
