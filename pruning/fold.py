"""White space as a browser folds it, over the buffer of a page's text and marks."""

import re
from collections.abc import Sequence

import numpy as np

from pruning.characters import INLINE_MARK, INVISIBLE, SLICE, UNSEEN, kinds_of

# White space in `pre` is kept: it stands under these names while all other white space is folded.
KEPT_SPACES = _PRE_SPACE, _PRE_NEWLINE, _PRE_TAB = "\x02", "\x03", "\x04"
_KEEP_SPACE = str.maketrans({" ": _PRE_SPACE, "\xa0": _PRE_SPACE, "\n": _PRE_NEWLINE, "\t": _PRE_TAB, "\r": None})
# Blank lines at the start of a block; marks of inline elements stay.
_BLANK_START = re.compile(f"\x00[\x01 {_PRE_SPACE}{_PRE_TAB}{_PRE_NEWLINE}]*{_PRE_NEWLINE}")
_BLANK = ("\x01", " ", _PRE_SPACE, _PRE_TAB, _PRE_NEWLINE)
_INVISIBLE = re.compile(INVISIBLE.pattern.replace("\x00-\x08", "\x05-\x08", 1))
# White space folds across the marks of inline elements, and none stands at a block's start or end. Each pattern begins
# with two characters that are found fast; what one replacement leaves, the next round takes.
_ACROSS_INLINE = (
    (re.compile(" \x01(\x01*) "), " \x01\\1"),
    (re.compile("\x00\x01(\x01*) "), "\x00\x01\\1"),
    (re.compile(" \x01(\x01*\x00)"), "\x01\\1"),
)


def keep_space(text: str, stretches: Sequence[tuple[int, int]]) -> str:
    """The text with the white space of these stretches, each the inside of a `pre`, out of `fold`'s reach."""
    out, at = [], 0
    for start, stop in stretches:
        inside = text[start:stop].replace("\r\n", "\n").replace("\r", "\n")
        out += [text[at:start], inside.translate(_KEEP_SPACE)]
        at = stop
    return "".join((*out, text[at:]))


def with_single_spaces(text: str) -> str:
    """The text with each run of white space as one space, and none at either end."""
    if len(text) <= SLICE:
        return " ".join(text.split())
    pieces = [""]
    for at in range(0, len(text), SLICE):
        piece = text[at : at + SLICE]
        folded = " ".join(piece.split())
        if piece[0].isspace() and not pieces[-1].endswith(" "):
            folded = " " + folded
        if piece[-1].isspace() and not (folded or pieces[-1]).endswith(" "):
            folded += " "
        pieces += [folded] if folded else []
    return "".join(pieces).strip(" ")


def fold(text: str) -> tuple[str, np.ndarray]:
    """Fold white space, through inline marks, away at the borders of blocks; and leave out what no reader sees.

    Returns:
        the text, and uint8 (n,), the kinds of its characters.
    """
    text = with_single_spaces(text)
    text = text.replace(" \x00", "\x00")  # in two steps: no more than two texts at a time
    text = text.replace("\x00 ", "\x00")
    if INLINE_MARK in text:
        for pattern, instead in _ACROSS_INLINE:
            found = 1
            while found:
                text, found = pattern.subn(instead, text)
    kinds = kinds_of(text)
    if len(text) and kinds.max() >= UNSEEN and (seen := _INVISIBLE.sub("", text)) != text:
        return fold(seen)  # white space on both sides of what is gone is one now
    if any(space in text for space in KEPT_SPACES):
        text = _BLANK_START.sub(lambda blank: "\x00" + "\x01" * blank[0].count("\x01"), text)
        text = _without_blank_ends(text)
        for kept, space in zip(KEPT_SPACES, " \n\t", strict=True):
            text = text.replace(kept, space)
        kinds = kinds_of(text)
    return text, kinds


def _without_blank_ends(text: str) -> str:
    """The text without white space at the end of blocks; marks of inline elements stay."""
    blocks = text.split("\x00")
    for number, block in enumerate(blocks[:-1]):
        if block.endswith(_BLANK):
            content = block.rstrip("".join(_BLANK))
            blocks[number] = content + "\x01" * block.count("\x01", len(content))
    return "\x00".join(blocks)
