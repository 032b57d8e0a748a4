"""The sample site is built as websites are: it parses, its links lead somewhere, and what it says is true."""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import html5lib
import pytest
from bs4 import BeautifulSoup, Tag

from app.settings import PREFIX, Settings
from pruning import errors
from pruning.document import Limits
from tests.needs import ROOT

SITE = ROOT / "app/sample"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
_QUESTION_LINES = Path(__file__).with_name("sample_questions.jsonl").read_text(encoding="utf-8").splitlines()
QUESTIONS = [json.loads(line) for line in _QUESTION_LINES]
UNSEEN = "head, script, style, template, noscript, svg, [hidden], [style*='display:none']"
LOADING = "[src], [srcset], [data-src], link[rel=stylesheet], link[rel=icon], iframe"
ADDRESS = "https://secateurs.example/"

each_page = pytest.mark.parametrize("name", PAGES)


@cache
def soup(name: str) -> BeautifulSoup:
    """The page as an HTML5 parser builds it."""
    return BeautifulSoup((SITE / name).read_text(encoding="utf-8"), "html5lib")


@cache
def visible_text(name: str) -> str:
    """What a reader of the page sees, by a rule of its own that knows nothing of `pruning.visibility`."""
    page = BeautifulSoup((SITE / name).read_text(encoding="utf-8"), "html5lib")
    for unseen in page.select(UNSEEN):
        unseen.extract()
    return " ".join(page.get_text(" ").split())


def only(name: str, selector: str) -> Tag:
    """The one element of the page that the selector finds."""
    found = soup(name).select(selector)
    assert len(found) == 1, f"{name}: {len(found)} times {selector}"
    return found[0]


def test_the_site_has_the_size_of_a_small_website() -> None:
    """About forty pages, each mostly chrome, and together small enough for a package."""
    sizes = [(SITE / name).stat().st_size for name in PAGES]
    assert 40 <= len(sizes) <= 60
    assert 8_000 <= min(sizes)
    assert max(sizes) <= 40_000
    assert sum(sizes) < 1_000_000


def test_the_site_is_html_and_nothing_else() -> None:
    """No file of another kind lies among the pages."""
    assert PAGES == sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*") if path.is_file())


@each_page
def test_a_page_parses_without_an_error(name: str) -> None:
    """An HTML5 parser in strict mode raises at the first parse error."""
    html5lib.HTMLParser(strict=True).parse((SITE / name).read_text(encoding="utf-8"))


@each_page
def test_a_page_says_what_it_is(name: str) -> None:
    """Title, language, author, date and address, in the places where the web puts them."""
    assert only(name, "head > title").get_text().strip()
    assert re.fullmatch(r"[a-z]{2}(-[A-Z][a-z]{3})?", str(only(name, "html")["lang"]))
    assert only(name, "meta[name=author]")["content"] == "The Secateurs authors"
    date = str(only(name, "meta[name=date]")["content"])
    assert re.fullmatch(r"2026-\d\d-\d\d", date)
    assert only(name, "meta[property='article:published_time']")["content"] == f"{date}T08:00:00+00:00"
    assert only(name, "link[rel=canonical]")["href"] == ADDRESS + name


@each_page
def test_json_ld_agrees_with_the_rest_of_the_page(name: str) -> None:
    """The structured data is JSON and tells the same headline, date and language."""
    graph = json.loads(only(name, "script[type='application/ld+json']").string or "")["@graph"]
    (article,) = [item for item in graph if "headline" in item]
    assert article["headline"] == only(name, "h1").get_text()
    assert article["datePublished"] == only(name, "meta[name=date]")["content"]
    assert article["inLanguage"] == only(name, "html")["lang"]


def test_titles_are_unique() -> None:
    """A search result can be told from the others by its title."""
    titles = [only(name, "head > title").get_text() for name in PAGES]
    assert sorted(set(titles)) == sorted(titles)


