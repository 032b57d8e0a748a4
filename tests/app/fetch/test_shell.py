"""Which pages are empty until their scripts run, and what such pages carry in themselves."""

import json
from pathlib import Path

import pytest

from app.fetch.shell import embedded_text, is_shell
from app.search.files import visible_text
from pruning.document import Page
from pruning.parse import node_table
from tests.needs import ROOT

PROSE = "Pears are cut in late winter, before the sap rises, and never when it freezes. " * 4
HEAD = "<!doctype html><html lang=en><head><title>Pears</title><meta name=author content='A. Writer'></head>"
LOADER = "<script src='/main.js'></script>"


def shell(carried: str = "", shown: str = "<div id='root'></div>") -> Page:
    return Page(html=f"{HEAD}<body>{shown}{carried}{LOADER}</body></html>".encode(), url="https://garden.example/pears")


def shown_as_shell(page: Page) -> bool:
    return is_shell(page, node_table(page))


def text_of(page: Page | None) -> str:
    assert page is not None
    return visible_text(node_table(page))


@pytest.mark.parametrize(
    "shown",
    [
        "<div id='root'></div>",
        "<app-root></app-root>",
        "<div id=__next><div class=spinner>Loading</div></div>",
        "<nav>" + "<a href=/>Home and garden</a>" * 40 + "</nav><div id=app></div><footer>Imprint and privacy</footer>",
        "<noscript>You need to enable JavaScript to run this app.</noscript><div id=x></div>"
        "<p>One moment, we are getting the page for you now, please wait.</p>",
    ],
)
def test_a_page_without_words_of_its_own_is_a_shell(shown: str) -> None:
    """Whatever navigation stands around it."""
    assert shown_as_shell(shell(shown=shown))


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<p>Gone.",
        "<h1>404</h1><p>There is no such page.",
        f"<div id=root><p>{PROSE}</p></div>{LOADER}",
        f"<aside><p>{PROSE}</p></aside><app-root></app-root>{LOADER}",
        f"<p>The shop opens on Sunday from ten to two o'clock, and never on Mondays.</p>{LOADER}",
    ],
)
def test_a_short_page_is_no_shell(html: str) -> None:
    """It has few words, but no scripts, or nothing that says that scripts would bring more."""
    assert not shown_as_shell(Page(html=html))


def test_no_page_of_the_sample_site_is_a_shell() -> None:
    """Nor is one where every page loads scripts."""
    pages = sorted(Path(ROOT / "app" / "sample").rglob("*.html"))
    assert pages
    assert [] == [path.name for path in pages if shown_as_shell(Page(html=path.read_bytes() + LOADER.encode()))]


@pytest.mark.parametrize(
    "carried",
    [
        f"<noscript><h1>Pears</h1><p>{PROSE}</p></noscript>",
        f"<script type='application/ld+json'>{json.dumps({'@type': 'Article', 'articleBody': PROSE})}</script>",
        f"<script id=__NEXT_DATA__ type='application/json'>{json.dumps({'props': {'page': {'body': PROSE}}})}</script>",
        f"<script>window.__INITIAL_STATE__ = {json.dumps({'article': {'html': f'<p>{PROSE}</p>'}})};</script>",
        f"<script>window.__S__ = JSON.parse({json.dumps(json.dumps({'article': PROSE}))})</script>",
        f"<div data-page='{json.dumps({'props': {'body': PROSE}})}'></div>",
    ],
)
def test_the_article_in_a_shell_is_found(carried: str) -> None:
    """In `noscript`, JSON-LD and the state of any framework; title, author and address stay."""
    page = shell(carried)
    assert shown_as_shell(page)
    found = embedded_text(page)

    assert PROSE.strip() in " ".join(text_of(found).split())
    assert found is not None
    assert node_table(page).metadata == node_table(found).metadata
    assert not shown_as_shell(found)


@pytest.mark.parametrize(
    "carried",
    [
        "",
        "<noscript>You need to enable JavaScript to run this app.</noscript>",
        "<script>window.__CONFIG__ = {'a': 1}; var text = 'We use cookies to make this page a better one.'</script>",
        '<script>window.__STATE__ = {"i18n": {"a": "We could not find what you asked us to find, sorry."}}</script>',
        '<script type="application/ld+json">{"@type": "Organization", "description": "We are a company."}</script>',
        '<script type="application/json">' + "[" * 100_000 + "</script>",
    ],
)
def test_a_shell_that_carries_nothing_gives_nothing(carried: str) -> None:
    """Then only a browser helps."""
    assert None is embedded_text(shell(carried))


def test_links_of_the_embedded_article_are_resolved_as_the_page_says() -> None:
    """`base` holds for it as well."""
    page = Page(
        html=f"<base href='https://cdn.example/x/'><div id=app></div><noscript>{PROSE}<a href=y>more</a></noscript>"
        + LOADER,
        url="https://garden.example/pears",
    )
    found = embedded_text(page)

    assert found is not None
    assert ' href="https://cdn.example/x/y"' in node_table(found, links=True).attributes.values()


@pytest.mark.parametrize(
    "part",
    [
        *(
            "<div id=root ",
            "<div id=root>",
            "<script>",
            "<script ",
            "<noscript>",
            "<a-b ",
            "<app-root>\n",
            "data-state=",
            "<x",
        ),
        *('data-state="', "<script type=application/ld+json>{", "window.a = {", "<base ", "</", "<div id=root>\n\n\n"),
    ],
)
def test_no_page_takes_long_to_be_known(part: str) -> None:
    """However often it begins what it never ends."""
    page = Page(html=f"{LOADER}{part * 40_000}")

    is_shell(page, node_table(page))  # ends
    assert embedded_text(page) is None
