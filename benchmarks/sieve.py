"""What each further passage that the embedding model is asked about costs, and what it keeps.

Recall is that of questions of the tuning half, each with its own pages, at 1,024 tokens; their vectors are kept in the
cache folder. Seconds are those of `cpu.py`: ten pages of 60 KB, nothing cached. Draws the curve; the last line of
stdout is one JSON document.
"""

import argparse
import importlib
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cpu import BUDGET, cases, measure, ours
from machine import describe
from pages import ROOT, data_folder
from questions import Question, load
from tqdm import tqdm
from vectors import KeptVectors

from pruning import Options
from pruning.embedding import Embedder
from pruning.local.sentence_transformer import SentenceTransformerEmbedder

SIEVES = (0, 4, 8, 16, 32, 64, 128, None)


def main() -> None:
    """Measure, print a table, and the same as JSON."""
    options = _options()
    sys.path.insert(0, str(options.peers))
    for name, value in describe("sentence-transformers", "torch").items():
        print(f"{name}: {value}")
    questions = load(options.data, "tune", options.sample)
    kept = _kept(questions, KeptVectors(options.cache / "vectors.sqlite"))
    seconds = _seconds(load(options.data, "tune"), options.timed)
    rows = [
        {"sieve": sieve, "seconds": round(seconds[sieve], 3), **_recall(kept[sieve], kept[None])} for sieve in SIEVES
    ]
    _print(rows)
    from chart import draw_costs  # needs matplotlib, which nothing else here does

    options.chart.write_text(draw_costs(_points(rows), _name(Options().sieve)))
    print(json.dumps({"questions": len(questions), "budget": BUDGET, "curve": rows}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--peers", type=Path, default=ROOT.parent / "shared" / "peers", help="folder of the peers")
    parser.add_argument("--cache", type=Path, default=ROOT / ".quality", help="keeps vectors")
    parser.add_argument("--sample", type=int, default=24, help="questions of each set at most, for recall")
    parser.add_argument("--timed", type=int, default=5, help="questions, for seconds")
    parser.add_argument("--chart", type=Path, default=ROOT / "benchmarks" / "sieve.svg", help="the SVG to write")
    return parser.parse_args()


def _with(sieve: int | None) -> Options:
    return Options(max_tokens=BUDGET, sieve=sieve, rank_by="words" if sieve == 0 else "both")


def _kept(questions: Sequence[Question], embedder: Embedder) -> dict[int | None, np.ndarray]:
    """For each sieve whether each question's answer was kept: bool (questions,)."""
    score = importlib.import_module("score")
    rows = [
        [score.kept(question.row, ours(embedder, _with(sieve))((question, question.bytes()))) for sieve in SIEVES]
        for question in tqdm(questions, unit="q", disable=None)
    ]
    return dict(zip(SIEVES, np.array(rows, bool).T, strict=True))


def _seconds(questions: Sequence[Question], number: int) -> dict[int | None, float]:
    """For each sieve the median; the sieves take turns, since what else the machine does changes with time."""
    embedder = SentenceTransformerEmbedder()
    embedder.load()
    turns = [
        [measure([case], ours(embedder, _with(sieve)))[0].seconds for sieve in SIEVES]
        for case in cases(questions, number)
    ]
    return dict(zip(SIEVES, map(statistics.median, zip(*turns, strict=True)), strict=True))


def _recall(kept: np.ndarray, full: np.ndarray) -> dict[str, Any]:
    """Percent kept; and how many questions this sieve alone keeps or loses, beside none."""
    return {
        "recall": round(100 * float(kept.mean()), 1),
        "only_here": int((kept & ~full).sum()),
        "only_without": int((full & ~kept).sum()),
    }


def _points(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    return {_name(row["sieve"]): (row["seconds"], row["recall"]) for row in rows}


def _name(sieve: int | None) -> str:
    return "all" if sieve is None else str(sieve)


def _print(rows: Sequence[dict[str, Any]]) -> None:
    print(f"{'sieve':>6}{'seconds':>9}{'kept, %':>9}{'only here':>11}{'only without sieve':>20}")
    for row in rows:
        name, seconds = _name(row["sieve"]), row["seconds"]
        print(f"{name:>6}{seconds:>9.3f}{row['recall']:>9}{row['only_here']:>11}{row['only_without']:>20}")


if __name__ == "__main__":
    main()
