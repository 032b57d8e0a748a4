"""What the pruning core should do, written a second time: slowly, by another way, from what its tables mean.

Nothing here calls the code under test; of its tables only the names of the codes are taken. Trees are nested tuples:
`(tag, attributes, children)`, a child being a word or such a tuple.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

import html5lib
from lxml import etree

from pruning.elements import NAMES

# Elements that hold nothing. lxml does not know these to be of that kind, and puts into them what stands behind them.
VOID = frozenset("bgsound command embed image keygen source track wbr".split())
# Elements whose borders break no word: they stand in a line of text. (And some that hold no text of their own.)
JOINING = VOID | frozenset(
    "head colgroup a abbr acronym b basefont bdi bdo big blink body cite code data del dfn em font i img ins kbd label "
    "mark math nobr output picture q rb rtc ruby s samp slot small span strike strong sub sup tbody tfoot time tt "
    "u var g path rect circle ellipse line polyline polygon use stop clippath".split()
)
# Elements that are never shown, with all that is in them.
NEVER_SHOWN = frozenset(
    "title meta link base script style template noscript noembed noframes iframe object applet video audio canvas "
    "param area frameset frame input textarea datalist rp col annotation annotation-xml "
    "context desc defs metadata symbol".split()
)
NO_PARAGRAPHS = frozenset("h1 h2 h3 h4 h5 h6 dt pre summary caption p a".split())
SAYS_IMAGE = frozenset(
    "image img photo picture icon logo banner avatar thumbnail spacer blank placeholder pixel loading".split()
)
_INVISIBLE = {
    *range(9),
    *range(0x0E, 0x1C),
    *(set(range(0x7F, 0xA0)) - {0x85}),
    *(0xAD, 0x200B, 0xFEFF, 0xFFFE, 0xFFFF),
    *(*range(0x202A, 0x202F), *range(0x2060, 0x2065), *range(0x2066, 0x2070)),
    *(*range(0xFDD0, 0xFDF0), *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080)),
}
INVISIBLE_TO_NONE = dict.fromkeys(_INVISIBLE)

# Elements that group others, and say nothing by themselves; what stands in a line of text.
WRAPPERS = frozenset("div section article main header footer nav aside address".split())
LINE_NODES = frozenset("#text a sub sup del ins s img".split())


def without_unspeakable(html: str) -> bytes:
    """The page as UTF-8, as it reaches a parser: halves of surrogate pairs replaced, NUL taken out."""
    return html.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "").encode()


class _Builder(ElementTree.TreeBuilder):
    """Builds a tree from the parser's events, below an element of its own: a page may have more than one root."""

    def __init__(self) -> None:
        super().__init__()
        super().start("page", {})

    def start(self, tag: str, attributes: Any) -> Any:
        return super().start(tag, dict(attributes))

    def close(self) -> Any:
        super().end("page")
        return super().close()


# Comments, what holds no tags, void elements, and other tags, whose attributes may look like any of these.
_VOID_TAGS = re.compile(
    rb"(<!--.*?--!?>|<![^>]*>|<(script|style|title|textarea|iframe|noembed|noframes|noscript|xmp)(?=[\s/>])"
    rb".*?(?:</\2(?=[\s/>])|\Z))|"
    rb"<(?:%b)(?=[\s/>])(?:[^>\"']|\"[^\"]*\"|'[^']*')*>|"
    rb"(<[a-z/?](?:=\s*\"[^\"]*\"|=\s*'[^']*'|[^>])*?>)" % b"|".join(name.encode() for name in VOID),
    re.IGNORECASE | re.DOTALL,
)


def parsed(html: str | bytes) -> Any:
    """The tree that libxml2 sees in a page, without the limits of lxml's own: it loses text in deep pages.

    Void elements that it does not know are taken out before, or they would hold what stands behind them.
    """
    data = without_unspeakable(html) if isinstance(html, str) else html
    data = _VOID_TAGS.sub(lambda found: found[1] or found[3] or b"", data)
    parser = etree.HTMLParser(
        target=_Builder(), encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True
    )
    return etree.fromstring(data, parser)


def parsed_as_html5(html: str) -> Any:
    """html5lib's tree of a page, in elements of the same interface as lxml's."""
    return html5lib.parse(without_unspeakable(html).decode(), namespaceHTMLElements=False, scripting=True)


def visible_text(root: Any, *, alts: bool = False) -> str:
    """All that a reader sees of a parsed page, a space wherever words are apart; with what images say, if asked for."""
    panels: set[str] = set()
    out: list[str] = []
    hidden: Any = None
    for event, element in _events(root):
        if hidden is None:
            tag = element.tag.rpartition("}")[2]
            if event == "start" and is_hidden(tag, element.attrib, panels) and not _folds(tag, element.attrib, out):
                hidden = element
            else:
                out += _texts(event, element)
                out.append(_alt(element) if alts and event == "start" else "")
        elif hidden is element and event == "end":
            hidden = None
            out.append(element.tail or "")
    return "".join(out).translate(INVISIBLE_TO_NONE)


