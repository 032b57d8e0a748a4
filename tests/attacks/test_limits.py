"""Each limit has its own error, which says in one line what is too much; at the limit itself there is none."""

import math
import re
from dataclasses import replace

import pytest

from pruning import (
    BlockTree,
    InvalidInput,
    Limits,
    Page,
    PageError,
    PageTimeout,
    PageTooLarge,
    TooManyNodes,
    clean_page,
    prune,
)
from tests.attacks.support import Overlap, counter, pruned, words_of

HERE = Limits(isolate_over=20_000_000)


@pytest.mark.parametrize("html", ["x" * 20, b"x" * 20, "ä" * 10, "斑" * 6 + "xx", bytearray(b"x" * 20)])
@pytest.mark.parametrize("limits", [HERE, Limits(isolate_over=0)], ids=["here", "in a child"])
def test_bytes(html: str | bytes, limits: Limits) -> None:
    """Twenty bytes are within a limit of twenty, however they were given; nineteen are not enough."""
    assert clean_page(Page(html, encoding="utf-8"), replace(limits, bytes=20)).content
    with pytest.raises(PageTooLarge, match=r"^the page has 20 bytes; the limit is 19$"):
        clean_page(Page(html, encoding="utf-8"), replace(limits, bytes=19))


@pytest.mark.parametrize("tag", ["p", "td", "li", "a", "img alt=word"])
def test_nodes(tag: str) -> None:
    """Far more elements than the limit end the page; far fewer don't."""
    page = Page(f"<{tag}>x" * 10_000)
    with pytest.raises(TooManyNodes, match=r"^the page has more than 1,000 elements$"):
        clean_page(page, Limits(nodes=1_000), links=True)
    assert clean_page(page, Limits(nodes=30_000), links=True).content


def test_hidden_elements_cost_nothing() -> None:
    """A page is not refused for elements that nobody sees."""
    page = Page("<div hidden>" + "<p>x" * 10_000 + "</div><p>seen")
    assert ["seen"] == words_of(clean_page(page, Limits(nodes=100)).content)


@pytest.mark.parametrize("where", [HERE, Limits(isolate_over=0)], ids=["here", "in a child"])
def test_seconds(where: Limits) -> None:
    """A page that would take hours ends at its limit."""
    page = Page("<b>" * 300_000 + "</i>" * 300_000)
    with pytest.raises(PageTimeout, match=r"^the page could not be parsed within 0\.2 s$"):
        clean_page(page, replace(where, seconds=0.2))


@pytest.mark.parametrize("depth", [1, 2, 5, 256])
def test_depth(depth: int) -> None:
    """Deeper elements lose their tags, never their text; and it is counted how many did."""
    page = Page("".join(f"<blockquote>{number}" for number in range(300)))
    cleaned = clean_page(page, Limits(depth=depth))
    assert [str(number) for number in range(300)] == words_of(cleaned.content)
    assert depth - 1 <= cleaned.content.count("<blockquote>") <= depth
    assert 300 - depth <= cleaned.removed["deep"] <= 301 - depth


@pytest.mark.parametrize("form", ["html", "markdown", "text"])
@pytest.mark.parametrize("opened", ["<blockquote>x", "<ul><li>x", "<table><tr><td>x", "<details><summary>x</summary>"])
def test_the_deepest_page_there_may_be_is_pruned(opened: str, form: str) -> None:
    """At the largest depth that can be set, each writer comes through."""
    result = pruned(opened * 300, "x", format=form, limits=Limits(depth=256), max_tokens=100_000)
    assert 300 == len(re.findall(r"\bx\b", result.content))


@pytest.mark.parametrize(
    ("limit", "value"),
    [("depth", 0), ("depth", 257), ("depth", -1), ("seconds", 0), ("seconds", -1.0), ("seconds", math.inf)],
)
def test_limits_that_cannot_be_held(limit: str, value: float) -> None:
    """A limit that means nothing is refused where it is set."""
    with pytest.raises(InvalidInput, match=rf"^the (?:depth|time) limit must be .*, not {value}$"):
        Limits(**{limit: value})  # type: ignore[arg-type]


def test_one_page_too_large_fails_the_call() -> None:
    """`prune` and `BlockTree` raise what their pages raise."""
    pages = [Page("<p>fine"), Page("x" * 100)]
    with pytest.raises(PageError, match="100 bytes"):
        BlockTree.from_pages(pages, limits=Limits(bytes=99))
    with pytest.raises(PageTooLarge, match="20,000,001 bytes"):
        prune([*pages, "x" * 20_000_001], "fine", embedder=Overlap(), counter=counter())
