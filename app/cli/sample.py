"""The bundled sample site in the index: there from the first start on, and never stale."""

import sqlite3
from pathlib import Path

import app
from app.cli.progress import file_progress
from app.search import LocalIndex
from app.search.store import Store
from app.settings import Settings

SITE = Path(app.__file__).resolve().parent / "sample"
# The addresses that its pages give as their own.
URL = "https://secateurs.example/"


def index_sample(settings: Settings) -> None:
    """Index the sample site where there is no index yet, or bring its part of the index up to date.

    An index that its owner made without the sample site is left alone, as is one that can't be read: searching says
    what is wrong with it. Raises SearchError where the index can't be written.
    """
    path = settings.index_file()
    if path.exists():
        try:
            with Store.for_writing(path) as store:
                folders = store.folders()
        except (sqlite3.Error, OSError):
            return
        ours = [folder.path for folder in folders if folder.url_prefix == URL]
        if len(ours) == len(folders) and ours != [SITE]:
            _remove(path)  # the sample site of another installation, and nothing else
        elif SITE not in ours:
            return
    with file_progress("sample site") as progress:
        LocalIndex(path, settings.page_limits()).index(SITE, URL, progress)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
