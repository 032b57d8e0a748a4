"""`secateurs index`: a folder of HTML files into the search index."""

import argparse
import sys

from app.cli.progress import file_progress
from app.search import LocalIndex
from app.settings import load_settings


def run(arguments: argparse.Namespace) -> None:
    """Index the folder; what could not be read is told, and the rest is indexed. Raises InvalidInput, SearchError."""
    settings = load_settings()
    with file_progress("index") as progress:
        report = LocalIndex(settings.index_file(), settings.page_limits()).index(
            arguments.folder, arguments.url, progress
        )
    for failure in report.failures:
        sys.stderr.write(f"secateurs: {failure.path}: {failure.problem}\n")
    counts = f"{report.added} added, {report.changed} changed, {report.removed} removed, {report.unchanged} unchanged"
    sys.stderr.write(f"{counts}, {len(report.failures)} failed: {settings.index_file()}\n")
