"""Parts of pages by CSS selectors, simple ones and those that take long."""

import pytest

from app.convert import selection
from app.convert.selection import selected
from pruning.document import Limits, Page
from pruning.errors import InvalidInput, PageTimeout

NESTED = "<title>T</title>" + "<div>" * 60 + "<p><b>one</b></p><p class=a><b>two</b></p>" * 500


def names(select: str = "", drop: str = "", html: str = NESTED) -> str:
    """What is left of the page."""
    chosen = (tuple(filter(None, (named,))) for named in (select, drop))
    return str(selected(Page(html, encoding="utf-8"), *chosen, Limits(seconds=1)).html)


def test_elements_that_look_alike_are_each_kept() -> None:
    """And those within others once, with them; what the page says of itself stays."""
    html = "<title>T</title><div><i>x</i></div><i>x</i><i>x</i>"
    assert "<title>T</title><div><i>x</i></div><i>x</i><i>x</i>" == names("i, div", html=html)


@pytest.mark.parametrize(
    ("simple", "other"), [("p.a", "p:is(.a)"), ("div > p", "div div > p:not(.b)"), ("b", ":has(b) b")]
)
def test_both_ways_are_one(simple: str, other: str) -> None:
    """A selector that is tried in another process names what a simple one does here."""
    assert (True, False) == (selection._is_simple(simple), selection._is_simple(other))
    assert names(simple) == names(other)
    assert names(drop=simple) == names(drop=other)


def test_letters_beyond_ascii_come_back() -> None:
    """From the other process, too."""
    assert "<p>日本語 ä</p>" == names("p:is(p)", html="<p>日本語 ä")


@pytest.mark.parametrize("endless", ["x * * * * *", "b:is(x * * * * b)"])
def test_selectors_that_take_too_long(endless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that tries them is killed."""
    monkeypatch.setattr(selection, "_START_SECONDS", 0.0)
    with pytest.raises(PageTimeout, match="the selectors took longer than the 1 s that a page may"):
        names(endless)


@pytest.mark.parametrize("wrong", ["p:::", "div[", ":has(", "p >", "p,,b"])
def test_no_selectors(wrong: str) -> None:
    """They are told by their text, before anything is tried."""
    with pytest.raises(InvalidInput, match="is no CSS selector"):
        names(wrong)
