"""Pages that are an empty shell until their scripts have run, and the article that such a page may carry in itself.

A browser is dear. So first it is asked whether a page needs one (`is_shell`), then whether its text stands somewhere
in its bytes already (`embedded_text`): in `noscript`, in JSON-LD, or in the state that its scripts start from.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from app.convert.document import document
from app.convert.linked_data import linked_data_html
from app.convert.state import state_html
from pruning.document import Limits, Page, utf8
from pruning.elements import CODES
from pruning.errors import PageError
from pruning.isolate import read_page
from pruning.nodes import NodeTable

# Of 1,207 real pages, the three shells show no word of their own, and the poorest of the others about a hundred.
_FEW_WORDS = 60
_NO_WORDS = 10
# An embedded text of fewer words is a description; one of this many is taken without looking further.
_TOO_SHORT = 25
_ENOUGH = 100

_AROUND = [CODES[name] for name in ("nav", "header", "footer")]  # some pages have their content in `aside`
_RAW = re.compile(rb"<(script|noscript)\b([^<>]*)>", re.IGNORECASE)
_END = {name: re.compile(rf"</{name.decode()}[\s/>]".encode(), re.IGNORECASE) for name in (b"script", b"noscript")}
_EMPTY = re.compile(rb"<([a-z][a-z0-9-]*)([^<>]*)>\s*</", re.IGNORECASE)
_MOUNT = re.compile(
    rb"\bid\s*=\s*[\"']?(?:root|app|application|__next|__nuxt|___gatsby|svelte|react-root|main-app|app-root|q-app|"
    rb"ember-root|app-container|mount|page-root)(?![\w-])",
    re.IGNORECASE,
)
_PRELOADED = re.compile(rb"\bdata-(?:preloaded|page|state|props)\s*=\s*(?:\"([^\"<>]*)\"|'([^'<>]*)')", re.IGNORECASE)
_STATE = re.compile(
    rb"__next_data__|__nuxt|__initial_state__|__preloaded_state__|__apollo_state__|__next_f|application/json|"
    rb"window\.__",
    re.IGNORECASE,
)
_BASE = re.compile(rb"<base\s[^<>]*>", re.IGNORECASE)


def is_shell(page: Page, table: NodeTable) -> bool:
    """Whether the page, which was read as that table, shows next to nothing until its scripts have run."""
    if _words_of_its_own(table) >= _FEW_WORDS:
        return False
    try:
        markup = utf8(page, Limits())
    except PageError:
        return False  # whoever read it was told why
    raw = list(_raw_texts(markup))
    if not any(part.tag == "script" for part in raw):
        return False
    return int(table.words[0]) < _NO_WORDS or _is_drawn_later(markup, raw, table)


def embedded_text(page: Page) -> Page | None:
    """The page with the article that its own bytes carry for its scripts; None where they carry none."""
    try:
        markup, about = utf8(page, Limits()), read_page(page).metadata
    except PageError:
        return None
    base = _BASE.search(markup)
    before = base[0].decode("utf-8", "replace") + "\n" if base else ""
    best, most = None, _TOO_SHORT - 1
    for body in _bodies(markup):
        found = replace(page, html=document(before + body, about), encoding=None)
        words = _words(found)
        if words >= _ENOUGH:
            return found
        if words > most:
            best, most = found, words
    return best


@dataclass(frozen=True, slots=True)
class _Raw:
    """A `script` or `noscript`: its attributes as they are written, and what it holds."""

    tag: str
    attributes: str
    text: str


def _raw_texts(markup: bytes) -> Iterator[_Raw]:
    at = 0
    while opening := _RAW.search(markup, at):
        name = opening[1].lower()
        end = _END[name].search(markup, opening.end())
        if end is None:
            return
        text = markup[opening.end() : end.start()].decode("utf-8", "replace")
        yield _Raw(name.decode(), opening[2].decode("utf-8", "replace").lower(), text)
        at = end.end()


def _is_drawn_later(markup: bytes, raw: list[_Raw], table: NodeTable) -> bool:
    """Whether anything but the want of words says that scripts draw the page."""
    asks = any(part.tag == "noscript" and "javascript" in part.text.lower() for part in raw)
    return asks or "javascript" in table.text.lower() or bool(_STATE.search(markup)) or _has_mount(markup)


def _has_mount(markup: bytes) -> bool:
    """Whether an element stands empty that scripts are to fill: one of a known name, or a component of the page's."""
    return any(b"-" in found[1] or _MOUNT.search(found[2]) for found in _EMPTY.finditer(markup))


def _words_of_its_own(table: NodeTable) -> int:
    """Words outside of navigation, header and footer."""
    around = np.isin(table.tag, _AROUND)
    outermost = around & ~table.is_below(around)
    return int(table.words[0] - table.words[outermost].sum())


def _words(page: Page) -> int:
    try:
        return int(read_page(page).words[0])
    except PageError:
        return 0


def _bodies(markup: bytes) -> Iterator[str]:
    """What the page carries, the best source first: HTML for readers without scripts, JSON-LD, state."""
    raw = list(_raw_texts(markup))
    scripts = [part for part in raw if part.tag == "script"]
    yield "\n".join(part.text for part in raw if part.tag == "noscript")
    yield "".join(linked_data_html(part.text) for part in scripts if "ld+json" in part.attributes)
    states = [part.text for part in scripts if "ld+json" not in part.attributes and _is_data(part)]
    states += [
        html.unescape((found[1] or found[2]).decode("utf-8", "replace")) for found in _PRELOADED.finditer(markup)
    ]
    yield "".join(map(state_html, states))


def _is_data(script: _Raw) -> bool:
    return "src=" not in script.attributes
