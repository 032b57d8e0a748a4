"""The command line is run in the tests' own process here, whose logging is not the command's."""

import logging
from collections.abc import Iterator

import pytest

from app.logs import OURS


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """What a command sets up for its process ends with the test: its handler writes to a stderr that is closed then."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    levels = {logger: logger.level for logger in (root, logging.getLogger(OURS), logging.getLogger("mcp"))}
    yield
    root.handlers[:] = handlers
    for logger, level in levels.items():
        logger.setLevel(level)
    logging.captureWarnings(False)
