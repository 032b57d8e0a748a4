"""Waiting for what another thread or process does; how long it takes is not the question."""

import time
from collections.abc import Callable

# A state that does not come in so many seconds never comes.
PATIENCE = 120.0


def until(is_so: Callable[[], bool]) -> None:
    """Wait for a state; a test that never sees it fails."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)
