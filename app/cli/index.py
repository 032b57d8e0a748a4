"""`secateurs index`: a folder of HTML and Markdown files into the search index, or out of it, or what is in it."""

import argparse
import sys

from app.cli.files import write
from app.cli.progress import file_progress
from app.cli.sample import SITE
from app.search import LocalIndex
from app.settings import Settings, load_settings


def run(arguments: argparse.Namespace) -> None:
    """Index the folder; what could not be read is told, and the rest is indexed. Raises InvalidInput, SearchError."""
    settings = load_settings()
    index = LocalIndex(settings.index_file(), settings.page_limits())
    if arguments.list:
        _list(index)
    elif arguments.remove:
        pages = index.remove(arguments.remove)
        sys.stderr.write(f"{pages} pages removed: {settings.index_file()}\n")
    else:
        _add(index, arguments, settings)


def _add(index: LocalIndex, arguments: argparse.Namespace, settings: Settings) -> None:
    with file_progress("index") as progress:
        report = index.index(arguments.folder, arguments.url, progress)
    for failure in report.failures:
        sys.stderr.write(f"secateurs: {failure.path}: {failure.problem}\n")
    counts = f"{report.added} added, {report.changed} changed, {report.removed} removed, {report.unchanged} unchanged"
    sys.stderr.write(f"{counts}, {len(report.failures)} failed: {settings.index_file()}\n")
    others = {folder.path for folder in index.folders()} - {arguments.folder.resolve()}
    if SITE in others:
        sys.stderr.write(f"the sample site is in the index, too: secateurs index --remove {SITE}\n")


def _list(index: LocalIndex) -> None:
    """A line for each folder: pages, path, and the address that stands for it."""
    for folder in index.folders():
        address = f"\t{folder.url_prefix}" if folder.url_prefix else ""
        write(f"{folder.pages}\t{folder.path}{address}\n")
