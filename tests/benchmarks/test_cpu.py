"""The benchmark of ten pages on a CPU: what it measures is what it says it is, with a model that counts words."""

import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count, islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pruning.clean import clean
from pruning.embedding import Windows, cut, word_starts
from tests.app.models.word_server import embed
from tests.needs import ROOT

ENOUGH = 500  # bytes of a page, in place of 60 KB
# The pages of each question; more of them than a case has, too.
PAGES = st.lists(st.integers(1, 12), min_size=1, max_size=4)


class Words:
    """A model in this process whose vectors count words."""

    name = identity = "words"

    def load(self) -> None: ...

    def windows(self, passages: Sequence[str]) -> Windows:
        return cut(passages, 100, word_starts)

    def embed_question(self, question: str) -> np.ndarray:
        return self.embed_passages([question])[0]

    def embed_passages(self, texts: Sequence[str], *, deadline: float | None = None) -> np.ndarray:
        vectors = np.array([embed(text) for text in texts], np.float32)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1)

    def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        windows = self.windows(passages)
        return windows.best(self.embed_passages(windows.texts) @ self.embed_question(question))


@pytest.fixture
def cpu(load, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """The benchmark, with small pages and without its model."""
    module = load("cpu")
    monkeypatch.setattr(module, "BYTES", ENOUGH)
    monkeypatch.setattr(module, "SentenceTransformerEmbedder", Words)
    return module


def asked(page_counts: Sequence[int]) -> list[SimpleNamespace]:
    """Questions with that many pages each, no two pages alike."""
    texts = (f"<p>page {number} {'pear ' * 40}</p>".encode() for number in count())
    pages = [list(islice(texts, number)) for number in page_counts]
    return [SimpleNamespace(text=f"question {number}", bytes=partial(list, own)) for number, own in enumerate(pages)]


def test_a_case_has_ten_large_pages_and_its_own_come_first(cpu) -> None:
    """Each begins with a page of its own, its question's first, and is no larger than it takes to be large enough."""

    @settings(max_examples=15)
    @given(page_counts=PAGES, number=st.integers(1, 4))
    def holds(page_counts: list[int], number: int) -> None:
        questions = asked([*page_counts, 200])  # the last has enough for all
        cases = cpu.cases(questions, number)

        assert questions[:number] == [question for question, _ in cases]
        for question, pages in cases:
            own = question.bytes()[: cpu.PAGES]
            assert cpu.PAGES == len(pages)
            assert all(page.startswith(first) for page, first in zip(pages, own, strict=False))
            assert all(len(clean(page)) >= ENOUGH > len(clean(page.rpartition(b"<hr>")[0])) for page in pages)

    holds()


def test_a_case_is_filled_with_the_pages_of_the_next_questions(cpu) -> None:
    """In their order, and each at one place only; the last question goes on with the first."""
    questions = asked([2, 20, 20])
    (_, first), _, (_, last) = cpu.cases(questions, 3)

    own, others = questions[0].bytes(), [*questions[1].bytes(), *questions[2].bytes()]
    parts = b"<hr>".join(first).split(b"<hr>")
    assert own == [part for part in parts if part in own]
    assert others[: len(parts) - 2] == [part for part in parts if part not in own]
    assert own[0] == last[0].split(b"<hr>")[1]


def test_what_it_prints_last_is_one_json_document(cpu, data: Path, peers: Path, monkeypatch, capsys) -> None:
    """Its figures are those that the README explains; four words, which the peer keeps here, hold no answer."""
    given = {"data": data, "peers": peers, "questions": 2, "peer-questions": 1, "recall-questions": 3}
    monkeypatch.setattr("sys.argv", ["cpu.py", *(f"--{name}={value}" for name, value in given.items())])
    monkeypatch.setattr(cpu, "BYTES", 100)
    monkeypatch.setattr(cpu, "describe", lambda *packages: {"processor": "any"})

    cpu.main()

    said, _ = capsys.readouterr()
    figures = json.loads(said.splitlines()[-1])
    section = (ROOT / "benchmarks" / "README.md").read_text().partition("\n## Processor\n")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == figures.keys()
    assert (100, 0, 100, 100) == tuple(
        figures[name] for name in ("kept", "htmlrag_paper_kept", "recall", "recall_full")
    )
    assert 0 < figures["median_seconds"] <= figures["slowest_seconds"]


def test_the_share_of_the_peers_time_is_that_of_the_sums(cpu, peers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours and theirs of the same questions, in turn; an answer is kept by the peers' own rule."""
    clock = iter([0, 1, 0, 10, 0, 3, 0, 30])  # ours, theirs, ours, theirs
    monkeypatch.setattr(cpu.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(cpu, "ours", lambda embedder, options: lambda case: "hedge")
    case = (SimpleNamespace(text="Where?", row={"answers": ["hedge"]}), [b"<p>nowhere"])

    found = cpu._peer([case, case], Words())

    expected = {"vs_htmlrag_paper": 0.1, "htmlrag_paper_median_seconds": 20, "htmlrag_paper_kept": 0}
    assert expected == found
