"""What stands in a page's JSON-LD (schema.org) as HTML: articles, questions and answers, recipes, products."""

import json
from collections.abc import Iterator
from typing import Any

from app.convert.document import element, items
from app.convert.prose import as_html

Thing = dict[str, Any]

_DEEPEST = 8  # levels of things within things
_MOST = 500  # things of a page
# The texts of a thing, and the things that it holds, each in the order in which they are read.
_TEXTS = ("description", "articleBody", "text", "reviewBody", "transcript", "responsibilities", "qualifications")
_LISTS = ("recipeIngredient", "ingredients", "tool", "supply")
_HELD = (
    *("mainEntity", "acceptedAnswer", "suggestedAnswer", "recipeInstructions", "step", "steps", "itemListElement"),
    *("hasPart", "item", "offers", "review", "comment"),
)
_FACTS = {
    "prepTime": "Preparation",
    "cookTime": "Cooking",
    "totalTime": "Total time",
    "recipeYield": "Yield",
    "price": "Price",
    "lowPrice": "Price from",
    "priceCurrency": "Currency",
    "brand": "Brand",
    "sku": "SKU",
    "startDate": "Starts",
    "endDate": "Ends",
    "location": "Place",
}
# What says something about the site, or about the page's place in it.
_NOT_READ = frozenset(
    ("BreadcrumbList", "Organization", "WebSite", "Person", "ImageObject", "SearchAction", "SiteNavigationElement")
)


def linked_data_html(text: str) -> str:
    """The readable part of one JSON-LD script as HTML; empty where it has none or isn't JSON."""
    try:
        found = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return ""
    return "".join(_Writer().write(found))


class _Writer:
    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._things = 0

    def write(self, value: Any, depth: int = 0) -> Iterator[str]:
        """The thing, or each of the list of things, with all that it holds."""
        if isinstance(value, list):
            for each in value[:_MOST]:
                yield from self.write(each, depth + 1)
        elif isinstance(value, str) and depth:
            yield from self._new(value)
        elif isinstance(value, dict) and depth <= _DEEPEST and self._things < _MOST and not _is_skipped(value):
            self._things += 1
            yield from self._thing(value, depth)

    def _thing(self, thing: Thing, depth: int) -> Iterator[str]:
        title = next((thing[key] for key in ("headline", "name") if _is_text(thing.get(key))), None)
        if title and title not in self._seen:
            self._seen.add(title)
            yield element(f"h{min(depth + 1, 6)}", title)
        facts = [f"{label}: {fact}" for key, label in _FACTS.items() if (fact := _fact(thing.get(key)))]
        if facts:
            yield items("ul", facts)
        for key in _TEXTS:
            if _is_text(thing.get(key)):
                yield from self._new(thing[key])
        for key in _LISTS:
            listed = thing.get(key)
            if isinstance(listed, list):
                yield items("ul", [name for each in listed[:_MOST] if (name := _fact(each))])
        for key in ("@graph", *_HELD):
            yield from self.write(thing.get(key), depth + 1)

    def _new(self, text: str) -> Iterator[str]:
        """Texts come again as description, as body and in reviews."""
        if text not in self._seen:
            self._seen.add(text)
            yield as_html(text)


def _is_skipped(thing: Thing) -> bool:
    kind = thing.get("@type")
    return isinstance(kind, str) and kind in _NOT_READ


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _fact(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("name")
    return str(value) if isinstance(value, str | int | float) and str(value).strip() else None
