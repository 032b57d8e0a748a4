"""The benchmark of quality: halves, pairs, intervals and resumption are what they say, on made-up questions."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.conftest import PEER, PER_SET, SETS


@pytest.fixture
def contestants(load, peers: Path):
    """All systems; nothing here asks the model."""
    return load("contestants").Contestants(peers, None)


def test_halves_share_no_gold_page_and_miss_no_question(load, data: Path) -> None:
    """What was tuned on is never reported on."""
    tune, report = (load("questions").load(data, half) for half in ("tune", "report"))

    assert set() == {one.row["gold_page"] for one in tune} & {one.row["gold_page"] for one in report}
    assert len(SETS) * PER_SET == len({one.id for one in (*tune, *report)})


def test_a_sample_takes_turns_among_the_sets_and_grows(load, data: Path) -> None:
    """A larger sample holds a smaller one, so that what was measured stays of use."""
    questions = load("questions")
    small, large = ([one.id for one in questions.load(data, "report", number)] for number in (1, 3))

    assert set(small) <= set(large)
    assert list(SETS) == [one.set for one in questions.load(data, "report", 1)]
    assert b"<h1>" in questions.load(data, "report", 1)[0].bytes()[0]


def test_a_run_takes_up_where_the_last_one_ended(load, data: Path, peers: Path, contestants, tmp_path: Path) -> None:
    """Nothing is measured twice, unless the code has changed; a peer's failure is a lost answer."""
    quality = load("quality")
    questions = load("questions").load(data, "report", 2)
    options = Namespace(cache=tmp_path, peers=peers, remembered=False, budgets=quality.BUDGETS)
    asked = contestants._peers.asked

    first = quality.measure(contestants, ["words", "begins"], questions[:3], options)
    assert 3 * len(quality.BUDGETS) == len(asked)
    both = quality.measure(contestants, ["words", "begins"], questions, options)
    assert len(questions) * len(quality.BUDGETS) == len(asked)
    assert first["words"].items() <= both["words"].items()
    assert [1] * len(quality.BUDGETS) == both["words"][questions[0].id]

    (peers / "systems.py").write_text(PEER + "# changed")
    options.remembered = True
    assert {} == quality.measure(contestants, ["begins"], questions, options)["begins"]
    assert both["words"] == quality.measure(contestants, ["words"], questions, options)["words"]


def test_a_line_that_was_torn_is_measured_anew(load, tmp_path: Path) -> None:
    """A run that was killed while it wrote leaves half a line."""
    quality, log = load("quality"), tmp_path / "kept.jsonl"
    log.write_text('{"key": "a", "kept": [1]}\n{"key": "b", "ke')

    assert {"a": [1]} == quality._remembered(log)
    assert '{"key": "a", "kept": [1]}\n' == log.read_text()
    log.write_text('{"ke')
    assert {} == quality._remembered(log) == quality._remembered(tmp_path / "none")


def test_figures_of_other_budgets_or_of_another_path_model_are_measured_anew(load, peers: Path) -> None:
    """What an earlier run remembers is taken for the same only where budgets, and the model of both steps, are."""
    quality = load("quality")
    first = {"peers": peers, "budgets": list(quality.BUDGETS), "path_model": None}

    def marks(**other: object) -> list[str]:
        return [quality._fingerprint(name, Namespace(**first | other)) for name in ("secateurs", "both steps")]

    assert [False, True] == [mine != other for mine, other in zip(marks(), marks(path_model="x"), strict=True)]
    assert [True, True] == [mine != other for mine, other in zip(marks(), marks(budgets=[256]), strict=True)]


def test_a_peer_that_fails_has_lost_the_answer(load, data: Path, peers: Path, contestants, tmp_path: Path) -> None:
    """And the run goes on; this project's own failure ends it."""
    quality = load("quality")
    question = load("questions").load(data, "report", 1)[0]
    question.row["question"] = "fails"
    options = Namespace(cache=tmp_path, peers=peers, remembered=False, budgets=quality.BUDGETS)

    assert {question.id: [0] * 5} == quality.measure(contestants, ["begins"], [question], options)["begins"]
    question.row["question"] = " "
    with pytest.raises(ValueError, match="empty"):
        quality.measure(contestants, ["words"], [question], options)


def test_the_comparison_is_paired_with_the_best_peer_of_each_budget(load, data: Path) -> None:
    """Differences in points, their interval, and the losses over those of that peer."""
    quality = load("quality")
    questions = load("questions").load(data, "report")
    ours = {one.id: [0, 1, 1, 1, 1] for one in questions}
    early = {one.id: [1, 0, 0, 0, 1] for one in questions}
    late = {one.id: [0, number % 2, 0, 0, 1] for number, one in enumerate(questions)}

    found = quality.summary({quality.OURS: ours, "early": early, "late": late, "words": early}, questions)

    rows = found["against_best_peer"]["all"]
    assert ["early", "late"] == [row["best_peer"] for row in rows[:2]]
    assert (-100, [-100, -100]) == (rows[0]["difference"], rows[0]["interval"])
    share = 100 * sum(late[one.id][1] for one in questions) / len(questions)
    assert pytest.approx(100 - share, abs=0.1) == rows[1]["difference"]
    assert 0 < rows[1]["interval"][0] < rows[1]["difference"] < rows[1]["interval"][1] < 100
    assert 0 == rows[1]["losses_ratio"]
    assert (0, None) == (rows[4]["difference"], rows[4]["losses_ratio"])
    assert 100 == found["recall"]["all"]["early"]["percent"][0]


def test_the_interval_is_that_of_the_questions(load, data: Path) -> None:
    """Of 0 and 1 with equal chances, the mean of n is off by 1.96 times 0.5 over the root of n."""
    recall = load("quality")._recall(np.array([[1], [0]] * 50))

    assert ([50.0], [9.8]) == (recall["percent"], recall["plus_minus"])
