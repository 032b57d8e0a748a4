"""From ten pages to pruned HTML on a CPU, embeddings counted: this project beside the peer `htmlrag_paper`.

A question's own pages and those of the next questions, ten in all, each filled up with more pages' text to about 60 KB
of cleaned HTML. Caches are cold: each run reads, cuts, embeds and fits anew; only the model is loaded before. The last
line of stdout is one JSON document.
"""

import argparse
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from machine import describe
from pages import ROOT, data_folder
from questions import Question, load
from tqdm import tqdm

from pruning import Options, Page, TokenCounter, prune
from pruning.clean import clean
from pruning.local.sentence_transformer import SentenceTransformerEmbedder

PAGES, BYTES, BUDGET = 10, 60_000, 1024
SIEVES = (8, 16, 32, 64, None)


def main() -> None:
    """Measure, print a table, and the same as JSON."""
    options = _options()
    sys.path.insert(0, str(options.peers))
    score, peers = importlib.import_module("score"), importlib.import_module("systems")
    for name, value in describe("sentence-transformers", "torch").items():
        print(f"{name}: {value}")
    embedder = SentenceTransformerEmbedder()
    embedder.load()
    cases = _cases(load(options.data, "report"), options.questions)
    curve = {sieve: _measure(cases, _ours(embedder, sieve), score) for sieve in SIEVES}
    result = _result(curve) | _peer(cases[: options.peer_questions], embedder, peers, curve[Options().sieve])
    _print(result)
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--peers", type=Path, default=ROOT.parent / "shared" / "peers", help="folder of the peers")
    parser.add_argument("--questions", type=int, default=20, help="that we are given")
    parser.add_argument("--peer-questions", type=int, default=3, help="that the peer is given; it takes a minute each")
    return parser.parse_args()


Case = tuple[Question, list[bytes]]


def _cases(questions: list[Question], number: int) -> list[Case]:
    """Questions, each with ten pages of about 60 KB cleaned, of which the first are its own."""
    cases = []
    for at, question in enumerate(questions[:number]):
        more = (page for other in (questions * 2)[at + 1 :] for page in other.bytes())
        own = question.bytes()[:PAGES]
        pages = [_filled(page, more) for page in own]
        cases.append((question, pages + [_filled(next(more), more) for _ in range(PAGES - len(own))]))
    return cases


def _filled(page: bytes, more: Any) -> bytes:
    """The page with others behind it, until enough is left of it when it is cleaned."""
    while len(clean(page)) < BYTES:
        page += b"<hr>" + next(more)
    return page


def _ours(embedder: SentenceTransformerEmbedder, sieve: int | None) -> Callable[[Case], str]:
    counter, options = TokenCounter.load(), Options(max_tokens=BUDGET, sieve=sieve)

    def run(case: Case) -> str:
        question, pages = case
        result = prune(
            [Page(page) for page in pages], question.text, embedder=embedder, counter=counter, options=options
        )
        assert not result.degraded, result.degraded
        return result.content

    return run


def _measure(cases: list[Case], run: Callable[[Case], str], score: ModuleType) -> dict[str, Any]:
    """Seconds and answers kept, question by question."""
    seconds, kept = [], []
    for case in tqdm(cases, unit="q", disable=None):
        start = time.perf_counter()
        output = run(case)
        seconds.append(time.perf_counter() - start)
        kept.append(bool(score.kept(case[0].row, output)))
    return {"seconds": seconds, "recall": round(100 * float(np.mean(kept)), 1)}


def _result(curve: dict[int | None, dict[str, Any]]) -> dict[str, Any]:
    default = curve[Options().sieve]
    return {
        "median_seconds": round(statistics.median(default["seconds"]), 3),
        "recall": default["recall"],
        "recall_full": curve[None]["recall"],
        "curve": [
            {"sieve": sieve, "median_seconds": round(statistics.median(one["seconds"]), 3), "recall": one["recall"]}
            for sieve, one in curve.items()
        ],
    }


def _peer(
    cases: list[Case], embedder: SentenceTransformerEmbedder, peers: ModuleType, ours: dict[str, Any]
) -> dict[str, Any]:
    """The peer's time beside ours on the same questions, with the same model."""
    count = importlib.import_module("tokens").Counter()

    def run(case: Case) -> str:
        question, pages = case
        texts = [page.decode("utf-8", "replace") for page in pages]
        return str(peers.htmlrag_paper(question.text, texts, BUDGET, count, embedder.embed_passages))

    theirs = _measure(cases, run, importlib.import_module("score"))
    ratio = sum(ours["seconds"][: len(cases)]) / sum(theirs["seconds"])
    return {
        "vs_htmlrag_paper": round(ratio, 3),
        "htmlrag_paper_median_seconds": round(statistics.median(theirs["seconds"]), 3),
        "htmlrag_paper_recall": theirs["recall"],
    }


def _print(result: dict[str, Any]) -> None:
    for row in result["curve"]:
        print(f"sieve {row['sieve'] or 'none':>5}: {row['median_seconds']:>7.3f} s, {row['recall']} % kept")
    for name in ("median_seconds", "htmlrag_paper_median_seconds", "vs_htmlrag_paper", "recall", "recall_full"):
        print(f"{name:30} {result[name]}")


if __name__ == "__main__":
    main()