@each_page
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link reaches a page of the site, and an element in it where it names one."""
    for link in soup(name).select("a[href], form[action], link[rel=alternate]"):
        parts = urlsplit(str(link.get("href") or link.get("action")))
        if parts.scheme:
            assert parts.scheme in {"mailto", "javascript"} or parts.netloc.endswith(".example")
            continue
        target = (SITE / name).parent.joinpath(unquote(parts.path)).resolve() if parts.path else SITE / name
        assert target.is_relative_to(SITE.resolve())
        found = target.relative_to(SITE.resolve()).as_posix()
        assert found in PAGES
        if parts.fragment:
            assert soup(found).select(f'[id="{parts.fragment}"], a[name="{parts.fragment}"]')


@each_page
def test_a_page_loads_nothing(name: str) -> None:
    """The site works without the internet: no script, style, image or frame comes from elsewhere."""
    for element in soup(name).select(LOADING):
        for attribute in ("src", "srcset", "data-src", "href"):
            assert str(element.get(attribute, "data:")).startswith("data:")
    assert not re.search(r"@import|url\(", (SITE / name).read_text(encoding="utf-8"))


@each_page
def test_every_page_can_be_reached_from_the_site_map(name: str) -> None:
    """The site map lists each page but the start page in its own text, not only in the menus."""
    listed = {str(link["href"]) for link in soup("sitemap.html").select("section.sitemap__chapter a")}
    assert name in listed | {"index.html"}


def test_the_site_is_built_like_the_web_is() -> None:
    """What cleaning and splitting must cope with is there, each somewhere."""
    for selector in (
        "nav ul ul",
        "[role=dialog]",
        "body script",
        "style",
        "template",
        "noscript",
        "[hidden]",
        "[style*='display:none']",
        "[aria-hidden=true]",
        "[onclick]",
        "picture source",
        "img[alt]",
        "pre code span",
        "ol[start]",
        "dl dt",
        "details:not([open]) summary",
        "ruby rt",
        "table caption",
        "thead th[colspan]",
        "td[rowspan]",
        "td:empty",
        "table table",
        "div div div div div div div p",
        "[dir=rtl]",
        "blockquote",
        "select, input[type=hidden]",
    ):
        assert any(soup(name).select_one(selector) for name in PAGES), f"no page has {selector}"


def test_the_site_speaks_several_languages() -> None:
    """Scripts with and without spaces, and one that runs from right to left."""
    languages = {str(only(name, "html")["lang"]) for name in PAGES}
    assert {"en", "de", "fr", "es", "ja", "zh-Hans", "ar", "th"} == languages
    assert {"ar/ma-huwa.html"} == {name for name in PAGES if only(name, "html").get("dir") == "rtl"}


def test_hidden_text_is_there_to_be_dropped() -> None:
    """A draft that no reader sees contradicts the page it is on."""
    assert "9310" in (SITE / "guide/quick-start.html").read_text(encoding="utf-8")
    assert "9310" not in visible_text("guide/quick-start.html")


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["question"])
def test_the_answer_stands_on_its_page(question: dict[str, str]) -> None:
    """A newcomer's question is answered in visible words."""
    assert {"question", "page", "answer"} == set(question)
    assert re.search(rf"(?<!\w){re.escape(question['answer'])}", visible_text(question["page"]))


def test_questions_differ() -> None:
    """No question is asked twice, and there are enough of them to tell a good change from a bad one."""
    assert len(QUESTIONS) >= 15
    assert len({question["question"] for question in QUESTIONS}) == len(QUESTIONS)


def test_settings_named_on_the_site_exist() -> None:
    """A reader who types a variable from the manual sets something."""
    named = {found for name in PAGES for found in re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", visible_text(name))}
    known = {PREFIX + field.upper() for field in Settings.model_fields} | {"SECATEURS_DATA"}
    assert set() == named - known


def test_every_setting_stands_on_the_settings_page() -> None:
    """The page is complete: what can be set is found by asking for it."""
    named = set(re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", visible_text("guide/settings.html")))
    assert set() == {PREFIX + field.upper() for field in Settings.model_fields} - named


def test_defaults_on_the_settings_page_are_true() -> None:
    """The table of settings tells the defaults that the code has."""
    rows = [row.select("td") for row in soup("guide/settings.html").select("table.settings tbody tr")]
    told = {cells[0].get_text(): cells[1].select_one("code") for cells in rows}
    assert len(told) >= 20
    for variable, default in told.items():
        if default is not None:
            value = Settings.model_fields[variable.removeprefix(PREFIX).lower()].default
            number = f"{value:g}" if isinstance(value, float) else str(value)
            shown = ",".join(map(str, value)) if isinstance(value, tuple) else number
            assert default.get_text() == shown


def test_errors_named_on_the_errors_page_are_the_errors_of_the_core() -> None:
    """The tree of errors on the page is the tree that the code has."""
    told = {code.get_text() for code in soup("reference/errors.html").select("ul.tree code")}
    assert told == {name for name, kind in vars(errors).items() if isinstance(kind, type)}


def test_limits_on_the_limits_page_are_the_limits_of_the_core() -> None:
    """The table of page limits tells the defaults that the code has."""
    rows = only("reference/limits.html", "table.tbl tbody").select("tr")
    told = [row.select("td")[0].get_text() for row in rows]
    limits = Limits()
    assert told == [f"{limits.bytes:,}", f"{limits.nodes:,}", f"{limits.seconds:g}", f"{limits.depth} levels"]
