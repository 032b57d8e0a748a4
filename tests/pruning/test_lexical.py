"""BM25: the formula, word by word, and what counts as a word."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning.lexical import K1, B, Question, bm25, singular, terms

TEXT = st.lists(st.sampled_from(["hedge", "Hedge", "rose", "the", "prune", "東京都", "é", "-"]), max_size=12).map(
    " ".join
)


def slowly(question: str, texts: list[str]) -> list[float]:
    """The formula of the module's docstring, one term of one text at a time."""
    documents = [terms(text) for text in texts]
    average = sum(map(len, documents)) / max(len(documents), 1)
    scores = []
    for document in documents:
        score = 0.0
        for term in terms(question):
            holding = sum(term in other for other in documents)
            idf = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
            tf = document.count(term)
            if tf:
                score += idf * tf / (tf + K1 * (1 - B + B * len(document) / average))
        scores.append(score)
    return scores


@given(question=TEXT, texts=st.lists(TEXT, max_size=6))
def test_scores_follow_the_formula(question: str, texts: list[str]) -> None:
    """Every score is what the formula gives, as float32, and one for each text."""
    scores = bm25(question, texts)

    assert np.dtype(np.float32) == scores.dtype
    assert (len(texts),) == scores.shape
    assert slowly(question, texts) == pytest.approx(scores.tolist(), rel=1e-5)


@given(question=st.text(), texts=st.lists(st.text(), max_size=5))
def test_any_text_has_a_finite_score(question: str, texts: list[str]) -> None:
    """Whatever the texts say, no score is negative or not a number."""
    scores = bm25(question, texts)

    assert len(texts) == len(scores)
    assert (scores >= 0).all()
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("question", ["", " ?! "])
def test_an_empty_question_scores_nothing(question: str) -> None:
    """Without a word there is nothing to match."""
    assert [0.0, 0.0] == bm25(question, ["a hedge", ""]).tolist()


def test_no_texts_no_scores() -> None:
    """An empty list gives an empty array."""
    assert (0,) == bm25("hedge", []).shape


def test_a_rare_word_weighs_more_than_a_common_one() -> None:
    """What stands in every text tells texts apart the least."""
    scores = bm25("the secateurs", ["the hedge", "the secateurs", "the rose", "my secateurs"])

    assert [1, 3, 0] == np.argsort(-scores, kind="stable")[:3].tolist()


def test_of_equal_matches_the_shorter_text_wins() -> None:
    """The same hit says more about a short text than about a long one."""
    short, long = bm25("secateurs", ["sharp secateurs", "sharp secateurs " + "and other tools " * 20])

    assert short > long > 0


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("東京の天気", "明日の東京都の天気は晴れです"),
        ("ราคาทองคำวันนี้", "ตรวจสอบราคาทองคำล่าสุด"),
        ("서울에서", "서울은 수도이다"),
        ("Cafe in Malaga", "Das CAFÉ liegt in MÁLAGA"),
        ("STRASSE", "die Straße"),
        ("हिन्दी", "भाषा हिन्दी है"),
        ("محمد", "قال مُحَمَّد"),
        ("fish ㎏", "ﬁsh by the kg"),
    ],
)
def test_scripts_match_across_their_spellings(question: str, answer: str) -> None:
    """A match is found without spaces between words, with or without accents, in compatibility forms."""
    scores = bm25(question, ["совсем другое", answer, "something else", "别的东西"])

    assert 1 == int(scores.argmax())
    assert scores[1] > 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("It's 3.5 m", ["it", "s", "3", "5", "m"]),
        ("snake_case", ["snake_case"]),
        ("水", ["水"]),
        ("iPhone版を買う", ["iphone", "版を", "を買", "買う"]),
        ("ガラス・瓶", ["ガラ", "ラス", "瓶"]),
        ("ကခဂ။ဃ", ["ကခ", "ခဂ", "ဃ"]),
        ("\ud800a", ["a"]),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    """Words in lower case, and pairs of characters where no spaces separate words."""
    assert expected == terms(text)


@given(term=st.text("abisuey", min_size=1, max_size=7))
def test_a_question_finds_every_form_of_its_words(term: str) -> None:
    """A text matches where the singulars of its word and of the question's are the same."""
    texts = [term, term + "s", term[:-1] + "ies", term[:-1]]
    found = Question(term).matches(texts).counts.sum(axis=1)

    assert [float(singular(text) == singular(term)) for text in texts if text] == [
        count for text, count in zip(texts, found.tolist(), strict=True) if text
    ]


@given(question=TEXT, texts=st.lists(TEXT, min_size=1, max_size=6))
def test_matches_score_as_bm25_does(question: str, texts: list[str]) -> None:
    """With the weights of its own terms, where no plural is among them."""
    asked = Question(question)
    found = asked.matches(texts)

    if found.lengths.any() and len(asked.repeats):
        assert bm25(question, texts) == pytest.approx(found.bm25(asked.repeats * found.rarity()), rel=1e-5)


def test_matches_of_groups_are_those_of_their_texts_together() -> None:
    """Neighbours that form one passage count as one text."""
    asked = Question("hedge rose")
    joined = asked.matches(["a hedge", "rose", "the hedge hedge", "x"]).joined(np.array([0, 0, 1, 1]))
    whole = asked.matches(["a hedge rose", "the hedge hedge x"])

    assert (whole.counts.tolist(), whole.lengths.tolist()) == (joined.counts.tolist(), joined.lengths.tolist())
