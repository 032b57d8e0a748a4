"""Texts are read slice by slice, never to stand in memory whole as numbers or lists: it makes no difference."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pruning import characters, fold, words
from tests.pruning.strategies import LATIN, OTHER_SCRIPTS

TEXTS = st.lists(st.sampled_from([*LATIN, *OTHER_SCRIPTS, " ", "  ", "\t", "\n ", "\x00", "\x01", "\xa0"])).map("".join)
SIZES = pytest.mark.parametrize("size", [1, 2, 5, 1 << 18])
UNSPACED = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"


@contextmanager
def slices_of(size: int) -> Iterator[None]:
    """Every text is read in slices of so many characters."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (characters, fold, words):
            patch.setattr(module, "SLICE", size)
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
        kinds = characters.kinds_of(text)
        parts, _ = words.words_between(kinds, np.array(places[:-1]), np.array(places[1:]))
        whole, _ = words.words_between(kinds, np.array([places[0]]), np.array([places[-1]]))
    assert whole[0] == parts.sum()


@SIZES
@given(text=TEXTS)
@example(" a")
@example("a \xa0 b ")
@example("     ")
def test_white_space_is_folded(size: int, text: str) -> None:
    """Any run of it becomes one space, and none is left at the ends."""
    with slices_of(size):
        assert " ".join(text.split()) == fold.with_single_spaces(text)
