"""Main content: what surrounds it goes, what it is made of stays."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from pruning import Page, TokenCounter
from pruning.isolate import read_page
from pruning.main_content import MainContent, main_content, whole_content
from tests.needs import data_files

STORY = [
    f"The gardener of house {n} cuts the old roses in March, well before the first leaves have come." for n in range(9)
]
PAGE = f"""<html lang="en"><title>Pruning roses</title>
<nav class="menu"><ul><li><a href="/">Home</a><li><a href="/shop">Buy our tools</a></ul></nav>
<div class="cookie-banner">We use cookies. Accept all?</div>
<article><h1>Pruning roses</h1><p>{"<p>".join(STORY)}
<table><tr><th>Month</th><th>Work to be done in the garden</th></tr>
<tr><td rowspan="2">March</td><td>Cut the old roses back to four eyes</td></tr>
<tr><td>Tie up the climbers</td></tr></table>
</article><footer>Imprint · Privacy · © Garden Ltd.</footer></html>"""


def read(html: str | bytes) -> MainContent:
    """The main content of a page."""
    page = Page(html, url="https://garden.example/roses")
    return main_content(page, read_page(page))


def test_what_surrounds_the_content_goes() -> None:
    """Menus, banners and footers; the heading and every paragraph stay."""
    content = read(PAGE).written("text", TokenCounter.load()).content

    assert all(line in content for line in ("Pruning roses", *STORY))
    assert [] == [word for word in ("Buy our tools", "cookies", "Imprint") if word in content]


def test_tables_keep_their_shape() -> None:
    """What chooses the text knows nothing of merged cells; they are written all the same."""
    source = read(PAGE).written("html", TokenCounter.load())

    assert '<td rowspan="2">March' in source.content
    assert "<th>Month" in source.content
    assert ("Pruning roses", "en", "https://garden.example/roses") == (source.title, source.language, source.url)


@pytest.mark.parametrize("form", ["html", "markdown", "text"])
@pytest.mark.parametrize("budget", [0, 1, 30, 100])
def test_a_budget_is_filled_from_the_beginning(form: str, budget: int) -> None:
    """And never exceeded."""
    counter = TokenCounter.load()
    source = read(PAGE).written(form, counter, budget)  # type: ignore[arg-type]

    assert counter.count(source.content) == source.tokens <= budget
    assert budget < 100 or "house 0" in source.content


@pytest.mark.parametrize(
    "html", ["", "\0", "<p>One line", "<nav>Only <a href=/>links</a></nav>", "<div>" * 3000 + "deep"]
)
def test_where_nothing_stands_out_all_stays(html: str) -> None:
    """A short page is not emptied."""
    page = Page(html)
    whole = whole_content(read_page(page)).written("text", TokenCounter.load())
    assert whole.content == read(html).written("text", TokenCounter.load()).content


def test_what_is_said_twice_by_chance_stays_once() -> None:
    """A box that a page has for wide and for narrow screens is a part of the content only once."""
    box = "<div><p>The roses of this garden are open to everybody in the month of June.</div>"
    content = read(PAGE.replace("</article>", f"{box}</article><aside>{box}</aside>"))
    written = content.written("text", TokenCounter.load()).content

    assert 1 == written.count("open to everybody")
    assert all(1 == written.count(line) for line in STORY)


def overlap(one: str, other: str) -> float:
    """F1 of the words of two texts, each counted as often as it stands there."""
    first, second = (Counter(re.findall(r"\w+", text.lower())) for text in (one, other))
    return 2 * (first & second).total() / max(1, first.total() + second.total())


@pytest.mark.parametrize("path", data_files("extract/aeb.jsonl.gz"))
def test_real_articles(path: Path) -> None:
    """Ten news articles: nearer to what a person marked as the article than all of the page is."""
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()][::9]
    ours, whole = [], []
    for row in rows:
        page = Page(gzip.decompress((path.parent / row["html"]).read_bytes()))
        table = read_page(page)
        for scores, content in ((ours, main_content(page, table)), (whole, whole_content(table))):
            scores.append(overlap(row["gold_text"], content.written("text", TokenCounter.load()).content))

    assert sum(ours) / len(rows) > 0.85 > sum(whole) / len(rows)
