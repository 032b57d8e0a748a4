"""What a reader sees, in one table. Whatever a row hides is no part of the cleaned page.

Only what the HTML itself says is known: style sheets are not loaded. Where a reader gets to a text by a click (a closed
`details`, an accordion, a tab), it counts as visible. tests/pruning/test_visibility_chromium.py holds the table against
a browser's `innerText`.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from pruning.words import slices

Attributes = Mapping[str, str]

_HIDING_STYLE = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0(?:px|em|rem|%|pt)?)"
    r"\s*(?:!\s*important\s*)?(?:;|$)",
    re.IGNORECASE,
)


class Rule(NamedTuple):
    """One way in which HTML hides an element: an attribute, and whether its value does so."""

    attribute: str
    hides: Callable[[str], bool]
    reason: str


def hidden_is_meant(value: str) -> bool:
    """Whether a `hidden` attribute hides."""
    return value.strip().lower() != "until-found"


def style_hides(style: str) -> bool:
    """Whether an inline style takes its element off the page."""
    return _HIDING_STYLE.search(style) is not None


RULES: tuple[Rule, ...] = (
    Rule("hidden", hidden_is_meant, "not rendered; `until-found` is, once a reader searches for it"),
    Rule("style", style_hides, "inline style takes it off the page: the classic place of injected prompts"),
)

# Shown although a rule or a naive reading says otherwise, and hidden by the element's nature (elements.py):
#   details, closed      shown: one click opens it
#   accordion, tab panel shown: a control on the page names it (`aria-controls`, `data-target`) or its role says so
#   aria-hidden          shown: it hides from screen readers only
#   opacity: 0           shown: pages fade their text in by script
#   option, button       shown: a reader opens the one and reads the other
#   noscript             hidden: browsers run scripts
#   popover              shown: one click opens it
#   meter, progress      shown: their text says what the bar shows
#   svg                  its texts are shown (scores, labels of charts), not its title, description and definitions
#   template, head       hidden: never rendered
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
    """The attribute that hides its element, or None where a reader can see it.

    Args:
        attributes: the element's attributes.
        panels: ids of the panels that controls seen so far open.
    """
    for rule in RULES:
        if rule.attribute in attributes and rule.hides(attributes[rule.attribute]):
            opens = attributes.get("role") in _PANEL_ROLES or attributes.get("id") in panels
            return None if opens else rule.attribute
    return None


# Characters that no reader sees: controls, soft hyphen, zero-width space and word joiner, byte order mark, bidi
# overrides and isolates, tag characters (they spell hidden prompts), noncharacters. Joiners that shape letters and
# emoji stay.
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufdd0-\ufdef\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\U000e0000-\U000e007f]+"
)

_IS_INVISIBLE = np.zeros(0xE0081, bool)  # the last one stands for all beyond
_IS_INVISIBLE[[code for code in (*range(5, 0x10000), *range(0xE0000, 0xE0080)) if INVISIBLE.match(chr(code))]] = True


def has_invisible(text: str) -> bool:
    """Whether `INVISIBLE` finds anything beyond U+0004 (those are cleaning's own marks). Six times as fast as that."""
    return any(_IS_INVISIBLE[np.minimum(codes, len(_IS_INVISIBLE) - 1)].any() for _, codes in slices(text))


_FILE_NAME = re.compile(r"\.(?:jpe?g|png|gif|svg|webp|avif|bmp|ico|tiff?)$|^[\w-]*\d{3,}[\w-]*$", re.IGNORECASE)
_LONGEST_NAME = 300  # characters; a file system allows 255
_NO_NEWS = frozenset(
    "image img photo picture icon logo banner avatar thumbnail spacer blank placeholder pixel loading".split()
)


def says_something(alt: str) -> bool:
    """Whether an image's alt text tells more than that there is an image: no file names, no boilerplate."""
    alt = alt.strip()
    return len(alt) > _LONGEST_NAME or (len(alt) > 1 and alt.lower() not in _NO_NEWS and _FILE_NAME.search(alt) is None)
