"""What a character is to those who fold white space, count words and look for marks: looked up in one table."""

import re
from collections.abc import Iterator

import numpy as np

# The parser leaves a mark in the text where an element starts or ends.
BLOCK_MARK, INLINE_MARK = "\x00", "\x01"

# Characters that no reader sees: controls, soft hyphen, zero-width space and word joiner, byte order mark, bidi
# overrides and isolates, tag characters (they spell hidden prompts), noncharacters. Joiners that shape letters and
# emoji stay.
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufdd0-\ufdef\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\U000e0000-\U000e007f]+"
)

# Scripts written without spaces between words: Thai, Lao, Myanmar, Khmer, kana, Han, and Han's extensions.
_UNSPACED = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF)),
    *((0xF900, 0xFAFF), (0x20000, 0x3FFFF)),
)

# Flags: white space or a mark; a mark; of an unspaced script; maybe `INVISIBLE` (but none that cleaning itself uses).
GAP, MARK, UNSPACED, UNSEEN = 1, 2, 4, 8
_TOP = 0x40000  # stands for all beyond
_KINDS = np.zeros(_TOP + 1, np.uint8)
_KINDS[:33] |= GAP
_KINDS[:2] |= MARK
for _low, _high in _UNSPACED:
    _KINDS[_low : _high + 1] |= UNSPACED
_KINDS[[code for code in (*range(5, 0x10000), _TOP) if code == _TOP or INVISIBLE.match(chr(code))]] |= UNSEEN

# What ends a question, in Latin and East Asian scripts and in Arabic.
QUESTION_MARKS = ("?", "？", "؟")

# Characters that are numbers at one time: as numbers they take twelve times the room of a Latin page.
SLICE = 1 << 18


def slices(text: str) -> Iterator[tuple[int, np.ndarray]]:
    """The text's characters as numbers, uint32, some at a time, and where these stand."""
    for at in range(0, len(text), SLICE):
        yield at, np.frombuffer(text[at : at + SLICE].encode("utf-32-le", "surrogatepass"), np.uint32)


def kinds_of(text: str) -> np.ndarray:
    """uint8 (n,): the flags of each character."""
    kinds = np.empty(len(text), np.uint8)
    for at, codes in slices(text):
        np.take(_KINDS, codes, out=kinds[at : at + SLICE], mode="clip")
    return kinds


def is_unspaced(character: str) -> bool:
    """Whether its script is written without spaces."""
    return bool(_KINDS[min(ord(character), _TOP)] & UNSPACED)
