"""Cutting passages into windows: nothing lost, nothing too long, and the best window counts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning.embedding import LONGEST_WORD, Windows, cut, legible, split, word_starts
from pruning.errors import ModelError

TEXT = (
    st.lists(st.sampled_from(["hedge", " ", "\n", "東京都", "สวัสดี", "w" * 40, "é"]), max_size=40).map("".join)
    | st.text()
)


@given(passages=st.lists(TEXT, max_size=6), size=st.integers(1, 20))
def test_windows_are_the_passages_in_pieces(passages: list[str], size: int) -> None:
    """Each passage's windows, joined, are what can be read of it, and none has more units than asked for."""
    windows = cut(passages, size, word_starts)
    ends = [*windows.first, len(windows.texts)][1:]

    assert [legible(passage) for passage in passages] == [
        "".join(windows.texts[first:end]) for first, end in zip(windows.first, ends, strict=True)
    ]
    assert max((len(word_starts(text)) for text in windows.texts), default=0) <= size


@given(words=st.integers(1, 300), size=st.integers(4, 60))
def test_windows_are_as_few_as_can_be_and_alike(words: int, size: int) -> None:
    """Words of one length fall into the fewest windows, of which none is much shorter than another."""
    text = " ".join(["hedge"] * words)
    lengths = [len(word_starts(window)) for window in cut([text], size, word_starts).texts]

    assert math.ceil(words / size) == len(lengths)
    assert max(lengths) - min(lengths) <= 1


def test_a_cut_stands_at_a_space_where_there_is_one() -> None:
    """Units that are parts of words are kept together with the word."""
    text = "abcdef ghijkl mnopqr"

    assert ["abcdef ", "ghijkl ", "mnopqr"] == split(text, range(len(text)), 8)


def test_tokens_of_one_character_stay_together() -> None:
    """A character of several tokens is not cut, though its tokens all begin at the same place."""
    assert ["漢", "字", "漢"] == split("漢字漢", [0, 0, 0, 1, 1, 1, 2, 2, 2], 4)


@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=8), data=st.data())
def test_the_best_window_counts(sizes: list[int], data: st.DataObject) -> None:
    """A passage scores as its best window does."""
    scores = data.draw(st.lists(st.floats(-1, 1, width=32), min_size=sum(sizes), max_size=sum(sizes)))
    first = np.cumsum([0, *sizes[:-1]])
    expected = [max(scores[begin : begin + size]) for begin, size in zip(first, sizes, strict=True)]

    best = Windows([""] * sum(sizes), first).best(np.array(scores, np.float32))

    assert expected == best.tolist()
    assert np.float32 == best.dtype


@pytest.mark.parametrize("scores", [[0.5, math.nan], [0.5, math.inf], [0.5]])
def test_scores_that_are_none_are_an_error(scores: list[float]) -> None:
    """A model that answers NaN, infinity or too little has failed."""
    with pytest.raises(ModelError):
        cut(["a", "b"], 9, word_starts).best(np.array(scores))


def test_nothing_scores_nothing() -> None:
    """No passages, no scores."""
    assert (0,) == cut([], 9, word_starts).best(np.zeros(0)).shape


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * LONGEST_WORD, "a" * LONGEST_WORD),
        (f"see {'é' * (LONGEST_WORD + 5)} there", f"see {'é' * LONGEST_WORD} there"),
        ("漢" * (LONGEST_WORD + 5), "漢" * (LONGEST_WORD + 5)),
        ("a\ud800b", "a\ufffdb"),
    ],
)
def test_the_tail_of_an_endless_word_is_not_read(text: str, expected: str) -> None:
    """Data in the shape of a word is cut short; scripts without spaces are not."""
    assert expected == legible(text)


def test_many_long_words_are_read_in_linear_time() -> None:
    """Five million characters in words just under the limit come out unharmed; a quadratic search would never end."""
    text = ("a" * (LONGEST_WORD - 1) + " ") * 5_000

    assert text == legible(text)
