"""What a page says about itself: title, description, date, author, language, address. From meta tags and JSON-LD."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from pruning.document import Page


@dataclass(frozen=True, slots=True)
class Metadata:
    """Each field is None where the page doesn't say it. `published` is as the page writes it, mostly ISO 8601."""

    title: str | None = None
    url: str | None = None
    published: str | None = None
    author: str | None = None
    language: str | None = None
    description: str | None = None


# Names under which pages put each fact, the most trustworthy first (`name`, `property` or `itemprop` of a meta tag).
_META = {
    "title": ("og:title", "twitter:title", "dc.title", "citation_title"),
    "published": (
        *(
            "article:published_time",
            "datepublished",
            "dc.date.issued",
            "dcterms.created",
            "dc.date",
            "dcterms.date",
        ),
        *(
            "parsely-pub-date",
            "sailthru.date",
            "citation_publication_date",
            "citation_date",
            "publish-date",
            "publish_date",
            "pubdate",
            "date",
        ),
    ),
    "author": (
        "author",
        "dc.creator",
        "citation_author",
        "dcterms.creator",
        "parsely-author",
        "article:author",
        "twitter:creator",
    ),
    "language": ("content-language", "og:locale", "dc.language", "language"),
    "url": ("og:url",),
    "description": ("description", "og:description", "twitter:description", "dc.description"),
}
_FACT_OF = {name: fact for fact, names in _META.items() for name in names}
_RANK = {name: rank for names in _META.values() for rank, name in enumerate(names)}

_LONGEST = 300  # characters of a fact: whoever writes more says something else
_LONGEST_BASE = 1000  # characters that each of a page's links may gain
_JSON_LD_CHARS = 500_000
_SAFE_SCHEMES = frozenset(("http", "https", "mailto", "tel", "ftp", ""))


class MetadataReader:
    """Collects facts while the parser passes the tags that state them."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._base = page.url or ""
        self._own_base: str | None = None
        self._title: str | None = None
        self._meta: dict[str, tuple[int, str]] = {}  # fact -> (rank of the name, value)
        self._json_ld: dict[str, str] = {}
        self._language: str | None = None
        self._canonical: str | None = None
        self._reads: str | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """A tag that may state a fact opens: `title`, `meta`, `link`, `base` or `script`."""
        if tag == "meta":
            self._read_meta(attributes)
        elif tag == "base" and self._own_base is None and "href" in attributes:  # the first one counts
            self._own_base = self.resolve(attributes["href"]) or ""
            if 0 < len(self._own_base) <= _LONGEST_BASE:
                self._base = self._own_base
        elif tag == "link" and attributes.get("rel", "").lower() == "canonical":
            self._canonical = self.resolve(attributes.get("href", ""))
        elif (tag == "title" and self._title is None) or (
            tag == "script" and "ld+json" in attributes.get("type", "").lower()
        ):
            self._reads = tag

    def end(self, tag: str, buffer: Sequence[str], start: int) -> None:
        """A tag closes; its text is `buffer[start:]`."""
        if self._reads != tag:
            return
        self._reads = None
        text = "".join(buffer[start:])
        if tag == "title":
            self._title = _fact(text)
        elif len(text) <= _JSON_LD_CHARS:
            self._read_json_ld(text)

    def language(self, code: str) -> None:
        """The root element's `lang`."""
        self._language = self._language or _fact(code)

    def resolve(self, href: str) -> str | None:
        """A link's absolute address, or None where it leads nowhere on the web (`javascript:`, `data:`)."""
        try:
            address = urljoin(self._base, href.strip())
            return address if address and urlsplit(address).scheme.lower() in _SAFE_SCHEMES else None
        except ValueError:
            return None

    def result(self) -> Metadata:
        """All facts, the caller's own word first."""
        meta = {fact: value for fact, (_, value) in self._meta.items()}
        author = self._json_ld.get("author") or meta.get("author")
        return Metadata(
            title=self._page.title or self._title or meta.get("title") or self._json_ld.get("title"),
            url=self._page.url or self._canonical or meta.get("url"),
            published=self._json_ld.get("published") or meta.get("published"),
            author=None if author and author.startswith(("http:", "https:")) else author,
            language=self._language or meta.get("language") or self._json_ld.get("language"),
            description=meta.get("description"),
        )

    def _read_meta(self, attributes: Mapping[str, str]) -> None:
        content = _fact(attributes.get("content", ""))
        for key in ("property", "name", "itemprop", "http-equiv"):
            for name in attributes.get(key, "").lower().split():  # `itemprop` may hold several
                fact = _FACT_OF.get(name)
                if fact and content and _RANK[name] < self._meta.get(fact, (len(_RANK), ""))[0]:
                    self._meta[fact] = (_RANK[name], content)

    def _read_json_ld(self, text: str) -> None:
        try:
            document = json.loads(text, strict=False)  # line breaks within texts are common
        except (ValueError, RecursionError):
            return
        for thing in _things(document):
            stated = {
                "published": thing.get("datePublished"),
                "author": _names(thing.get("author")),
                "language": thing.get("inLanguage"),
                "title": thing.get("headline"),
            }
            for fact, value in stated.items():
                if isinstance(value, str) and _fact(value):
                    self._json_ld.setdefault(fact, str(_fact(value)))


def _things(document: Any) -> Iterator[dict[str, Any]]:
    """The objects of a JSON-LD document's first two levels, `@graph` among them."""
    for item in document if isinstance(document, list) else [document]:
        if isinstance(item, dict):
            yield item
            graph = item.get("@graph")
            yield from ((thing for thing in graph if isinstance(thing, dict)) if isinstance(graph, list) else ())


def _names(authors: Any) -> str | None:
    """The names of one or several authors."""
    each = authors if isinstance(authors, list) else [authors]
    names = (author.get("name") if isinstance(author, dict) else author for author in each)
    return ", ".join(dict.fromkeys(name for name in names if isinstance(name, str))) or None


def _fact(text: str) -> str | None:
    text = " ".join(text.split(maxsplit=_LONGEST)[:_LONGEST])
    return text[:_LONGEST] or None
