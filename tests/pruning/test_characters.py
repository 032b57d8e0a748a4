"""The table of characters says of each what patterns and the oracle say."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pruning import characters
from pruning.characters import GAP, INVISIBLE, MARK, UNSEEN, UNSPACED, kinds_of
from tests.pruning import oracle

UNSPACED_LETTERS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def is_flagged(text: str) -> bool:
    """Whether any character may be one that nobody sees."""
    return bool((kinds_of(text) & UNSEEN).any())


@pytest.mark.parametrize("size", [1, 2, 5, 1 << 18])
@given(text=st.text())
@example("a b\x00c\x01\n漢\U00020000👩")
def test_each_character_has_its_flags(size: int, text: str) -> None:
    """Gaps, marks, scripts without spaces; whatever slice a character stands in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(characters, "SLICE", size)
        kinds = kinds_of(text)

    assert [letter <= " " for letter in text] == (kinds & GAP != 0).tolist()
    assert [letter <= "\x01" for letter in text] == (kinds & MARK != 0).tolist()
    assert [bool(UNSPACED_LETTERS.match(letter)) for letter in text if ord(letter) < 0x40000] == [
        bool(kind & UNSPACED) for kind, letter in zip(kinds.tolist(), text, strict=True) if ord(letter) < 0x40000
    ]


@given(text=st.text())
@example("a\u200bb")
@example("\U000e0041")
@example("x" * 300_000 + "\xad")
@example("\x00\x01\x02\x03\x04")
def test_the_fast_look_finds_what_the_pattern_finds(text: str) -> None:
    """But for the five characters that cleaning uses itself, and the few beyond all tables, which may be seen."""
    text = "".join(letter for letter in text if ord(letter) < 0x40000 or INVISIBLE.match(letter))
    expected = INVISIBLE.search(text.translate(dict.fromkeys(range(5)))) is not None

    assert expected == is_flagged(text)


@given(text=st.text())
def test_the_pattern_and_the_oracle_name_the_same_characters(text: str) -> None:
    """One has ranges, the other a set."""
    assert text.translate(oracle.INVISIBLE_TO_NONE) == INVISIBLE.sub("", text)


@pytest.mark.parametrize("shaping", ["\u200c", "\u200d", "\ufe0f", "\u0301", "\u200e", "\u200f"])
def test_characters_that_shape_others_stay(shaping: str) -> None:
    """Joiners, variation selectors, combining accents, marks of direction."""
    assert not is_flagged(f"a{shaping}b")
