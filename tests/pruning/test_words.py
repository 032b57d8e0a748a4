"""Texts are read slice by slice, never to stand in memory whole as numbers or lists: it makes no difference."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pruning import fold, visibility, words
from tests.pruning.strategies import LATIN, OTHER_SCRIPTS

TEXTS = st.lists(st.sampled_from([*LATIN, *OTHER_SCRIPTS, " ", "  ", "\t", "\n ", "\x00", "\x01", "\xa0"])).map("".join)
SIZES = pytest.mark.parametrize("size", [1, 2, 5, 1 << 18])
UNSPACED = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"


@contextmanager
def slices_of(size: int) -> Iterator[None]:
    """Every text is read in slices of so many characters."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "_SLICE", size)
        patch.setattr(fold, "_SLICE", size)
        yield


@SIZES
@given(text=TEXTS)
@example("")
@example("漢字kana漢 字")
@example("กขa ข")
def test_words_are_counted(size: int, text: str) -> None:
    """By white space and marks; and each character of an unspaced script as a word, which ends the one before it."""
    by_gaps = [part for part in re.split("[\x00-\x20]+", text) if part]
    by_characters = sum(len(re.findall(f"{UNSPACED}|(?:(?!{UNSPACED}).)+", part)) for part in by_gaps)
    with slices_of(size):
        assert (by_characters, len(by_gaps)) == words.count_words(text)


@SIZES
@given(text=TEXTS, cuts=st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_words_of_stretches_add_up(size: int, text: str, cuts: list[float]) -> None:
    """What is counted between two places is what begins between them."""
    places = sorted(int(cut * len(text)) for cut in cuts)
    with slices_of(size):
        parts, _ = words.words_between(text, np.array(places[:-1]), np.array(places[1:]))
        whole, _ = words.words_between(text, np.array([places[0]]), np.array([places[-1]]))
    assert whole[0] == parts.sum()


@SIZES
@given(text=TEXTS)
def test_marks_are_found(size: int, text: str) -> None:
    """All characters up to U+0001, and no others, whatever slice they stand in."""
    with slices_of(size):
        assert [at for at, letter in enumerate(text) if letter <= "\x01"] == words.places_up_to(1, text).tolist()


@SIZES
@given(text=TEXTS)
@example(" a")
@example("a \xa0 b ")
@example("     ")
def test_white_space_is_folded(size: int, text: str) -> None:
    """Any run of it becomes one space, and none is left at the ends."""
    with slices_of(size):
        assert " ".join(text.split()) == fold.with_single_spaces(text)


@SIZES
@given(text=TEXTS, odd=st.sampled_from(["\u200b", "\xad", "\U000e0041", "\x05"]), at=st.floats(0, 1))
@example("a👩b", "\u200b", 0.5)
def test_invisible_characters_are_found(size: int, text: str, odd: str, at: float) -> None:
    """Wherever one stands, also beside characters beyond the basic plane; and nowhere where there is none."""
    place = int(at * len(text))
    with slices_of(size):
        assert not visibility.has_invisible(text)
        assert visibility.has_invisible(text[:place] + odd + text[place:])
