"""Fit the weights of pruning/ranking.py, and print them.

    fit.py --cache ~/.cache/secateurs-quality

A conditional logit: of all blocks of a question's pages, those of its gold page that hold the answer, or a part of a
long one, should have as much of the chance as possible. Sets count by the square root of their size: a large one
does not decide alone; questions that were made for training count less. Only the tuning half is read.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from contestants import Contestants
from pages import ROOT, data_folder
from questions import Question, fold, load, more_to_tune
from scipy.optimize import minimize
from tqdm import tqdm
from vectors import KeptVectors

from pruning import BlockTree, Options, Page
from pruning.ranking import WEIGHTS, WEIGHTS_BY_WORDS, Candidates

_SHRINK = 1.0  # how much weights cost, on signals of variance 1
_LONG = 12  # words; of longer answers each run of _RUN words counts
_RUN = 4
_FOLDS = 4
_COUNTS = {"wtq.train": 0.3}  # whose questions count less than others

Case = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Fit both sets of weights: with and without the embedding model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument(
        "--peers", type=Path, default=ROOT.parent / "shared" / "peers", help="for their rule of scoring"
    )
    parser.add_argument("--cache", type=Path, default=ROOT / ".quality", help="keeps vectors")
    parser.add_argument("--sample", type=int, help="questions of each set at most")
    parser.add_argument("--words", action="store_true", help="only the weights by words, which take no model")
    options = parser.parse_args()
    vectors = KeptVectors(options.cache / "vectors.sqlite")
    score = Contestants(options.peers, vectors).score
    questions = load(options.data, "tune", options.sample)
    questions += more_to_tune(options.data)[: options.sample]
    asked = None if options.words else vectors
    cases = [_case(question, asked, score) for question in tqdm(questions, unit="q", disable=None)]
    weight = _balance(questions)
    folds = np.array([fold(question, _FOLDS) for question in questions])
    sets = {"WEIGHTS_BY_WORDS": WEIGHTS_BY_WORDS} | ({} if options.words else {"WEIGHTS": WEIGHTS})
    for title, in_use in sets.items():
        given = [(np.stack([known[name] for name in in_use], 1), share) for known, share in cases]
        fitted = fit(given, weight)
        print(f"{title} = {{")
        print("".join(f'    "{name}": {value:.1f},\n' for name, value in zip(in_use, fitted, strict=True)) + "}")
        others = np.concatenate([_held_out(given, weight, folds == number) for number in range(_FOLDS)])
        mine = surprise(given, np.array(list(in_use.values())))
        print(f"surprise a question: {mine.mean():.3f} in use, {surprise(given, fitted).mean():.3f} fitted, ", end="")
        print(f"{others.mean():.3f} fitted on the other {_FOLDS - 1} of {_FOLDS} folds")


def _held_out(given: list[Case], weight: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The surprise of a fold's questions by weights that are fitted on the others."""
    rest = [case for case, its in zip(given, inside, strict=True) if not its]
    return surprise([case for case, its in zip(given, inside, strict=True) if its], fit(rest, weight[~inside]))


def surprise(cases: list[Case], weights: np.ndarray) -> np.ndarray:
    """float (k,): minus the logarithm of the chance that the answer's blocks have; of cases without an answer none."""
    found = []
    for known, share in cases:
        if share.any():
            chance = np.exp(known @ weights - (known @ weights).max())
            found.append(-np.log(chance @ share / chance.sum() + 1e-12))
    return np.array(found)


def _case(question: Question, vectors: KeptVectors | None, score: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """All signals of a question's blocks, and which share of the answer each of them holds."""
    options = Options()
    tree = BlockTree.from_pages([Page(page) for page in question.bytes()], options.max_words)
    candidates = Candidates.of(tree, tree.cut(options.max_words), question.text)
    gold = tree.page[candidates.blocks] == question.row["pages"].index(question.row["gold_page"])
    share = np.array([_held(question.row["answers"], text, score) for text in candidates.texts]) * gold
    if vectors is None:
        return candidates.signals, share
    asked = candidates.promising(options.sieve)
    cosines = vectors.similarities(question.text, [candidates.passage(number) for number in asked.tolist()])
    return candidates.signals | candidates.similar(asked, cosines), share


def _held(answers: list[str], text: str, score: Any) -> float:
    said = f" {score.normal(text)} "
    return max((_share(score.normal(answer).split(), said) for answer in answers), default=0.0)


def _share(answer: list[str], said: str) -> float:
    size = len(answer) if len(answer) <= _LONG else _RUN
    runs = [" ".join(answer[at : at + size]) for at in range(len(answer) - size + 1)] if answer else []
    return sum(f" {run} " in said for run in runs) / max(len(runs), 1)


def _balance(questions: list[Question]) -> np.ndarray:
    sizes = Counter(question.set for question in questions)
    return np.array([sizes[question.set] ** -0.5 * _COUNTS.get(question.set, 1) for question in questions])


def fit(cases: list[Case], weight: np.ndarray) -> np.ndarray:
    """The weights of most likelihood: float (signals,).

    Args:
        cases: for each question float (blocks, signals) and float (blocks,), the share of the answer in each block;
            cases without any share are left out.
        weight: float (cases,), how much each counts.
    """
    spread = np.concatenate([known for known, _ in cases]).std(axis=0) + 1e-6
    scaled = [(known / spread, share, much) for (known, share), much in zip(cases, weight, strict=True) if share.any()]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        total, slope = _SHRINK * weights @ weights / 2, _SHRINK * weights
        for known, share, much in scaled:
            logits = known @ weights
            chance = np.exp(logits - logits.max())
            right = chance * share
            total -= much * np.log(right.sum() / chance.sum() + 1e-12)
            slope = slope - much * (right / (right.sum() + 1e-300) - chance / chance.sum()) @ known
        return float(total), slope

    return np.asarray(minimize(loss, np.zeros(len(spread)), jac=True, method="L-BFGS-B").x) / spread


if __name__ == "__main__":
    main()