def _folds(tag: str, attributes: Any, before: list[str]) -> bool:
    """Whether an element is the answer to the question before it, which opens it by script."""
    style = re.sub(r"display\s*:\s*none", "", attributes.get("style", "").lower())
    if (
        tag in NEVER_SHOWN
        or "hidden" in attributes
        or not _style_hides(attributes.get("style", ""))
        or _style_hides(style)
    ):
        return False
    calls_itself = f"{attributes.get('class', '')} {attributes.get('id', '')}".lower()
    asked = next((text for text in reversed(before) if text.strip()), "").strip()
    return bool(re.search("answer|accordion|collaps|faq", calls_itself)) and asked.endswith(("?", "？", "؟"))


def _alt(element: Any) -> str:
    """What an image says, if anything: neither its file's name nor a word for any image."""
    alt = element.attrib.get("alt", "").translate(INVISIBLE_TO_NONE).strip() if element.tag == "img" else ""
    says = len(alt) > 1 and alt.lower() not in SAYS_IMAGE and not re.search(r"\.(png|jpe?g|gif|svg|webp)$", alt)
    return f" {alt} " if says else ""


def _events(root: Any) -> Iterator[tuple[str, Any]]:
    """All elements as they start and end, however deep they stand."""
    pending = [("end", root), ("start", root)]
    while pending:
        event, element = pending.pop()
        if not isinstance(element.tag, str):  # a comment
            element.tag, element.text = "b", ""
        yield event, element
        if event == "start":
            pending += [(kind, child) for child in reversed(element) for kind in ("end", "start")]


def _texts(event: str, element: Any) -> tuple[str, str]:
    """What is read where an element starts or ends."""
    between = "" if element.tag.rpartition("}")[2] in JOINING else " "
    return (between, element.text or "") if event == "start" else (between, element.tail or "")


def visible_words(html: str | bytes, *, alts: bool = False) -> list[str]:
    """The words that a reader sees of a page, in order."""
    return visible_text(parsed(html), alts=alts).split()


def is_hidden(tag: str, attributes: Any, panels: set[str]) -> bool:
    """Whether a reader sees nothing of an element; notes the panels that it opens."""
    if tag in VOID or tag in ("html", "body"):
        return False
    if tag in NEVER_SHOWN or (tag == "dialog" and "open" not in attributes):
        return True
    for name in ("aria-controls", "data-target", "data-bs-target"):
        panels.update(part.lstrip("#") for part in attributes.get(name, "").split())
    says_hidden = "hidden" in attributes and attributes["hidden"].strip().lower() != "until-found"
    if not (says_hidden or _style_hides(attributes.get("style", ""))):
        return False
    return attributes.get("role") not in ("tabpanel", "region") and attributes.get("id") not in panels


def _style_hides(style: str) -> bool:
    for declaration in style.lower().split(";"):
        name, _, value = declaration.partition(":")
        value = value.replace("!important", "").strip()
        hiding = {
            "display": ["none"],
            "visibility": ["hidden", "collapse"],
            "font-size": ["0", "0px", "0em", "0%", "0pt"],
        }
        if value in hiding.get(name.strip(), []):
            return True
    return False


def written_words(html: str) -> list[str]:
    """All words of a result, in order: there nothing is hidden."""
    return "".join(text for event in _events(parsed_as_html5(html)) for text in _texts(*event)).split()


def written_letters(html: str) -> str:
    """All that a result says, images included, without white space."""
    events = _events(parsed_as_html5(html))
    said = (
        part for event, one in events for part in (one.attrib.get("alt", "") * (event == "start"), *_texts(event, one))
    )
    return joined_letters("".join(said))


def tree_of(root: Any) -> tuple[Any, ...]:
    """The body of a parsed result as nested tuples; what parsers add by themselves is left out."""
    return tuple(child for body in root.iter("body") for child in _children(body))


def _children(element: Any) -> tuple[Any, ...]:
    found: list[Any] = (element.text or "").split()
    for child in element:
        attributes = tuple(sorted((name, " ".join(value.split())) for name, value in child.attrib.items()))
        inner = _children(child)
        # A parser puts rows into a body, without being told.
        found += inner if child.tag == "tbody" else [(child.tag, attributes, inner)]
        found += (child.tail or "").split()
    return tuple(found)


def tree_of_blocks(tree: Any, blocks: Iterable[int]) -> tuple[Any, ...]:
    """What a result that keeps these blocks of one page holds: their nodes, and the elements around them.

    Wrappers are left out unless they hold text themselves; a row that is kept in part keeps the places of its cells.

    Args:
        tree: a `BlockTree`, of which only the columns are read.
        blocks: numbers of blocks, none within another.
    """
    chosen = list(blocks)
    if not chosen:
        return ()
    page = _KeptPage(tree.tables[tree.page[chosen[0]]])
    for block in chosen:
        page.keep(int(tree.node[block]), int(tree.last[block]), int(tree.start[block]), int(tree.stop[block]))
    return page.inside(0)


