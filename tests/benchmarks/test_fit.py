"""Fitting the weights of the ranking: what made the answers is found again."""

import numpy as np
import pytest

pytest.importorskip("scipy")
FEW, MANY = 4, 300


class Score:
    """The peers' rule of scoring, as far as fitting asks it."""

    @staticmethod
    def normal(text: str) -> str:
        return " ".join(text.lower().split())


def test_weights_that_chose_the_answers_are_found(load) -> None:
    """Blocks are drawn by a logit with known weights: the fit comes near them, and tells what says nothing."""
    random = np.random.default_rng(0)
    true = np.array([3.0, 1.0, 0.0])
    cases = []
    for _ in range(MANY):
        known = random.normal(size=(12, 3))
        chance = np.exp(known @ true)
        answer = np.zeros(12)
        answer[random.choice(12, p=chance / chance.sum())] = 1
        cases.append((known, answer))

    found = load("fit").fit(cases, np.ones(MANY))

    surprise = load("fit").surprise
    assert surprise(cases, found).mean() < surprise(cases, np.zeros(3)).mean() == pytest.approx(np.log(12))
    assert np.abs(found - true).max() < 0.5
    assert found[0] > found[1] > abs(found[2])


def test_questions_without_an_answer_say_nothing(load) -> None:
    """They are left out, and the fit ends where they are all there is."""
    fit = load("fit").fit
    known = np.eye(3)
    one, none = (known, np.array([1.0, 0, 0])), (known, np.zeros(3))

    assert fit([one, none], np.ones(2)) == pytest.approx(fit([one], np.ones(1)), abs=1e-3)
    assert [0, 0, 0] == fit([none], np.ones(1)).tolist()


@pytest.mark.parametrize(
    ("answers", "text", "expected"),
    [
        (["in Rome"], "They met IN  Rome.", 0),  # words, not letters: the stop is part of one here
        (["in Rome"], "They met in Rome at noon", 1),
        (["Paris", "Rome"], "in Rome", 1),
        (["a b c d e f g h i j k l m"], "x a b c d e f g y", 0.4),
        ([], "anything", 0),
    ],
)
def test_a_block_holds_the_share_of_an_answer(load, answers: list[str], text: str, expected: float) -> None:
    """A short answer whole or not at all; of a long one, each run of four words."""
    assert pytest.approx(expected) == load("fit")._held(answers, text, Score)
