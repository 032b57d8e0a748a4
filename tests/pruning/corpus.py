"""A deterministic sample of the data folder's pages, as parameters of tests: real sites, articles, and nasty input.

Small enough for the oracles, which are slow: no page over `_LONGEST` bytes, each at most a second of html5lib.
"""

import gzip
from pathlib import Path
from typing import Any

from tests.needs import data_files

_LONGEST = 250_000


def read(path: Path) -> bytes:
    """A page's bytes."""
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def _sample(pattern: str, number: int) -> list[Any]:
    """That many pages, at equal distances among all that match."""
    found = data_files(pattern)
    if found[0].values[0] is not None:
        found = [page for page in found[:: max(len(found) // (4 * number), 1)] if len(read(page.values[0])) < _LONGEST]
    return found[:: max(len(found) // number, 1)][:number]


SITES = [*_sample("extract/html/*/*.html.gz", 9), *_sample("qa/pages/faqweb/*.html.gz", 3)]
ARTICLES = [*_sample("qa/pages/w*/*.html.gz", 4), *_sample("qa/pages/pydocs/*.html.gz", 2)]
NASTY = _sample("hard/files/*.html", 12)
PAGES = [*SITES, *ARTICLES, *NASTY]
FEW = PAGES[::5]
