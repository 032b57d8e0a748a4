"""Parts of a page that a caller names by CSS selectors."""

from collections.abc import Sequence
from dataclasses import replace

from bs4 import BeautifulSoup, Tag
from soupsieve import SelectorSyntaxError

from pruning.document import Limits, Page, utf8
from pruning.errors import InvalidInput


def selected(page: Page, select: Sequence[str], drop: Sequence[str], limits: Limits) -> Page:
    """The page with only what `select` names, without what `drop` names; what it says of itself stays.

    Raises:
        InvalidInput: a selector is none.
        PageTooLarge: the page exceeds the limit.
    """
    soup = BeautifulSoup(utf8(page, limits), "lxml", from_encoding="utf-8")
    for element in _named(soup, drop):
        element.decompose()
    if not select:
        return replace(page, html=str(soup), encoding=None)
    kept = _named(soup, select)
    named = set(map(id, kept))  # elements are equal where they look alike
    outermost = [element for element in kept if not any(id(around) in named for around in element.parents)]
    about = soup.find_all(["base", "link", "meta", "title"])
    return replace(page, html="".join(map(str, (*about, *outermost))), encoding=None)


def _named(soup: BeautifulSoup, selectors: Sequence[str]) -> list[Tag]:
    """The elements, in the order of the page."""
    if not selectors:
        return []
    try:
        return list(soup.select(", ".join(selectors)))
    except (SelectorSyntaxError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidInput(f"{', '.join(selectors)!r} is no CSS selector: {reason}") from None
