"""Events that can't become nodes as they are: whatever they were, afterwards they can, and no word is gone."""

from hypothesis import given
from hypothesis import strategies as st

from pruning.characters import BLOCK_MARK, INLINE_MARK
from pruning.elements import CODES, IS_BLOCK
from pruning.nodes import Events, Nesting
from pruning.settle import settled

STEPS = st.lists(st.sampled_from(["table", "tr", "td", "th", "thead", "dl", "div", "dt", "a", "img", "x", "/"]))


def events_of(steps: list[str]) -> Events:
    """Elements opened, texts, and `/` where the last opened one ends."""
    codes, text, stack = bytearray(), "", list[str]()
    for step in ["div", *steps]:
        if step == "x" or (step == "/" and len(stack) < 2):
            text += f"{len(text)} "
            continue
        name = stack.pop() if step == "/" else step
        codes.append(0 if step == "/" else CODES[name])
        stack += [] if step == "/" else [name]
        text += BLOCK_MARK if IS_BLOCK[CODES[name]] else INLINE_MARK
    for name in reversed(stack):
        codes.append(0)
        text += BLOCK_MARK if IS_BLOCK[CODES[name]] else INLINE_MARK
    return Events(codes, text, {}, {})


def words(events: Events) -> list[str]:
    return events.text.replace(BLOCK_MARK, " ").replace(INLINE_MARK, "").split()


@given(steps=STEPS, depth=st.integers(1, 8))
def test_settled_events_are_settled(steps: list[str], depth: int) -> None:
    """Rows stand around all cells, nothing is too deep, and there is a mark for each event."""
    before = events_of(steps)
    after = settled(before, depth)

    assert Nesting.of(after).level[-1] <= depth + 1 + ("table" in steps)  # a row that is added may be deeper by one
    assert len(after.codes) == after.text.count(BLOCK_MARK) + after.text.count(INLINE_MARK)
    assert words(before) == words(after)
    assert Nesting.of(settled(after, depth + 1)).is_settled(depth + 1)


@given(steps=STEPS)
def test_events_that_are_settled_stay_as_they_are(steps: list[str]) -> None:
    """Going through them once more changes nothing."""
    events = events_of(steps)
    if Nesting.of(events).is_settled(len(steps)):
        assert events == settled(events, len(steps))
