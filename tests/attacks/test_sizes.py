"""Pages of absurd shape or size: a result or one of our errors, all text there, and memory within its bound.

Memory may reach 10 times the page's bytes and 1 KB per node, beside what the interpreter and its libraries take. It is
measured as the peak resident size of a process of its own, less what it had before it read the page; of this, some
megabytes are what its allocator keeps for later. Attributes are nodes too.
"""

import json
import subprocess
import sys

import pytest

from pruning import BlockTree, Limits, Page, PageTimeout, PageTooLarge, TooManyNodes, clean
from pruning.parse import node_table
from tests.needs import ROOT

MANY = 100_000
WORD = "ZEBRA-42"

DEEP = {
    "open divs": "<div>" * MANY + WORD,
    "closed divs": "<div>" * MANY + WORD + "</div>" * MANY,
    "tables": "<table><tr><td>" * MANY + WORD,
    "lists": "<ul><li>" * MANY + WORD,
    "bold": "<b>" * MANY + WORD,
    "spans": "<span>" * MANY + WORD + "</span>" * MANY,
    "mixed": "<div><ul><li><b><table><tr><td><blockquote><dl><dd>" * (MANY // 10) + WORD,
    "definitions": "<dl><dt>" * MANY + WORD,
    "nested tables, 400": "<table><tr><td>" * 400 + WORD,
    "nested lists, 500": "<ul><li>" * 500 + WORD,
    "nested divs, 1000": "<div>" * 1000 + WORD,
}
WIDE = {
    "a million siblings": "<p>x" * 1_000_000 + WORD,
    "empty siblings": "<p></p>" * 500_000 + WORD,
    "line breaks": "<br>" * 500_000 + WORD,
    "one text": "word " * 1_000_000 + WORD,
    "one text without spaces": "x" * 5_000_000 + " " + WORD,
    "Chinese text": "斑马" * 400_000 + " " + WORD,
    "one row": "<table><tr>" + "<td>x" * 10_000 + f"<td>{WORD}</table>",
    "one code": "<pre>" + "line\n" * 200_000 + WORD + "</pre>",
    "references": "&amp;" * 300_000 + WORD,
    "comments": "<!-- x -->" * 200_000 + WORD,
    "an attribute": f'<p title="{"x" * 3_000_000}">{WORD}',
    "attributes": "<p " + " ".join(f"a{n}=1" for n in range(20_000)) + f">{WORD}",
    "spans of columns": f'<table><tr><td colspan="999999999" rowspan="-5">{WORD}</table>',
}
ODD: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", ""),
    "white space": (" \n\t ", ""),
    "no tags": (WORD, WORD),
    "NUL": (f"<p>{WORD[:3]}\0{WORD[3:]}", WORD),
    "half a surrogate pair": (f"<p>\ud800 {WORD}", WORD),
    "only scripts": ("<script>x</script><style>y</style>", ""),
    "Latin 1 that says UTF-8": (f"<meta charset=utf-8><p>caf\xe9 {WORD}".encode("latin-1"), WORD),
    "UTF-16 without a mark": (f"<p>{WORD}".encode("utf-16-le"), WORD),
}


@pytest.mark.parametrize("name", DEEP)
def test_text_is_never_lost_however_deep(name: str) -> None:
    """Tags may go, words may not."""
    assert WORD in clean(DEEP[name])


@pytest.mark.parametrize("name", WIDE)
def test_text_is_never_lost_however_long(name: str) -> None:
    """The last word of a long page stands in a block."""
    tree = BlockTree.from_pages([Page(WIDE[name])], 256)
    blocks = tree.cut(256)
    assert WORD in tree.text(int(blocks[-1]))
    assert int(tree.words[blocks].sum()) == int(tree.words[0])


@pytest.mark.parametrize("name", ODD)
def test_an_odd_page_is_read(name: str) -> None:
    """What is there is found, and nothing else."""
    page, expected = ODD[name]
    assert expected in clean(page)
    assert bool(expected) == bool(clean(page))


def test_unmatched_end_tags_end_in_time() -> None:
    """The parser looks for each of them through all open elements: quadratic, so the clock ends it."""
    page = Page("<span>" * 200_000 + "</b>" * 200_000 + WORD)
    with pytest.raises(PageTimeout, match=r"^the page could not be parsed within 0.5 s$"):
        node_table(page, Limits(seconds=0.5))


def test_limits_say_which_and_how_much() -> None:
    """Each limit has its error, in one line."""
    with pytest.raises(PageTooLarge, match=r"^the page has 11 bytes; the limit is 10$"):
        node_table(Page("x" * 11), Limits(bytes=10))
    with pytest.raises(TooManyNodes, match=r"^the page has more than 100 elements$"):
        node_table(Page("<p>x" * 5_000), Limits(nodes=100))


_ALLOCATOR = 16_000_000
_MEASURE = """
import json, re, sys
from pathlib import Path
from pruning import BlockTree, Page
from tests.attacks.test_sizes import HEAVY

def resident(name):
    return 1024 * int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

data = HEAVY[sys.argv[1]].encode()
BlockTree.from_pages([Page("<p>warm ä 斑马")], 256)
Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
before = resident("VmRSS")
BlockTree.from_pages([Page(data)], 256)
nodes = len(re.findall(rb"<[a-z]|=|>[^<]", data))
print(json.dumps({"used": resident("VmHWM") - before, "bytes": len(data), "nodes": nodes}))
"""
HEAVY = {
    "rows": "<table>" + "<tr><td>1<td>2 3</tr>" * 100_000,
    "text": "some words in a line, " * 200_000,
    "tags": "<p>x</p>" * 300_000,
    "Chinese": "斑马四十二" * 300_000,
    "Arabic": "كلمة عربية " * 200_000,
    "one word": "x" * 5_000_000,
    "one emoji in a long text": "lorem ipsum dolor. " * 200_000 + "\U0001f468",
    "blank lines of code": "<pre>" + "\n" * 4_000_000 + "x",
    "lines of code": "<pre>" + "line\n" * 800_000,
    "references": "&amp;" * 800_000,
    "an alternative text": "<img alt='" + "dog " * 1_000_000 + "'>",
    "attributes": "<p " + " ".join(f"a{n}=1" for n in range(100_000)) + ">x",
    "links": "<p>" + "<a href=/x>link</a> " * 100_000,
}


@pytest.mark.parametrize("kind", HEAVY)
def test_memory_is_bounded(kind: str) -> None:
    """At most 10 times the page's bytes and 1 KB per node."""
    run = subprocess.run([sys.executable, "-c", _MEASURE, kind], cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    assert found["used"] <= 10 * found["bytes"] + 1024 * found["nodes"] + _ALLOCATOR, found
    assert found["used"] > 0
