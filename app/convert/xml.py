"""XML as simple HTML: XHTML as what it says, feeds (RSS, Atom, RDF) as their entries, other documents as their text.

Nothing outside the document is ever read, and no entity that it declares is put in.
"""

import html.entities
import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from app.convert.document import document, element, escaped
from app.convert.prose import as_html
from pruning.metadata import Metadata

_DECLARATION = re.compile(r"\A\s*<\?xml[^<>]*\?>")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_OWN_ENTITIES = frozenset(("amp", "lt", "gt", "quot", "apos"))
_ENTRIES = ("item", "entry")
_CONTENTS = ("encoded", "content", "description", "summary")
_DATES = ("pubDate", "published", "date", "issued", "updated", "modified", "lastBuildDate")
_HEADINGS = ("title", "head", "heading", "caption", "subtitle")
_LINES = ("p", "para", "simpara", "line", "l", "ab", "lg")
_DEEPEST = 200


def xml_html(text: str) -> str:
    """The document as HTML; one that is not well-formed is given to the HTML parser as it is."""
    root = _parsed(text)
    if root is None:
        return text
    name = _name(root)
    if name == "html":
        return f"<!doctype html>\n{etree.tostring(root, method='html', encoding='unicode')}"
    if name in ("rss", "feed", "RDF") and any(_name(each) in _ENTRIES for each in root.iter(etree.Element)):
        return _feed(root)
    title = next((_text(each) for each in root.iter(etree.Element) if _name(each) == "title"), None)
    return document("".join(_blocks(root, 0)), Metadata(title=title or None))


def _parsed(text: str) -> Any:
    """The root element, or None where the text is not well-formed XML."""
    text = _ENTITY.sub(_character, _DECLARATION.sub("", text, count=1))
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        return etree.fromstring(text.lstrip().encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _character(entity: re.Match[str]) -> str:
    """HTML's named characters, which XML knows only from a DTD that is not read."""
    name = entity[1]
    return entity[0] if name in _OWN_ENTITIES else html.entities.html5.get(f"{name};", entity[0])


def _name(node: Any) -> str:
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


def _text(node: Any) -> str:
    return " ".join("".join(node.itertext()).split())


def _child(node: Any, *names: str) -> Any:
    """The first child with the first of these names that there is, whatever its namespace."""
    children: dict[str, Any] = {}
    for child in node:
        children.setdefault(_name(child), child)
    return next((children[name] for name in names if name in children), None)


def _child_text(node: Any, *names: str) -> str:
    child = _child(node, *names)
    return "" if child is None else _text(child)


def _feed(root: Any) -> str:
    channel = _child(root, "channel") if _name(root) != "feed" else root
    about = root if channel is None else channel
    title = _child_text(about, "title")
    parts = [element("h1", title)] if title else []
    if subtitle := _child_text(about, "description", "subtitle"):
        parts.append(as_html(subtitle))
    parts += [part for each in root.iter(etree.Element) if _name(each) in _ENTRIES for part in _entry(each)]
    language = _child_text(about, "language") or root.get("{http://www.w3.org/XML/1998/namespace}lang")
    facts = Metadata(title=title or None, published=_child_text(about, *_DATES) or None, author=_author(about) or None)
    return document("".join(parts), Metadata(facts.title, None, facts.published, facts.author, language or None))


def _entry(entry: Any) -> Iterator[str]:
    title, link = _child_text(entry, "title") or "Untitled", _link(entry)
    shown = f'<a href="{html.escape(link)}">{escaped(title)}</a>' if link else escaped(title)
    yield f"<article>\n<h2>{shown}</h2>\n"
    facts = [fact for fact in (_child_text(entry, *_DATES), _author(entry)) if fact]
    if facts:
        yield element("p", " · ".join(facts))
    content = _child(entry, *_CONTENTS)
    if content is not None:
        yield _content(content)
    yield "</article>\n"


def _content(content: Any) -> str:
    """The entry's text: markup as text, which is how most feeds write it, or Atom's XHTML."""
    if len(content):
        return as_html("".join(etree.tostring(child, method="html", encoding="unicode") for child in content))
    return as_html(content.text or "")


def _author(node: Any) -> str:
    author = _child(node, "author", "creator")
    return "" if author is None else _child_text(author, "name") or _text(author)


def _link(entry: Any) -> str:
    links = [each for each in entry if _name(each) == "link"]
    atom = [each.get("href") for each in links if each.get("rel", "alternate") == "alternate" and each.get("href")]
    texts = [each.text.strip() for each in links if each.text and each.text.strip()]
    return next(iter((*atom, *texts)), "")


def _blocks(node: Any, depth: int) -> Iterator[str]:
    """A document of a vocabulary that we don't know: a paragraph for each element that holds text of its own."""
    children = [child for child in node if isinstance(child.tag, str)]
    own = (node.text or "").strip() or any((child.tail or "").strip() for child in node)
    name = _name(node)
    if not children or own or name in _LINES or depth > _DEEPEST:
        if text := _text(node):
            yield element("h2" if name in _HEADINGS else "p", text)
        return
    yield "<div>\n"
    for child in children:
        yield from _blocks(child, depth + 1)
    yield "</div>\n"
