"""White space is folded as a browser folds it."""

from hypothesis import example, given
from hypothesis import strategies as st

from pruning.characters import kinds_of
from pruning.fold import KEPT_SPACES, fold, keep_space

BUFFERS = st.text(alphabet="ab \n\t\u3000\xa0\x00\x00\x01\x01\x02\x03\x04\u200b\xad").map("\x00{}\x00".format)


def folded(text: str) -> str:
    """The folded text; what its characters are is told along with it."""
    text, kinds = fold(text)
    assert kinds_of(text).tolist() == kinds.tolist()
    return text


def folded_slowly(text: str) -> str:
    """One character after the other: a space counts once, across inline marks, and not at a block's borders."""
    out: list[str] = []
    for character in text:
        before = next((seen for seen in reversed(out) if seen != "\x01"), "\x00")
        if character in "\u200b\xad" or (character.isspace() and before in " \x00"):
            continue
        if character == "\x00" and before == " ":
            del out[len(out) - 1 - out[::-1].index(" ")]
        out.append(" " if character.isspace() else character)
    blocks = "".join(out).split("\x00")
    if {"\x02", "\x03", "\x04"} & set(text):
        blocks = [without_blank_lines(block) for block in blocks]
    return "\x00".join(blocks).replace("\x02", " ").replace("\x03", "\n").replace("\x04", "\t")


def without_blank_lines(block: str) -> str:
    """A block without white space at its end, and without blank lines at its beginning; marks stay."""
    content = block.rstrip(" \x01\x02\x03\x04")
    end = "\x01" * block[len(content) :].count("\x01")
    begin = len(content) - len(content.lstrip(" \x01\x02\x03\x04"))
    begin = content.rfind("\x03", 0, begin) + 1
    return "\x01" * content[:begin].count("\x01") + content[begin:] + end


@given(text=BUFFERS)
@example("\x00a \x01 \x01 b\x00")
@example("\x00\x01 \x03 \x03a \x02\x01\x03\x00")
@example("\x00 \x01 \x00a\x00")
@example("\x00\x03\xad a\x00")
def test_folding_one_character_after_the_other_gives_the_same(text: str) -> None:
    """Spaces, marks of blocks and of inline elements, and white space that is kept, in any order."""
    assert folded_slowly(text) == folded(text)


@given(text=BUFFERS)
def test_folding_twice_is_folding_once(text: str) -> None:
    """What is folded has nothing more to fold, once the kept white space has its names again."""
    once = folded(text.translate({2: None, 3: None, 4: None}))

    assert once == folded(once)


@given(text=st.text(alphabet="a\u3000 \n\x00", max_size=20), times=st.sampled_from([1, 30_000]))
def test_long_texts_fold_like_short_ones(text: str, times: int) -> None:
    """However long a text is, its words are the same, with one space between them."""
    assert " ".join((text * times).split()).replace(" \x00", "\x00").replace("\x00 ", "\x00") == folded(text * times)


@given(text=st.text(alphabet="a \n\r\t\xa0\x0b"))
def test_kept_white_space_survives_folding(text: str) -> None:
    """Lines and indents of preformatted text come out as they went in, line breaks as one character."""
    kept = keep_space(f"<x{text}x>", [(1, len(text) + 3)])[1:-1]
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")

    assert sum(lines.count(space) for space in " \n\t") == sum(kept.count(space) for space in KEPT_SPACES)
    assert (
        " ".join(f"x{lines}x".split("\x0b")).replace("\x0b", " ").split()
        == folded(f"\x00{kept}\x00").strip("\x00").split()
    )


def test_many_spaces_fold_at_once() -> None:
    """Neither runs of spaces nor runs of marks are read again and again."""
    spaces, kept = " " * 300_000, "\x02" * 300_000

    assert "\x00a b\x00" == folded(f"\x00a{spaces}b\x00")
    assert f"\x00a{' ' * 300_000}b\x00" == folded(f"\x00a{kept}b\x00")
    assert "\x00a\x00" == folded(f"\x00a{kept}\x00")
    assert "\x00" + "\x01" * 300_000 + "a\x00" == folded("\x00" + "\x01 " * 300_000 + "a\x00")
