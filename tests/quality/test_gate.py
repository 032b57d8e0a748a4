"""The quality gate: on a fixed sample of real questions, the answer is kept as often as it was at its best.

Floors only rise: when a change keeps more, write its figures here. They are counts of the tuning half's questions, so
that nobody tunes by the half that is reported on; `make bench-quality` measures both properly.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pruning import Options, Page, prune
from pruning.local.sentence_transformer import default_embedder
from tests.needs import ROOT

# (words or both, questions of each set) -> answers kept at each budget.
BUDGETS = (512, 1024)
FLOORS = {("words", 8): (34, 35), ("both", 2): (8, 9)}
# Other processors round the model's numbers differently, which moves a question or two.
NOISE = 1


@pytest.fixture(scope="module")
def questions() -> Iterator[ModuleType]:
    """The benchmark's way to choose questions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        yield importlib.import_module("questions")
    sys.modules.pop("questions", None)


@pytest.fixture(scope="module")
def score(data_dir: Path) -> ModuleType:
    """The rule by which an answer counts as kept, as it lies beside the data."""
    path = data_dir.parent / "peers" / "score.py"
    if not path.exists():
        pytest.skip(f"needs {path}")
    spec = importlib.util.spec_from_file_location("score", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Remembering:
    """The default model, asked once for the same: what it reads of a question is the same at every budget."""

    name = "all-MiniLM-L6-v2"

    def __init__(self) -> None:
        self.similarities = cache(default_embedder().similarities)


@pytest.mark.parametrize(("rank_by", "sample"), FLOORS)
def test_the_answer_is_kept_as_often_as_it_was(
    rank_by: Any, sample: int, questions: ModuleType, score: ModuleType, data_dir: Path
) -> None:
    """Over the sample, no more answers are lost than before, and no result is over its budget."""
    if rank_by == "both":
        pytest.importorskip("sentence_transformers")
    embedder, kept = Remembering(), [0] * len(BUDGETS)
    for question in questions.load(data_dir, "tune", sample):
        pages = [Page(page) for page in question.bytes()]
        for number, budget in enumerate(BUDGETS):
            options = Options(rank_by=rank_by, max_tokens=budget)
            result = prune(pages, question.text, embedder=embedder, options=options)
            assert result.tokens <= budget
            assert () == result.degraded
            kept[number] += score.kept(question.row, result.content)

    assert all(now >= floor - NOISE for now, floor in zip(kept, FLOORS[rank_by, sample], strict=True)), kept
