"""Fusion of several answers, and which URLs are one page: properties and examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.search import Found, Hit, ProviderBusy, SearchError
from app.search.fusion import K, combine, fuse
from app.search.same_page import page_key
from pruning.document import Page

names = st.sampled_from([f"https://{host}/{path}" for host in ("a.org", "b.org") for path in "pqrstu"])
answers = st.lists(st.lists(names, max_size=8).map(lambda urls: [Hit(url, None, None) for url in urls]), max_size=5)


@given(answers, st.integers(1, 20))
def test_a_fusion_has_each_page_once(lists: list[list[Hit]], most: int) -> None:
    """All pages of all answers, the best first, cut to as many as are wanted."""
    fused = fuse(lists, most)
    distinct = {hit.url for answer in lists for hit in answer}
    scores = [hit.score or 0 for hit in fused]
    assert len(fused) == min(most, len(distinct)) == len({hit.url for hit in fused})
    assert sorted(scores, reverse=True) == scores
    assert {hit.url for hit in fused} <= distinct


@given(st.lists(names, unique=True), st.integers(1, 4))
def test_answers_that_agree_stay_as_they_are(urls: list[str], times: int) -> None:
    """One answer, or the same several times, keeps its order."""
    answer = [Hit(url, None, None) for url in urls]
    assert urls == [hit.url for hit in fuse([answer] * times, 100)]


@given(st.lists(names, min_size=2, unique=True), st.data())
def test_a_better_place_never_hurts(urls: list[str], data: st.DataObject) -> None:
    """A page that one answer moves up does not fall in the fusion."""
    other = [Hit(url, None, None) for url in data.draw(st.permutations(urls))]
    number = data.draw(st.integers(1, len(urls) - 1))
    moved = [urls[number], *urls[:number], *urls[number + 1 :]]
    before, after = (
        [hit.url for hit in fuse([[Hit(url, None, None) for url in order], other], 100)] for order in (urls, moved)
    )
    assert after.index(urls[number]) <= before.index(urls[number])


def test_what_one_answer_does_not_say_another_does() -> None:
    """The best ranked one speaks first; a page that came along is kept."""
    page = Page(html="<p>all of it")
    first = [Hit("https://a.org/", "Title", None), Hit("https://b.org/", None, None)]
    second = [Hit("https://c.org/", None, None), Hit("http://www.a.org/#x", "Other", "Said.", 9.0, "2026", page)]
    merged = fuse([first, second], 10)[0]
    assert Hit("https://a.org/", "Title", "Said.", 1 / (K + 1) + 1 / (K + 2), "2026", page) == merged


def test_a_failure_beside_an_answer_is_told_and_all_of_them_are_an_error() -> None:
    """Each is named once."""
    hit = Hit("https://a.org/", None, None)
    down = SearchError("brave", "down")
    found = combine([Found([hit], ("exa: a note",)), down, down], 5, "multi")
    assert (["https://a.org/"], ("exa: a note", "without brave: down")) == ([h.url for h in found.hits], found.degraded)
    with pytest.raises(SearchError, match=r"^multi: none of them answers: brave: down; exa: out$") as caught:
        combine([down, SearchError("exa", "out", 3.0)], 5, "multi")
    assert (SearchError, 3.0) == (type(caught.value), caught.value.retry_after)
    with pytest.raises(ProviderBusy, match=r"^multi: .*a: busy; b: busy$") as busy:
        combine([ProviderBusy("a", "busy", 9.0), ProviderBusy("b", "busy", 4.0)], 5, "multi")
    assert 4.0 == busy.value.retry_after
    with pytest.raises(SearchError, match=r"^brave: down$"):
        combine([down, down], 5, "other")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a~b?a=1&b=2",
        "https://www.example.org/a~b?b=2&a=1",
        "HTTPS://EXAMPLE.org:443/a%7Eb/?a=1&b=2#part",
        "https://example.org./a~b?a=1&utm_source=x&b=2&gclid=1&fbclid=2",
        " https://example.org/a~b?a=1&b=2 ",
    ],
)
def test_urls_of_one_page_are_one(url: str) -> None:
    """However they are written."""
    assert page_key("https://example.org/a~b?a=1&b=2") == page_key(url)


@pytest.mark.parametrize(
    "url",
    ["https://a.org/A", "https://a.org/a/b", "https://a.org/a?p=1", "https://b.org/a", "https://a.org:8443/a", "x"],
)
def test_urls_of_other_pages_are_others(url: str) -> None:
    """What servers tell apart stays apart."""
    assert page_key("https://a.org/a") != page_key(url)


@given(st.text(max_size=60) | st.from_regex(r"https?://[a-z.\[\]:%0-9]{1,20}(/[ -~]{0,20})?", fullmatch=True))
def test_any_text_has_a_key(url: str) -> None:
    """Whatever an engine sends."""
    assert page_key(url) == page_key(url.strip()) or page_key(url) == url


@given(names, st.sampled_from(["", "#top", "?utm_campaign=x", "/", "?fbclid=1#a"]))
def test_what_no_page_depends_on_is_left_out(url: str, tail: str) -> None:
    """Fragments, tracking, a last slash."""
    assert page_key(url) == page_key(url + tail)
