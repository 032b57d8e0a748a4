"""White space as a browser folds it, over the buffer of a page's text and marks."""

import re

from pruning import visibility
from pruning.nodes import INLINE_MARK

# White space in `pre` is kept: it stands under these names while all other white space is folded.
_PRE_SPACE, _PRE_NEWLINE, _PRE_TAB = "\x02", "\x03", "\x04"
_KEEP_SPACE = str.maketrans({" ": _PRE_SPACE, "\xa0": _PRE_SPACE, "\n": _PRE_NEWLINE, "\t": _PRE_TAB, "\r": None})
# Blank lines at the start of a block; marks of inline elements stay.
_BLANK_START = re.compile(f"\x00[\x01 {_PRE_SPACE}{_PRE_TAB}{_PRE_NEWLINE}]*{_PRE_NEWLINE}")
_BLANK = ("\x01", " ", _PRE_SPACE, _PRE_TAB, _PRE_NEWLINE)
_INVISIBLE = re.compile(visibility.INVISIBLE.pattern.replace("\x00-\x08", "\x05-\x08", 1))
# White space folds across the marks of inline elements, and none stands at a block's start or end. What each pattern
# begins with is searched for first, which costs little; what one replacement leaves, the next round takes.
_ACROSS_INLINE = (
    (" \x01", re.compile(" (\x01+) "), r" \1"),
    ("\x00\x01", re.compile("\x00(\x01+) "), "\x00\\1"),
    (" \x01", re.compile(" (\x01+\x00)"), r"\1"),
)


def keep_space(text: str) -> tuple[str, int]:
    """The text of a `pre`, its white space out of `fold`'s reach; and how many characters that took."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(_KEEP_SPACE), sum(text.count(space) for space in " \xa0\n\t")


def count_kept(text: str) -> int:
    """How many white-space characters of a buffer are out of reach."""
    return sum(text.count(space) for space in (_PRE_SPACE, _PRE_NEWLINE, _PRE_TAB))


# Characters that are split into words at one time: as a list, words take ten times the room of their page.
_SLICE = 1 << 18


def with_single_spaces(text: str) -> str:
    """The text with each run of white space as one space, and none at either end."""
    if len(text) <= _SLICE:
        return " ".join(text.split())
    pieces = [""]
    for at in range(0, len(text), _SLICE):
        piece = text[at : at + _SLICE]
        folded = " ".join(piece.split())
        if piece[0].isspace() and not pieces[-1].endswith(" "):
            folded = " " + folded
        if piece[-1].isspace() and not (folded or pieces[-1]).endswith(" "):
            folded += " "
        pieces += [folded] if folded else []
    return "".join(pieces).strip(" ")


def fold(text: str) -> str:
    """The text with white space folded, inline marks seen through, and nothing at the borders of blocks."""
    if visibility.has_invisible(text):
        text = _INVISIBLE.sub("", text)
    text = with_single_spaces(text)
    text = text.replace(" \x00", "\x00")  # in two steps: no more than two texts at a time
    text = text.replace("\x00 ", "\x00")
    if INLINE_MARK in text:
        for begin, pattern, instead in _ACROSS_INLINE:
            found = int(begin in text)
            while found:
                text, found = pattern.subn(instead, text)
    if _PRE_NEWLINE in text or _PRE_SPACE in text or _PRE_TAB in text:
        text = _BLANK_START.sub(lambda blank: "\x00" + "\x01" * blank[0].count("\x01"), text)
        text = _without_blank_ends(text)
        for kept, space in ((_PRE_SPACE, " "), (_PRE_NEWLINE, "\n"), (_PRE_TAB, "\t")):
            text = text.replace(kept, space)
    return text


def _without_blank_ends(text: str) -> str:
    """The text without white space at the end of blocks; marks of inline elements stay."""
    blocks = text.split("\x00")
    for number, block in enumerate(blocks[:-1]):
        if block.endswith(_BLANK):
            content = block.rstrip("".join(_BLANK))
            blocks[number] = content + "\x01" * block.count("\x01", len(content))
    return "\x00".join(blocks)
