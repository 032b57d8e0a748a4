"""The state that a page's scripts start from (`__NEXT_DATA__`, Redux, Apollo, React's own stream) as HTML.

Every framework lays it out differently, and every site has its own names in it. So whatever a person wrote to be read
is taken, in the order in which it stands: texts of some words, HTML, and the trees of rich text editors.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from app.convert.document import element
from app.convert.prose import as_html, is_prose

_DEEPEST = 100  # levels: rich text within blocks within pages
_MOST_TEXTS = 5000
# Under such keys stands what the site says on each of its pages, or to machines.
_NOT_READ = re.compile(
    r"translat|i18n|locale|messages|navigation|\bnav|footer|header|menu|cookie|consent|privacy|legal|tracking|config|"
    r"\benv|query|schema|seo|meta|breadcrumb|banner|promo|advert|newsletter|flags|experiment|styles?$|css|svg|__typename",
    re.IGNORECASE,
)
_TITLES = ("title", "headline", "heading", "name")
_INLINE = ("text", "value")
_CHILDREN = ("children", "content")
_PUSHED = re.compile(r"self\.__next_f\.push\(\[\s*1\s*,\s*")
_ASSIGNED = re.compile(
    r"(?:window|self|globalThis)(?:\.|\[[\"'])[\w$]+(?:[\"']\])?\s*=\s*(JSON\.parse\(\s*)?(?=[\[{\"])"
)
_STREAM_ROW = re.compile(r"^[0-9a-f]*:(?:[A-Z]{1,2}(?=[\[{\"]))?(?=[\[{])", re.MULTILINE)
_decoder = json.JSONDecoder(strict=False)


def state_html(text: str) -> str:
    """All prose in one script's JSON, or in the JSON that the script assigns, as HTML; empty where there is none."""
    writer = _Writer()
    parts = [part for value in _values(text.strip()) for part in writer.write(value)]
    return "".join(parts)


def _values(script: str) -> Iterator[Any]:
    """The JSON values in a script: it is one itself, or assigns or pushes some."""
    if script[:1] in ("{", "["):
        yield _decoded(script)
        return
    stream = [value for at in _PUSHED.finditer(script) if isinstance(value := _decoded(script, at.end()), str)]
    if stream:
        rows = "".join(stream)
        yield from (_decoded(rows, at.end()) for at in _STREAM_ROW.finditer(rows))
    for assigned in _ASSIGNED.finditer(script):
        value = _decoded(script, assigned.end())
        yield _decoded(value) if assigned[1] and isinstance(value, str) else value


def _decoded(text: str, at: int = 0) -> Any:
    try:
        return _decoder.raw_decode(text, at)[0]
    except (ValueError, RecursionError):
        return None


class _Writer:
    """Writes what it is given once: states hold the same article several times."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def write(self, value: Any, depth: int = 0) -> Iterator[str]:
        """The prose in a value of any form."""
        if depth > _DEEPEST or len(self._seen) > _MOST_TEXTS:
            return
        if isinstance(value, list):
            for each in value:
                yield from self.write(each, depth + 1)
        elif isinstance(value, dict):
            yield from self._object(value, depth)
        elif isinstance(value, str) and is_prose(value):
            yield from self._new(value, as_html)

    def _object(self, value: dict[str, Any], depth: int) -> Iterator[str]:
        line = _inline(value)
        if line is not None:
            if is_prose(line, words=4):
                yield from self._new(line, as_html)
            return
        body = [
            part
            for key, each in value.items()
            if not (key in _TITLES and isinstance(each, str)) and not _NOT_READ.search(key)
            for part in self.write(each, depth + 1)
        ]
        title = next((value[key] for key in _TITLES if isinstance(value.get(key), str)), "")
        if body and title.strip():
            yield from self._new(title, lambda text: element("h2", text))
        yield from body

    def _new(self, text: str, write: Any) -> Iterator[str]:
        if text not in self._seen:
            self._seen.add(text)
            yield write(text)


def _inline(value: dict[str, Any]) -> str | None:
    """The line that a block of a rich text tree holds, put together from its pieces; None where it is no such block."""
    children = next((value[key] for key in _CHILDREN if isinstance(value.get(key), list)), None)
    if not children:
        return None
    pieces = [_piece(child) for child in children]
    return None if None in pieces else "".join(filter(None, pieces))


def _piece(child: Any) -> str | None:
    if not isinstance(child, dict):
        return None
    text = next((child[key] for key in _INLINE if isinstance(child.get(key), str)), None)
    return text if text is not None else _link(child)


def _link(child: dict[str, Any]) -> str | None:
    """A link or a mark within the line: its own pieces, one level down."""
    below = next((child[key] for key in _CHILDREN if isinstance(child.get(key), list)), None)
    if not below or not all(isinstance(piece, dict) for piece in below):
        return None
    texts = [next((piece[key] for key in _INLINE if isinstance(piece.get(key), str)), None) for piece in below]
    return None if None in texts else "".join(filter(None, texts))
