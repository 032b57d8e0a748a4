"""The table of elements agrees with itself, with the HTML standard, and with what the oracle says of it."""

import html5lib
import pytest
from html5lib.constants import voidElements
from lxml import etree

from pruning import elements
from pruning.elements import CODES, MISPLACED, NAMES, Action, actions
from tests.pruning import oracle

TABLE = actions(links=False)


def test_names_and_codes_are_one_to_one() -> None:
    """Text has code 0, and all fit into a byte beside the parser's own marks."""
    assert "#text" == NAMES[elements.TEXT]
    assert len(NAMES) == len(set(NAMES)) == len(CODES)
    assert all(code == CODES[name] for code, name in enumerate(NAMES))
    assert len(NAMES) < 250


@pytest.mark.parametrize("tag", sorted(oracle.NEVER_SHOWN))
def test_what_is_never_shown_is_hidden(tag: str) -> None:
    """With all that stands in it."""
    assert Action.HIDE == TABLE[tag]


@pytest.mark.parametrize("tag", sorted(oracle.JOINING))
def test_what_stands_in_a_line_breaks_no_word(tag: str) -> None:
    """Its tags go, or it is a node in a line of text."""
    code = TABLE[tag]

    assert Action.THROUGH == code or (code > 0 and not elements.IS_BLOCK[code])


def test_every_other_tag_sets_words_apart() -> None:
    """As a block, a line break, or something that stands for itself."""
    for tag in TABLE.keys() - oracle.NEVER_SHOWN - oracle.JOINING:
        code = TABLE[tag]
        assert code in (Action.BREAK, Action.APART, Action.ASK) or elements.IS_BLOCK[code], tag


@pytest.mark.parametrize("tag", sorted(voidElements - {"event-source"}))
def test_void_elements_hide_nothing_behind_them(tag: str) -> None:
    """Either libxml2 knows that they hold nothing, or they are taken out before it sees them."""
    element = next(etree.HTML(f"<body><{tag}>behind").iter(tag))

    assert tag in elements.VOID_TO_US or not element.text


def test_links_are_nodes_only_when_kept() -> None:
    """Nothing else depends on it."""
    with_links = actions(links=True)

    assert (Action.THROUGH, CODES["a"]) == (TABLE["a"], with_links["a"])
    assert {"a"} == {tag for tag in with_links if with_links[tag] != TABLE[tag]}


@pytest.mark.parametrize("child", sorted(name for name in NAMES if MISPLACED[:, CODES[name]].any()))
def test_parents_are_those_of_the_standard(child: str) -> None:
    """Below a parent that may hold it, an HTML5 parser leaves the element where it stands."""
    around = {"tr": "<table>", "thead": "<table>", "caption": "<table>"}
    for parent in (name for name in NAMES if not MISPLACED[CODES[name], CODES[child]]):
        before = "<table>" if parent in ("thead", "tr") else around.get(parent, "")
        root = html5lib.parse(f"<body>{before}<{parent}><{child}>x", namespaceHTMLElements=False)
        assert next(root.iter(child)) in next(root.iter(parent)).iter()


def test_flags_name_what_they_say() -> None:
    """Wrappers and headings are blocks, cells and lists too; what needs no end tag is among the blocks."""
    for flags in (elements.IS_WRAPPER, elements.IS_CELL, elements.IS_HEADING, elements.IS_LIST, elements.END_OPTIONAL):
        assert not (flags & ~elements.IS_BLOCK).any()
    assert {"td", "th"} == {name for name in NAMES if elements.IS_CELL[CODES[name]]}
    assert {f"h{level}" for level in range(1, 7)} == {name for name in NAMES if elements.IS_HEADING[CODES[name]]}


@pytest.mark.parametrize(("kind", "others"), elements.END_NEEDED)
def test_an_end_tag_is_left_out_only_where_any_parser_adds_it(kind: object, others: object) -> None:
    """What may stand beside an element without its end tag closes it, for an HTML5 parser and for libxml2."""
    beside = [name for name in NAMES[1:] if elements.IS_BLOCK[CODES[name]] and not others[CODES[name]]]  # type: ignore[index]
    for tag in (name for name in NAMES if kind[CODES[name]]):  # type: ignore[index]
        before = {
            "li": "<ul>",
            "tr": "<table>",
            "td": "<table><tr>",
            "th": "<table><tr>",
            "dt": "<dl>",
            "dd": "<dl>",
        }.get(tag, "")
        for other in beside:
            if tag == "p" and other in ("li", "dt", "dd", "caption", "thead", "tr", "td", "th"):
                continue  # they stand in elements of their own
            if tag == "tr" and other in ("caption", "thead"):
                continue  # only in front of rows: render.py looks for those behind
            if elements.END_OPTIONAL_IF_ALONE[CODES[tag]] and tag == other:
                continue
            page = f"<!DOCTYPE html><body>{before}<{tag}>one<{other}>two"
            for root in (oracle.parsed(page), oracle.parsed_as_html5(page)):
                first = next(element for element in root.iter(tag))
                assert "two" not in "".join(first.itertext()), (tag, other)
