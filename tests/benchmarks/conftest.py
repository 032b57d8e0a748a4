"""The benchmarks are scripts beside each other and no package: how tests import them, and what they measure here."""

import gzip
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
SETS = ("wtq", "wikinat", "faqweb", "webnat", "pydocs")
PER_SET, PAGES = 12, 6
# A peer keeps the beginning of all text; it counts words, and calls itself as often as it is asked.
PEER = """
asked = []
def _text(page): return page
def _htmlrag_parts(pages, question, embed): return pages
def begins(question, pages, budget, count, embed):
    asked.append(question)
    if "fails" in question: raise ValueError(question)
    return " ".join(" ".join(pages).split()[: budget // 256])
htmlrag_paper = begins
SYSTEMS = {"begins": begins}
"""
SCORE = "def kept(row, output): return all(answer in output for answer in row['answers'])\n"
TOKENS = "class Counter:\n    def __call__(self, text): return len(text.split())\n"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Imports a module of the benchmarks, which are scripts beside each other and no package."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Question sets of which two questions have each gold page; some pages are packed."""
    folder = tmp_path / "data" / "qa"
    folder.mkdir(parents=True)
    for name in SETS:
        rows = []
        for number in range(PER_SET):
            gold = f"{name}-{number % PAGES}.html" + (".gz" if number % 2 else "")
            page = f"<h1>{name}</h1><p>pear{number % PAGES} grows on the hedge".encode()
            (folder / gold).write_bytes(gzip.compress(page) if gold.endswith(".gz") else page)
            row = {"id": f"{name}-{number}", "question": f"Where is pear{number % PAGES}?", "answers": ["hedge"]}
            rows.append(row | {"pages": [gold], "gold_page": gold})
        (folder / f"{name}.dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "data"


@pytest.fixture
def peers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of one peer, with its rule and its counter, importable as long as the test runs."""
    folder = tmp_path / "peers"
    folder.mkdir()
    modules = {"systems": PEER, "score": SCORE, "tokens": TOKENS}
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in modules:
        sys.modules.pop(name, None)
