"""Is the answer still there? Answer recall under a token budget, this project's variants beside the peers.

    quality.py --sample 40 --cache ~/.cache/secateurs-quality

A run takes up where the last one ended: what a system kept of a question is remembered in the cache folder, together
with the code that it came from. The last line of stdout is one JSON document.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from contestants import VARIANTS, Contestants
from machine import describe
from pages import ROOT, data_folder
from questions import HALVES, SETS, Question, load
from tqdm import tqdm
from vectors import KeptVectors

from pruning.prompt import Prompt

BUDGETS = (256, 512, 1024, 2048, 4096)
OURS = "secateurs"
_RESAMPLES = 10_000
_CHARTED = (OURS, "words", "paper's first step", "text_hybrid", "text_embed", "text_bm25", "htmlrag_paper")

Kept = dict[str, dict[str, list[int]]]  # system -> question -> for each budget 1 where the answer was kept


def main() -> None:
    """Measure, print a table, and the same as JSON."""
    from chart import draw  # needs matplotlib, which nothing else here does: better missed now than after hours

    options = _options()
    contestants = Contestants(options.peers, KeptVectors(options.cache / "vectors.sqlite"), _path_model(options))
    names = options.systems or contestants.names()
    questions = load(options.data, options.half, options.sample)
    for name, value in describe("sentence-transformers", "numpy").items():
        print(f"{name}: {value}")
    kept = measure(contestants, names, questions, options)
    questions = [question for question in questions if all(question.id in rows for rows in kept.values())]
    found = summary(kept, questions, options.budgets)
    result = {"half": options.half, "budgets": options.budgets, "questions": len(questions)} | found
    _print(result)
    options.chart.write_text(draw(options.budgets, _curves(kept, questions)))
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--peers", type=Path, default=ROOT.parent / "shared" / "peers", help="folder of the peers")
    parser.add_argument("--cache", type=Path, default=ROOT / ".quality", help="keeps vectors and what was measured")
    parser.add_argument("--half", choices=HALVES, default="report", help="which half of the questions")
    parser.add_argument("--sample", type=int, help="questions of each set at most")
    parser.add_argument("--systems", nargs="+", help="only these")
    parser.add_argument("--budgets", nargs="+", type=int, default=BUDGETS, help="only these, in tokens")
    parser.add_argument(
        "--remembered", action="store_true", help="measure nothing: report on the questions that all systems have done"
    )
    parser.add_argument("--path-model", help="a causal language model in this process, for the variant with both steps")
    parser.add_argument("--chart", type=Path, default=ROOT / "benchmarks" / "quality.svg", help="the SVG to write")
    return parser.parse_args()


def _path_model(options: argparse.Namespace) -> Any:
    if not options.path_model:
        return None
    from pruning.local.causal import CausalPathModel

    return CausalPathModel(options.path_model)


def measure(contestants: Contestants, names: list[str], questions: list[Question], options: argparse.Namespace) -> Kept:
    """What each system keeps; what an earlier run has measured of the same code is taken from its log."""
    log = options.cache / "kept.jsonl"
    code = {name: _fingerprint(name, options) for name in names}
    known = _remembered(log)
    kept: Kept = {name: {} for name in names}
    with log.open("a") as out:
        for question in tqdm(questions, desc="questions", unit="q", disable=None):
            for name in names:
                key = f"{name}|{code[name]}|{question.id}"
                if key not in known and options.remembered:
                    continue
                if key not in known:
                    known[key] = [_is_kept(contestants, name, question, budget) for budget in options.budgets]
                    out.write(json.dumps({"key": key, "kept": known[key]}) + "\n")
                    out.flush()
                kept[name][question.id] = known[key]
    return kept


def _is_kept(contestants: Contestants, name: str, question: Question, budget: int) -> int:
    try:
        output = contestants.output(name, question, budget)
    except Exception as error:
        if name in VARIANTS:
            raise
        tqdm.write(f"{name} failed on {question.id}: {error!r:.100}")
        return 0
    if name in VARIANTS and contestants.count(output) > budget:
        raise SystemExit(f"{name} exceeds {budget} tokens on {question.id}")
    return int(contestants.score.kept(question.row, output))


def _fingerprint(name: str, options: argparse.Namespace) -> str:
    """What a system's figures depend on: its code, its model, which budgets."""
    files = (ROOT / "pruning").glob("*.py") if name in VARIANTS else [options.peers / "systems.py"]
    code = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files)))
    if name in VARIANTS and "generate" in VARIANTS[name].steps:
        code.update(f"{options.path_model}{Prompt.default()}".encode())
    if tuple(options.budgets) != BUDGETS:
        code.update(repr(options.budgets).encode())
    return code.hexdigest()[:12]