class _KeptPage:
    """A node table of which some stretches are kept."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._children: dict[int, list[int]] = {}
        for node, above in enumerate(table.parent.tolist()):
            self._children.setdefault(above, []).append(node)
        self._kept: dict[int, list[tuple[int, tuple[Any, ...]]]] = {0: []}  # opened element -> what is kept right in it

    def keep(self, first: int, last: int, start: int, stop: int) -> None:
        above = max(int(self._table.parent[first]), 0)
        siblings = [node for node in self._children.get(above, []) if first <= node < last]
        self._kept.setdefault(above, []).append((start, self._stretch(siblings, start, stop)))
        while above > 0:
            above = int(self._table.parent[above])
            self._kept.setdefault(above, [])

    def inside(self, element: int) -> tuple[Any, ...]:
        """What an opened element holds."""
        found = list(self._kept[element])
        whole = {start for start, _ in found}
        for child in self._children.get(element, []):
            start = int(self._table.start[child])
            if child in self._kept:
                found.append((start, self._written(child, self.inside(child))))
            elif NAMES[self._table.tag[element]] == "tr" and start not in whole:
                found.append((start, self._written(child, ())))
        return tuple(part for _, parts in sorted(found, key=lambda item: item[0]) for part in parts)

    def _stretch(self, nodes: list[int], start: int, stop: int) -> tuple[Any, ...]:
        """The part of some siblings that lies between two positions of the text."""
        table, found = self._table, []
        for node in nodes:
            begin, end = max(start, int(table.start[node])), min(stop, int(table.stop[node]))
            name, text = NAMES[table.tag[node]], table.text[begin:end]
            if begin >= end and table.start[node] < table.stop[node]:
                continue
            if name == "img":
                found.append(("img", (("alt", " ".join(text.split())),), ()))
            elif name != "#text":
                found += self._written(node, self._stretch(self._children.get(node, []), start, stop))
            elif found and isinstance(found[-1], str):
                found[-1] += text  # nothing stands between: they are read as one
            else:
                found.append(text)
        return tuple(part for item in found for part in (item.split() if isinstance(item, str) else [item]))

    def _written(self, node: int, inner: tuple[Any, ...]) -> tuple[Any, ...]:
        name = NAMES[self._table.tag[node]]
        children = [NAMES[self._table.tag[child]] for child in self._children.get(node, [])]
        if name in WRAPPERS:
            if not any(child in LINE_NODES for child in children):
                return inner
            name = "p" if all(child in LINE_NODES for child in children) and self._holds_paragraphs(node) else name
        return ((name, _attributes(self._table, node), inner),)

    def _holds_paragraphs(self, node: int) -> bool:
        """Whether nothing stands around a node that a paragraph is not written in."""
        above = int(self._table.parent[node])
        return above < 0 or (NAMES[self._table.tag[above]] not in NO_PARAGRAPHS and self._holds_paragraphs(above))


def _attributes(table: Any, node: int) -> tuple[tuple[str, str], ...]:
    written = table.attributes.get(node, "").replace(" reversed", ' reversed=""')
    element = ElementTree.fromstring(f"<x{written}/>")
    return tuple(sorted((name, " ".join(value.split())) for name, value in element.attrib.items()))


def plain_words(text: str) -> list[str]:
    """The words in the text of a node table, in which characters up to U+0001 stand between elements."""
    return text.replace("\0", " ").replace("\1", "").split()


def joined_letters(text: str) -> str:
    """The text without white space: what is left the same wherever lines and pieces are cut."""
    return re.sub(r"\s+", "", text)


def greedy(
    ranked: Sequence[int],
    cost: Callable[[Iterable[int]], int],
    budget: int,
    context_of: Callable[[int], tuple[Sequence[int], Sequence[int]]],
    parts_of: Callable[[int], Sequence[int]],
    share: tuple[Callable[[int], int], int],
) -> tuple[set[int], set[int]]:
    """The greedy policy, every step counted whole: blocks kept for their scores, and as context.

    Args:
        ranked: blocks, best first.
        cost: tokens of a result that keeps these blocks.
        budget: tokens at most.
        context_of: the blocks that explain a block: those that may take what they need, and those that share.
        parts_of: the blocks that a block falls into.
        share: what such a block costs by itself, and what all of them may cost together.
    """
    waiting, scored, context = list(ranked), set[int](), set[int]()
    price, left = share
    best = set(ranked[:1])
    while waiting:
        block = waiting.pop(0)
        kept = scored | context
        if block in kept:
            continue
        if cost({*kept, block}) <= budget:
            scored.add(block)
            free, sharing = context_of(block)
            for other in (*free, *sharing):
                kept = scored | context
                costs = price(other) if other in sharing else 0
                if other not in kept and costs <= left and cost({*kept, other}) <= budget:
                    context.add(other)
                    left -= costs
        elif block in best and not kept:
            parts = list(parts_of(block))
            best.update(parts)
            waiting[:0] = parts
    return scored, context
