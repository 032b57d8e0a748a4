"""The HTML elements, in one table: what cleaning does with each, and how it is written again.

An element is known here by a small integer, its code, so that a page's tags fit a numpy array. Code 0 is text.

What a tag does to the node table is its `Action`; everything that becomes a node has a code above zero. Tags that tell
a reader nothing (`span`, `font`, `b`, `tbody`…) are passed through: their text joins their parent's. `div` and its kin
are nodes, because they group; they are written again only where they hold text themselves (see render.py).
"""

from enum import IntEnum

import numpy as np


class Action(IntEnum):
    """What the parser does with a tag that gets no node. Nodes have positive codes instead."""

    THROUGH = 0  # the tag goes, its text joins what stands around it
    BREAK = -1  # a line break
    HIDE = -2  # the tag and all below it are never shown
    APART = -3  # as THROUGH, with a space on either side: unknown tags, form controls
    ASK = -4  # as APART, unless its attributes say otherwise


TEXT = 0

# Nodes. "Wrapper": groups, says nothing by itself. "Inline": stands in a line of text.
_WRAPPERS = ("div", "section", "article", "main", "header", "footer", "nav", "aside", "address")
_BLOCKS = (
    *("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "pre", "blockquote"),
    *("table", "caption", "thead", "tr", "td", "th", "details", "summary"),
)
_INLINE = ("a", "sub", "sup", "del", "ins", "s", "img")

NAMES: tuple[str, ...] = ("#text", *_WRAPPERS, *_BLOCKS, *_INLINE)
CODES: dict[str, int] = {name: code for code, name in enumerate(NAMES)}

# Names for what another element says, written as that one. A `figure` groups like any `div`; of the rest HTML5 parsers
# would rearrange some (a nested form, a stray legend), and the old ones are no longer valid.
_ALIASES = {
    **dict.fromkeys(("figure", "figcaption"), "div"),
    **dict.fromkeys(("form", "fieldset", "legend", "center", "hgroup", "search", "marquee"), "div"),
    **dict.fromkeys(("menu", "dir"), "ul"),
    **dict.fromkeys(("listing", "xmp", "plaintext"), "pre"),
    "strike": "s",
}

_THROUGH = (
    *("head", "body", "tbody", "tfoot", "span", "font", "b", "strong", "i", "em", "u", "big", "small", "tt", "code"),
    *(
        "kbd",
        "samp",
        "var",
        "cite",
        "dfn",
        "abbr",
        "acronym",
        "q",
        "mark",
        "time",
        "data",
        "bdi",
        "bdo",
        "nobr",
        "wbr",
    ),
    *("colgroup", "label", "output", "picture", "slot", "ruby", "rb", "rtc", "math", "blink", "basefont", "a"),
)
# Drawings are full of them, and hold their texts elsewhere (in `text`, which is like any unknown element).
_SHAPES = ("g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "use", "stop", "clippath")
# They hold nothing, but libxml2 does not know it: rawtext.py takes them out.
VOID_TO_US = frozenset(("bgsound", "command", "embed", "image", "keygen", "source", "track", "wbr"))
# No attribute hides them: what holds nothing, and the page itself, which scripts hide until it is laid out.
NEVER_HIDDEN = VOID_TO_US | {"html", "body"}
_APART = ("button", "select", "optgroup", "option", "meter", "progress", "rt", "map")
_BREAK = ("br", "hr")
_ASK = ("html", "dialog")
_HIDE = (
    *(
        "script",
        "style",
        "template",
        "noscript",
        "noembed",
        "noframes",
        "title",
        "meta",
        "link",
        "base",
    ),
    *(
        "iframe",
        "object",
        "applet",
        "video",
        "audio",
        "canvas",
        "param",
        "area",
        "frameset",
    ),
    *(
        "frame",
        "input",
        "textarea",
        "datalist",
        "rp",
        "col",
        "annotation",
        "annotation-xml",
        "context",
    ),
    *("desc", "defs", "metadata", "symbol"),  # of drawings
)


def actions(links: bool) -> dict[str, int]:
    """Tag name -> what to do with it: an `Action`, or the code of the node it becomes.

    Args:
        links: whether `a` becomes a node, or only its text is kept.
    """
    table: dict[str, int] = {
        **dict.fromkeys((*_THROUGH, *_SHAPES, *VOID_TO_US), Action.THROUGH),
        **dict.fromkeys(_APART, Action.APART),
        **dict.fromkeys(_BREAK, Action.BREAK),
        **dict.fromkeys(_HIDE, Action.HIDE),
        **dict.fromkeys(_ASK, Action.ASK),
        **{name: code for name, code in CODES.items() if name not in ("#text", "a")},
        **{old: CODES[new] for old, new in _ALIASES.items()},
    }
    if links:
        table["a"] = CODES["a"]
    return {name: int(action) for name, action in table.items()}


def _flags(names: tuple[str, ...]) -> np.ndarray:
    flags = np.zeros(len(NAMES), dtype=bool)
    flags[[CODES[name] for name in names]] = True
    return flags


IS_WRAPPER = _flags(_WRAPPERS)
IS_BLOCK = _flags((*_WRAPPERS, *_BLOCKS))
IS_CELL = _flags(("td", "th"))
IS_HEADING = _flags(("h1", "h2", "h3", "h4", "h5", "h6"))
IS_LIST = _flags(("ul", "ol", "dl"))
# Elements that hold only elements: a text among a table's rows has no cell to stand in.
HOLDS_NO_TEXT = _flags(("table", "thead", "tr"))
# Elements in which a paragraph says nothing where it stands alone.
IS_PARAGRAPH = _flags(("li", "dd", "td", "th", "blockquote"))
# Elements in which a `div` is not written as a paragraph: parsers end some of them at one.
HOLDS_NO_PARAGRAPH = _flags(("h1", "h2", "h3", "h4", "h5", "h6", "dt", "pre", "summary", "caption", "p", "a"))
# End tags that any parser adds by itself, as long as what follows closes the element.
END_OPTIONAL = _flags(("p", "li", "dt", "dd", "tr", "td", "th"))
# Of these libxml2 puts a second one into the first.
END_OPTIONAL_IF_ALONE = _flags(("dt", "dd"))
# Elements of the first kind need their end tags where one of the second kind, or bare text, stands beside them.
END_NEEDED: tuple[tuple[np.ndarray, np.ndarray], ...] = (
    # By the standard these end a paragraph, but libxml2 puts them inside.
    (_flags(("p",)), _flags(("section", "article", "main", "header", "footer", "nav", "aside", "details", "summary"))),
    (_flags(("li",)), ~_flags(("li",))),
    (_flags(("dt", "dd")), ~_flags(("dt", "dd"))),
    (_flags(("tr",)), ~_flags(("tr", "thead", "caption"))),
    (IS_CELL, ~IS_CELL),
)

# An element that makes no sense (or is moved by a parser) outside these parents becomes a div there.
_PARENTS = {
    "li": ("ul", "ol"),
    "dt": ("dl",),
    "dd": ("dl",),
    "tr": ("table", "thead"),
    "td": ("tr",),
    "th": ("tr",),
    "caption": ("table",),
    "thead": ("table",),
    "summary": ("details",),
}
# bool (parent, child), by their codes.
MISPLACED = np.zeros((len(NAMES), len(NAMES)), bool)
for _name, _parents in _PARENTS.items():
    MISPLACED[:, CODES[_name]] = True
    MISPLACED[[CODES[_parent] for _parent in _parents], CODES[_name]] = False
