"""The rules of what a reader sees, one by one. test_visibility_chromium.py asks a browser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning.visibility import RULES, WATCHED, controlled, hidden_by, is_folded_answer, says_something
from tests.pruning import oracle

STYLES = [
    *("display:none", "DISPLAY: NONE", "color:red;display : none ;x:y", "display:none!important", "visibility:hidden"),
    *("visibility: collapse", "font-size:0", "font-size: 0px", "a:b;font-size:0em !important", ";;display:none;;"),
    *("display:block", "display:none-such", "xdisplay:none", "font-size:0.5em", "font-size:10px", "opacity:0", "", ";"),
    *(
        "visibility:visible",
        "background:url(display:none)",
        "content:'display:none'",
        "display:inline;visibility:inherit",
    ),
]


@pytest.mark.parametrize("style", STYLES)
def test_styles_hide_what_they_say(style: str) -> None:
    """As one declaration after the other says it."""
    expected = "hidden_by_style" if oracle.is_hidden("p", {"style": style}, set()) else None

    assert expected == hidden_by({"style": style}, set())


SPACE = st.sampled_from(["", " ", "\n "])
DECLARATIONS = st.tuples(
    st.sampled_from(["display", "VISIBILITY", "font-size", "color", "--display"]),
    st.sampled_from(["none", "hidden", "Collapse", "0", "0px", "10px", "block", "none none", ""]),
    st.sampled_from(["", "!important", " ! IMPORTANT"]),
)
HIDING = {"display": {"none"}, "visibility": {"hidden", "collapse"}, "font-size": {"0", "0px"}}


@given(declarations=st.lists(DECLARATIONS, max_size=4), spaces=st.tuples(SPACE, SPACE, SPACE))
def test_any_declaration_may_hide(declarations: list[tuple[str, str, str]], spaces: tuple[str, str, str]) -> None:
    """Wherever it stands in a style, in any spelling, important or not."""
    before, around, after = spaces
    style = ";".join(f"{before}{name}{around}:{around}{value}{kind}{after}" for name, value, kind in declarations)
    expected = any(value.lower() in HIDING.get(name.lower(), ()) for name, value, _ in declarations)

    assert expected == (hidden_by({"style": style}, set()) is not None)


@pytest.mark.parametrize(
    ("attributes", "panels", "expected"),
    [
        ({}, set(), None),
        ({"hidden": ""}, set(), "hidden"),
        ({"hidden": "hidden"}, set(), "hidden"),
        ({"hidden": "false"}, set(), "hidden"),
        ({"hidden": "until-found"}, set(), None),
        ({"hidden": " Until-Found "}, set(), None),
        ({"hidden": "", "id": "p1"}, {"p1"}, None),
        ({"hidden": "", "id": "p2"}, {"p1"}, "hidden"),
        ({"hidden": "", "role": "tabpanel"}, set(), None),
        ({"style": "display:none", "role": "region"}, set(), None),
        ({"style": "display:none", "role": "button"}, set(), "hidden_by_style"),
        ({"aria-hidden": "true"}, set(), None),
    ],
)
def test_elements_are_hidden_by_rule(attributes: dict[str, str], panels: set[str], expected: str | None) -> None:
    """Unless a reader gets to them by a click."""
    assert expected == hidden_by(attributes, panels)


def test_controls_name_the_panels_that_they_open() -> None:
    """By id, with or without the sign of a selector."""
    attributes = {"aria-controls": "a b", "data-target": "#c", "data-bs-target": "#", "href": "#d"}

    assert ["a", "b", "c"] == sorted(controlled(attributes))
    assert [] == controlled({"href": "#d"})


def test_the_attributes_of_all_rules_are_watched() -> None:
    """The parser looks no further at elements without one of them."""
    assert {rule.attribute for rule in RULES} | {"aria-controls", "data-target", "data-bs-target"} == WATCHED
    assert all(rule.reason for rule in RULES)


@pytest.mark.parametrize(
    ("alt", "expected"),
    [
        *[("a pruned hedge", True), ("Logo of the garden club", True), ("生垣", True), ("5 %", True), ("a.b", True)],
        *[("", False), (" ", False), ("x", False), ("logo", False), (" Image ", False), ("hedge.JPG", False)],
        *[("my hedge.png", False), ("IMG_2041", False), ("dsc-12345-web", False), ("x" * 301 + ".png", True)],
    ],
)
def test_alternative_texts_that_say_something_are_told(alt: str, expected: bool) -> None:
    """Neither names of files nor words for any image do."""
    assert expected == says_something(alt)


@pytest.mark.parametrize(
    ("attributes", "before", "expected"),
    [
        ({"style": "display: none", "class": "faq__answer"}, ["Who prunes?"], True),
        ({"style": "DISPLAY:NONE;", "id": "Accordion-1"}, ["Who", " prunes? ", "\x00", "\n", "\x00"], True),
        ({"style": "display:none", "class": "answer"}, ["誰が？"], True),
        ({"style": "display:none"}, ["Who prunes?"], False),
        ({"style": "display:none", "class": "note"}, ["Who prunes?"], False),
        ({"style": "display:none", "class": "answer"}, ["Gardeners prune."], False),
        ({"style": "display:none", "class": "answer"}, [], False),
        ({"style": "visibility:hidden", "class": "answer"}, ["Who prunes?"], False),
        ({"style": "display:none; font-size:0", "class": "answer"}, ["Who prunes?"], False),
        ({"style": "display:none", "hidden": "", "class": "answer"}, ["Who prunes?"], False),
    ],
)
def test_answers_that_fold_away_are_told_from_what_nobody_sees(
    attributes: dict[str, str], before: list[str], expected: bool
) -> None:
    """Only what calls itself an answer and stands behind a question is opened by a click."""
    assert expected == is_folded_answer(attributes, before)
