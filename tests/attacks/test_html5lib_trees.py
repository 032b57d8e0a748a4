"""The tree-construction cases of the HTML standard: lxml parses another way, but hardly a word goes lost for it."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pruning import BlockTree, Page, clean
from pruning.render import HtmlWriter, render
from tests import needs
from tests.attacks.support import assert_harmless
from tests.pruning import oracle

FILES = needs.data_files("hard/html5lib_tree/*.dat")

# Why our words may differ from those of a tree that html5lib builds: at most so many cases, and how to tell them.
# The first reason that holds counts.
REASONS: dict[str, tuple[int, Callable[[str, list[str], list[str]], bool]]] = {
    "the same letters, parted into other words: at a button's edge, at the end of a block": (
        20,
        lambda page, theirs, ours: "".join(theirs) == "".join(ours),
    ),
    "text among a table's rows is moved before the table by the standard, and stays in its place here": (
        5,
        lambda page, theirs, ours: "<table" in page and sorted("".join(theirs)) == sorted("".join(ours)),
    ),
    "a CDATA section within a drawing or formula is a comment to libxml2": (22, lambda page, *_: "<![CDATA[" in page),
    "`isindex` is no element any more, and html5lib writes a form in its place": (
        4,
        lambda page, *_: "<isindex" in page,
    ),
    "html5lib knows no templates, whose contents nobody sees": (4, lambda page, *_: "<template" in page),
    "the standard drops what follows a frameset; it is kept here": (5, lambda page, *_: "<frameset" in page),
    "`plaintext` in places where html5lib ignores it": (3, lambda page, *_: "<plaintext" in page),
    "html5lib drops the tags in a `select`, and so shows a hidden list": (2, lambda page, *_: "<datalist" in page),
    "to libxml2 a drawing's title is text up to its end, too": (1, lambda page, *_: "<title></svg>" in page),
    "html5lib does not know that a `dialog` is hidden up to its end": (1, lambda page, *_: "<dialog" in page),
}


def pages_in(path: Path) -> list[str]:
    """The `#data` of each case in a file. Bytes that are no text become replacement characters."""
    text = "\n\n" + path.read_bytes().decode("utf-8", "replace")
    return [part.partition("\n#errors")[0] for part in text.split("\n\n#data\n")[1:]]


@pytest.mark.parametrize("path", FILES)
def test_each_case_comes_through(path: Path) -> None:
    """Cleaned, cut as fine as can be and written again: no crash, no word lost, nothing that runs, the same again."""
    for page in pages_in(path):
        content = clean(page, links=True)
        assert content == clean(content, links=True), page
        assert_harmless(content)
        tree = BlockTree.from_pages([Page(page)], max_words=1, links=True)
        pieces = render(HtmlWriter(tree), tree.cut(1).tolist(), joined=False)
        assert "".join(oracle.written_words(content)) == "".join(oracle.written_words(pieces)), page


def test_words_are_those_of_the_standard(data_dir: Path) -> None:
    """Where the words are not those of the standard's tree, one of `REASONS` says why, no more often than it says."""
    found: Counter[str] = Counter()
    unexplained, cases = [], 0
    for path in sorted((data_dir / "hard/html5lib_tree").glob("*.dat")):
        for page in pages_in(path):
            cases += 1
            theirs = oracle.visible_text(oracle.parsed_as_html5(page)).split()
            ours = oracle.written_words(clean(page))
            if theirs == ours:
                continue
            why = next((why for why, (_, holds) in REASONS.items() if holds(page, theirs, ours)), None)
            found[why or ""] += 1
            unexplained += [] if why else [f"{path.name}: {page!r}: {theirs} but {ours}"]
    assert [] == unexplained
    assert 1_796 <= cases
    assert {} == {why: number for why, number in found.items() if number > REASONS[why][0]}
