"""Cleaning loses no visible word, adds nothing, and done twice is cleaning once."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given

from pruning import Limits, Page, PageTooLarge, clean, clean_page
from pruning.document import utf8
from tests.pruning import corpus, oracle
from tests.pruning.strategies import ANY_PAGES, PAGES

ADDRESS = "https://example.org/garden/hedges"


@given(page=ANY_PAGES)
@example("<p>split<b>ting</b> a <i>word</i>s")
@example("<p>a<img alt>&<img>lt;b&gt;")
@example("apart<div></div>too")
@example("a<sub> </sub>b")
@example("<title>T</title><section>no body tag</section>")
@example("<p>one<embed>two<wbr>three<source>four</p>")
@example("<embed hidden>seen")
@example("<li hidden>a<wbr>b<li>c")
@example("<p title='<wbr>'>a<source x='>'/>b<!--<wbr>--><xmp><wbr></xmp><track")
@example("<body hidden>seen")
@example("<html style='display:none'><body style='visibility:hidden'>seen")
@example("<p>a </p></html>behind")
@example('<a>x</a><img alt=" words "><button>y</button>')
@example("a \ud800 b \ud83d\udc4d")
def test_every_visible_word_stays_in_order(page: str) -> None:
    """What a reader sees of the page is what the cleaned page says, whatever the page is made of."""
    assert oracle.visible_words(page) == oracle.written_words(clean(page))


@given(page=PAGES)
def test_every_visible_word_stays_as_a_browser_parses_the_page(page: str) -> None:
    """On well-formed pages the words are those that the parser of the HTML standard sees, too."""
    expected = oracle.visible_text(oracle.parsed_as_html5(page)).split()

    assert expected == oracle.written_words(clean(page))


@given(page=ANY_PAGES)
@example("<table><tr><td>a<img alt='a hedge'><div></div>b")
def test_every_image_that_says_something_stays(page: str) -> None:
    """Among the words, where it stood."""
    assert oracle.joined_letters("".join(oracle.visible_words(page, alts=True))) == oracle.written_letters(clean(page))


@pytest.mark.parametrize("path", corpus.PAGES)
def test_every_visible_word_of_real_pages_stays(path: Path) -> None:
    """The same on pages that nobody of this project wrote."""
    data = corpus.read(path)

    assert oracle.visible_words(utf8(Page(data), Limits())) == oracle.written_words(clean(data))


@pytest.mark.parametrize("links", [False, True])
@given(page=ANY_PAGES)
@example("<div></div><p>a</p><details><summary>b</summary></details>")
@example("a<pre><div><ul><li>b</ul></div></pre>")
@example("<address>a<div><ul><li>b</ul></div></address>")
@example("<dl><dt>a<div><dl><dd>b</dl></div></dt><dd>c</dd><dd>d</dd></dl>")
@example("<dl>a<th>b")
@example("<table><tr><td>a<tr><td>b</tr><thead><tr><th>c</table>")
@example("<ul>a<div><pre>b</pre></div></ul>")
@example("<ul>a<p><sub><listing>b")
@example("<h1>a<div><h2>b</h2><div><p>c</p></div></div></h1>")
@example("<h2><div><table><tr><td>a</table></div>b</h2>")
@example("<pre>\n\u3000\na <sub></sub></pre>")
@example("a<img>>b")
@example("a]]><div></div>b")
@example("<table><tr><td rowspan=2></table><table><tr><td>a</td></tr><tr></tr></table>")
def test_cleaning_twice_is_cleaning_once(links: bool, page: str) -> None:
    """A cleaned page is left as it is, to the letter."""
    once = clean(page, url=ADDRESS, links=links)

    assert once == clean(once, links=links)


@pytest.mark.parametrize("links", [False, True])
@pytest.mark.parametrize("path", corpus.PAGES)
def test_cleaning_real_pages_twice_is_cleaning_once(path: Path, links: bool) -> None:
    """The same on pages that nobody of this project wrote."""
    once = clean(corpus.read(path), url=ADDRESS, links=links)

    assert once == clean(once, links=links)


@given(page=ANY_PAGES)
def test_nothing_hidden_or_active_is_left(page: str) -> None:
    """No script, no style, no event handler, no attribute but those that say something."""
    for element in oracle.parsed_as_html5(clean(page, url=ADDRESS, links=True)).iter():
        assert element.tag not in oracle.NEVER_SHOWN - {"title"}
        assert set(element.attrib) <= {"href", "alt", "colspan", "rowspan", "start", "reversed", "value"}
        assert not element.attrib.get("href", "").lower().startswith(("javascript:", "data:"))


@given(page=PAGES)
def test_links_are_kept_only_when_asked_for(page: str) -> None:
    """Without links there is no `a`; with them the words are the same."""
    without, with_links = clean(page), clean(page, links=True)

    assert re.search("<a[ >]", without) is None
    assert oracle.written_words(without) == oracle.written_words(with_links)


@pytest.mark.parametrize("nothing", ["", b"", " ", "<p></p>", "<!-- a -->", "<script>a</script>", "\0", "</p>", "<p"])
def test_a_page_without_text_becomes_nothing(nothing: str | bytes) -> None:
    """No tag is written where there is nothing to say."""
    assert "" == clean(nothing)


def test_what_was_removed_is_counted() -> None:
    """By kind: what hid it, or the element that is never shown."""
    page = (
        "<script>a</script><script>b</script><style>p{}</style>"
        "<p hidden>c</p><div style='display:none'>d</div><div></div><p>e</p>"
    )

    cleaned = clean_page(Page(page))

    assert "<!DOCTYPE html>\n<p>e\n" == cleaned.content
    assert {"script": 2, "style": 1, "hidden": 1, "hidden_by_style": 1, "empty": 1} == cleaned.removed


def test_limits_hold() -> None:
    """A page over the limit is an error, not a page cut short."""
    with pytest.raises(PageTooLarge, match="the page has 11 bytes; the limit is 10"):
        clean_page(Page("a" * 11), Limits(bytes=10))


@pytest.mark.parametrize(
    "opened", ["<div>", "<table><tr><td>", "<ul><li>", "<dl><dd>", "<span>", "<b>", "<pre>", "<a>"]
)
def test_text_is_not_lost_in_deep_nesting(opened: str) -> None:
    """Where parsers drop text, and beyond the limit of depth, each word stays."""
    words = [str(number) for number in range(3000)]

    cleaned = clean(" ".join(opened + word for word in words))

    assert words == re.sub("<.*?>", " ", cleaned).split()
    assert cleaned == clean(cleaned)
