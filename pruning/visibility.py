"""What a reader sees, in one table. Whatever a row hides is no part of the cleaned page.

Only what the HTML itself says is known: style sheets are not loaded. Where a reader gets to a text by a click (a closed
`details`, an accordion, a tab), it counts as visible. tests/pruning/test_visibility_chromium.py holds the table against
a browser's `innerText`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from pruning.characters import BLOCK_MARK, INLINE_MARK, QUESTION_MARKS

Attributes = Mapping[str, str]

_HIDING_STYLE = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0(?:px|em|rem|%|pt)?)"
    r"\s*(?:!\s*important\s*)?(?:;|$)",
    re.IGNORECASE,
)


class Rule(NamedTuple):
    """One way in which HTML hides an element: an attribute, whether its value does so, and as what that is counted."""

    attribute: str
    hides: Callable[[str], bool]
    kind: str
    reason: str


def hidden_is_meant(value: str) -> bool:
    """Whether a `hidden` attribute hides."""
    return value.strip().lower() != "until-found"


def style_hides(style: str) -> bool:
    """Whether an inline style takes its element off the page."""
    said = style.lower()  # most styles say none of these, which is found out fast
    may_hide = "none" in said or "hidden" in said or "font-size" in said or "collapse" in said
    return may_hide and _HIDING_STYLE.search(style) is not None


RULES: tuple[Rule, ...] = (
    Rule("hidden", hidden_is_meant, "hidden", "not rendered; `until-found` is, once a reader searches for it"),
    Rule("style", style_hides, "hidden_by_style", "the classic place of injected prompts"),
)

# Shown although a rule or a naive reading says otherwise, and hidden by the element's nature (elements.py):
#   details, closed      shown: one click opens it
#   accordion, tab panel shown: a control on the page names it (`aria-controls`, `data-target`) or its role says so
#   answer, folded away  shown: `display: none` right behind a question, and its class or id calls it an answer
#   aria-hidden          shown: it hides from screen readers only
#   opacity: 0           shown: pages fade their text in by script
#   option, button       shown: a reader opens the one and reads the other
#   noscript             hidden: browsers run scripts
#   popover              shown: one click opens it
#   meter, progress      shown: their text says what the bar shows
#   svg                  its texts are shown (scores, labels of charts), not its title, description and definitions
#   template, head       hidden: never rendered
#   html, body           shown, whatever their attributes say: scripts hide them only until the page is laid out
#   iframe, object, video… their fallback text is hidden: browsers show the thing itself
#   img alt              kept where it says something; not a visible word

_PANEL_ROLES = frozenset(("tabpanel", "region"))
_CONTROLS = frozenset(("aria-controls", "data-target", "data-bs-target"))

# The attributes that any rule looks at: elements without one of them need no further look.
WATCHED = frozenset(rule.attribute for rule in RULES) | _CONTROLS


def controlled(attributes: Attributes) -> list[str]:
    """The ids of the panels that this element opens."""
    if _CONTROLS.isdisjoint(attributes):
        return []
    return [part.lstrip("#") for name in _CONTROLS for part in attributes.get(name, "").split() if part.strip("#")]


def hidden_by(attributes: Attributes, panels: set[str]) -> str | None:
    """The kind of the rule that hides an element, or None where a reader can see it.

    Args:
        attributes: the element's attributes.
        panels: ids of the panels that controls seen so far open.
    """
    for attribute, hides, kind, _ in RULES:
        value = attributes.get(attribute)
        if value is not None and hides(value):
            opens = attributes.get("role") in _PANEL_ROLES or attributes.get("id") in panels
            return None if opens else kind
    return None


_CALLED_ANSWER = re.compile(r"answer|accordion|collaps|faq", re.IGNORECASE)
_NO_WORDS = BLOCK_MARK + INLINE_MARK + " \t\r\n\f\xa0"
_LAST = 40  # pieces of text among which the question's end is looked for
_DISPLAY_NONE = re.compile(r"display\s*:\s*none", re.IGNORECASE)


def is_folded_answer(attributes: Attributes, before: Sequence[str]) -> bool:
    """Whether an element that a rule hides is the answer to a question, which a click on that opens by script.

    Both must hold, so that text which nobody ever sees stays out: its class or id says that it is one, and the last
    words before it ask. And only `display: none` folds away: all else is a way to hide.

    Args:
        attributes: the element's attributes.
        before: the texts before it, marks among them.
    """
    style = attributes.get("style", "")
    if "hidden" in attributes or not _DISPLAY_NONE.search(style) or style_hides(_DISPLAY_NONE.sub("", style)):
        return False
    if not _CALLED_ANSWER.search(f"{attributes.get('class', '')} {attributes.get('id', '')}"):
        return False
    last = next((text for one in islice(reversed(before), _LAST) if (text := one.strip(_NO_WORDS))), "")
    return last.endswith(QUESTION_MARKS)


_FILE_NAME = re.compile(r"\.(?:jpe?g|png|gif|svg|webp|avif|bmp|ico|tiff?)$|^[\w-]*\d{3,}[\w-]*$", re.IGNORECASE)
_LONGEST_NAME = 300  # characters; a file system allows 255
_NO_NEWS = frozenset(
    "image img photo picture icon logo banner avatar thumbnail spacer blank placeholder pixel loading".split()
)


def says_something(alt: str) -> bool:
    """Whether an image's alt text tells more than that there is an image: no file names, no boilerplate."""
    alt = alt.strip()
    return len(alt) > _LONGEST_NAME or (len(alt) > 1 and alt.lower() not in _NO_NEWS and _FILE_NAME.search(alt) is None)
