"""From ten pages to pruned HTML on a CPU, embeddings counted: this project beside the peer `htmlrag_paper`.

A question's own pages and those of the next questions, ten in all, each filled up with more pages' text to about 60 KB
of cleaned HTML. Caches are cold: each run reads, cuts, embeds and fits anew; only the model is loaded before. A second
run of ours has the service's cache behind its model, which the first has filled. The last line of stdout is one JSON
document.
"""

import argparse
import asyncio
import importlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from machine import describe
from pages import ROOT, data_folder
from questions import Question, load
from tqdm import tqdm

from app.cache import Cache, CachedEmbedder
from app.models.in_process import InProcess
from app.store.sqlite import SqliteStore
from pruning import Options, Page, TokenCounter, prune
from pruning.clean import clean
from pruning.embedding import Embedder
from pruning.local.sentence_transformer import SentenceTransformerEmbedder

PAGES, BYTES, BUDGET = 10, 60_000, 1024
_LONGEST_CALL = 600  # seconds

Case = tuple[Question, list[bytes]]
Run = Callable[[Case], str]


class Measured(NamedTuple):
    """One question's time and whether its answer was kept."""

    seconds: float
    kept: bool


def main() -> None:
    """Measure, print a table, and the same as JSON."""
    options = _options()
    sys.path.insert(0, str(options.peers))
    for name, value in describe("sentence-transformers", "torch").items():
        print(f"{name}: {value}")
    embedder = SentenceTransformerEmbedder()
    embedder.load()
    questions = load(options.data, "report")
    given = cases(questions, options.questions)
    result = _speed(given, embedder) | _recall(questions[: options.recall_questions], embedder)
    if options.peer_questions:
        result |= _peer(given[: options.peer_questions], embedder)
    for name, figure in result.items():
        print(f"{name:30} {figure}")
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--peers", type=Path, default=ROOT.parent / "shared" / "peers", help="folder of the peers")
    parser.add_argument("--questions", type=int, default=20, help="with ten pages of 60 KB, for our time")
    parser.add_argument("--peer-questions", type=int, default=3, help="of these, for the peer's; it takes minutes each")
    parser.add_argument("--recall-questions", type=int, default=40, help="with their own pages, for recall")
    return parser.parse_args()


def cases(questions: Sequence[Question], number: int) -> list[Case]:
    """Questions, each with ten pages of about 60 KB cleaned, of which the first are its own."""
    made = []
    for at, question in enumerate(questions[:number]):
        more = (page for other in (*questions, *questions)[at + 1 :] for page in other.bytes())
        own = question.bytes()[:PAGES]
        pages = [_filled(page, more) for page in own]
        made.append((question, pages + [_filled(next(more), more) for _ in range(PAGES - len(own))]))
    return made


def _filled(page: bytes, more: Iterator[bytes]) -> bytes:
    """The page with others behind it, until enough is left of it when it is cleaned."""
    while len(clean(page)) < BYTES:
        page += b"<hr>" + next(more)
    return page


def ours(embedder: Embedder, options: Options) -> Run:
    """This project."""
    counter = TokenCounter.load()

    def run(case: Case) -> str:
        question, pages = case
        result = prune(
            [Page(page) for page in pages], question.text, embedder=embedder, counter=counter, options=options
        )
        assert not result.degraded, result.degraded
        return result.content

    return run


def measure(given: Sequence[Case], run: Run) -> list[Measured]:
    """Seconds and answers kept, question by question."""
    score = importlib.import_module("score")
    measured = []
    for case in tqdm(given, unit="q", disable=None):
        start = time.perf_counter()
        output = run(case)
        seconds = time.perf_counter() - start
        measured.append(Measured(seconds, bool(score.kept(case[0].row, output))))
    return measured


def _speed(given: Sequence[Case], embedder: SentenceTransformerEmbedder) -> dict[str, Any]:
    """Ours, with cold caches, and a second time with the service's own."""
    options = Options(max_tokens=BUDGET)
    cold = measure(given, ours(embedder, options))
    with _cached(embedder) as remembering:
        filling = ours(remembering, options)
        for case in given:
            filling(case)
        warm = measure(given, filling)
    return {
        "median_seconds": _median(cold),
        "slowest_seconds": round(max(one.seconds for one in cold), 3),
        "median_seconds_warm": _median(warm),
        "kept": _percent(cold),
    }


@contextmanager
def _cached(embedder: SentenceTransformerEmbedder) -> Iterator[Embedder]:
    """The model as the service has it, behind a cache of vectors in SQLite."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        store = SqliteStore(Path(folder) / "cache.sqlite", 10**9)
        awaited = CachedEmbedder(InProcess(embedder, _LONGEST_CALL), Cache(store, 10**6))

        class Cached:
            name = embedder.name

            def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
                return runner.run(awaited.similarities(question, passages))

        yield Cached()
        runner.run(store.aclose())


def _recall(questions: Sequence[Question], embedder: SentenceTransformerEmbedder) -> dict[str, Any]:
    """With the sieve and without. A passage that several questions share is embedded once: this counts no time."""
    own = [(question, question.bytes()) for question in questions]
    with _cached(embedder) as remembering:
        full = measure(own, ours(remembering, Options(max_tokens=BUDGET, sieve=None)))
        sieved = measure(own, ours(remembering, Options(max_tokens=BUDGET)))
    return {"recall": _percent(sieved), "recall_full": _percent(full)}


def _peer(given: Sequence[Case], embedder: SentenceTransformerEmbedder) -> dict[str, Any]:
    """The peer's time beside ours, question by question in turn, with the same model."""
    peers, count = importlib.import_module("systems"), importlib.import_module("tokens").Counter()

    def theirs(case: Case) -> str:
        question, pages = case
        texts = [page.decode("utf-8", "replace") for page in pages]
        return str(peers.htmlrag_paper(question.text, texts, BUDGET, count, embedder.embed_passages))

    mine = ours(embedder, Options(max_tokens=BUDGET))
    pairs = [(measure([case], mine)[0], measure([case], theirs)[0]) for case in given]
    return {
        "vs_htmlrag_paper": round(sum(one.seconds for one, _ in pairs) / sum(one.seconds for _, one in pairs), 4),
        "htmlrag_paper_median_seconds": _median([one for _, one in pairs]),
        "htmlrag_paper_kept": _percent([one for _, one in pairs]),
    }


def _median(measured: Sequence[Measured]) -> float:
    return round(statistics.median(one.seconds for one in measured), 3)


def _percent(measured: Sequence[Measured]) -> float:
    return round(100 * float(np.mean([one.kept for one in measured])), 1)


if __name__ == "__main__":
    main()
