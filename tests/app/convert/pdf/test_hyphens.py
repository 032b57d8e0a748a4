"""Lines are joined as their language is written."""

import pytest

from app.convert.pdf.hyphens import Joiner


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["one", "two"], "one two"),
        (["the prun-", "ing of pears"], "the pruning of pears"),
        (["a well-", "known tree"], "a well-known tree"),
        (["Rhein-", "Main"], "Rhein-Main"),
        (["pages 3-", "7"], "pages 3-7"),
        (["a dash -", "and more"], "a dash - and more"),
        (["梨の木は", "冬に切る"], "梨の木は冬に切る"),
        (["Bäu-", "me"], "Bäume"),
        ([], ""),
    ],
)
def test_lines_become_one_text(lines: list[str], expected: str) -> None:
    """A parted word is whole again, a compound keeps its hyphen, and CJK has no spaces."""
    assert expected == Joiner(["a well-known word"]).text(lines)
