"""The command line: `secateurs serve | search | prune | clean | index | key | cache | config | model | eval`.

This module knows the arguments and imports nothing heavy, so that `--help` and mistakes answer at once; what a
command does stands in a module of its own, imported when it runs.
"""

import importlib
import os
import sys
from collections.abc import Sequence

from app.cli.arguments import build_parser

# As of grep and diff: 2 is trouble.
TROUBLE = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 where a check finds something, or 2 with one line on stderr."""
    arguments = build_parser().parse_args(argv)
    module, function = arguments.run.split(":")
    try:
        code = getattr(importlib.import_module(module), function)(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; Python would complain once more while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return TROUBLE
    except Exception as error:
        if not _is_foreseen(error):
            raise
        sys.stderr.write(f"secateurs: {_told(error)}\n")
        return TROUBLE
    return int(code or 0)


def _told(error: Exception) -> str:
    """An error in one line; the system's own without its number, and the file first."""
    message = str(error)
    if isinstance(error, OSError) and error.strerror:
        message = error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return " ".join(message.split()) or type(error).__name__


def _is_foreseen(error: Exception) -> bool:
    from pruning.errors import SecateursError  # brings the whole core along, so not for --help

    return isinstance(error, SecateursError | OSError)