def _remembered(log: Path) -> dict[str, list[int]]:
    lines, _, torn = (log.read_text() if log.exists() else "").rpartition("\n")
    if torn:  # by whoever ended the run
        log.write_text(lines + "\n" if lines else "")
    return {row["key"]: row["kept"] for row in map(json.loads, lines.splitlines())}


def summary(kept: Kept, questions: list[Question], budgets: Sequence[int] = BUDGETS) -> dict[str, Any]:
    """Recall with its 95 % interval, for each set and over all; and the paired comparison with the best peer."""
    groups = {name: [question.id for question in questions if question.set == name] for name in SETS}
    groups["all"] = [question.id for question in questions]
    recall = {
        group: {name: _recall(np.array([rows[one] for one in ids])) for name, rows in kept.items()}
        for group, ids in groups.items()
        if ids
    }
    if OURS not in kept or set(kept) <= set(VARIANTS):
        return {"recall": recall}
    return {"recall": recall, "against_best_peer": {group: _against(kept, groups[group], budgets) for group in recall}}


def _recall(kept: np.ndarray) -> dict[str, list[float]]:
    """Percent for each budget, and half the width of the 95 % interval (Wald, as the peers' score.py has it)."""
    share = kept.mean(axis=0)
    half = 1.96 * np.sqrt(share * (1 - share) / len(kept))
    return {"percent": (100 * share).round(1).tolist(), "plus_minus": (100 * half).round(1).tolist()}


def _against(kept: Kept, ids: list[str], budgets: Sequence[int]) -> list[dict[str, Any]]:
    """For each budget: the best peer there, the difference, its bootstrapped interval, and the ratio of losses."""
    ours = np.array([kept[OURS][one] for one in ids])
    peers = {name: np.array([rows[one] for one in ids]) for name, rows in kept.items() if name not in VARIANTS}
    drawn = np.random.default_rng(0).integers(len(ids), size=(_RESAMPLES, len(ids)))
    found = []
    for number, budget in enumerate(budgets):
        best = max(peers, key=lambda name: peers[name][:, number].sum())
        difference = (ours - peers[best])[:, number]
        low, high = np.percentile(difference[drawn].mean(axis=1), (2.5, 97.5))
        lost = int((1 - peers[best][:, number]).sum())
        found.append(
            {
                "budget": budget,
                "best_peer": best,
                "difference": round(100 * float(difference.mean()), 1),
                "interval": [round(100 * float(low), 1), round(100 * float(high), 1)],
                "losses_ratio": round(int((1 - ours[:, number]).sum()) / lost, 2) if lost else None,
            }
        )
    return found


def _curves(kept: Kept, questions: list[Question]) -> dict[str, list[float]]:
    """Recall over all questions, in percent, of those systems that the chart shows."""
    shown = [name for name in _CHARTED if name in kept]
    rows = {name: [kept[name][question.id] for question in questions] for name in shown}
    return {name: (100 * np.mean(rows[name], axis=0)).tolist() for name in shown}


def _print(result: dict[str, Any]) -> None:
    for group, systems in result["recall"].items():
        print(f"\n{group:28}" + "".join(f"{budget:>12}" for budget in result["budgets"]))
        for name, figures in systems.items():
            cells = zip(figures["percent"], figures["plus_minus"], strict=True)
            print(f"{name:28}" + "".join(f"{percent:>7} ±{half:<4}" for percent, half in cells))
        for row in result.get("against_best_peer", {}).get(group, ()):
            low, high = row["interval"]
            print(
                f"  {row['budget']:>5}: {row['difference']:+} points to {row['best_peer']} ({low:+} to {high:+}), "
                f"losses x{row['losses_ratio']}"
            )


if __name__ == "__main__":
    main()
