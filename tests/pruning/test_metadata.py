"""What a page says about itself, from wherever it says it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning import Page
from pruning.metadata import Metadata, MetadataReader
from pruning.parse import node_table
from tests.pruning.strategies import ANY_PAGES


def facts(html: str, **page: str) -> Metadata:
    """What a page says."""
    return node_table(Page(html, **page)).metadata  # type: ignore[arg-type]


def json_ld(thing: object) -> str:
    """A page that says it in JSON-LD."""
    return f'<script type="application/ld+json">{json.dumps(thing)}</script>'


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("", Metadata()),
        ("<title> A\n title &amp; more </title>", Metadata(title="A title & more")),
        ("<title>First</title><title>Second</title>", Metadata(title="First")),
        ("<title></title><meta property=og:title content='Shared'>", Metadata(title="Shared")),
        ("<svg><title>Icon</title></svg><p>x", Metadata()),
        (
            "<meta property=og:description content=a><meta name=Description content=' b\n c'>",
            Metadata(description="b c"),
        ),
        ("<svg><title>Icon</title></svg><title>Page</title>", Metadata(title="Page")),
        ("<meta property='og:title' content=a><meta name=twitter:title content=b>", Metadata(title="a")),
        ("<meta name=twitter:title content=b><meta property='og:title' content=a>", Metadata(title="a")),
        ("<meta name=twitter:title content=b><meta name=dc.title content=c>", Metadata(title="b")),
        ("<html lang=de-AT><p>x", Metadata(language="de-AT")),
        ("<meta http-equiv=Content-Language content=fr>", Metadata(language="fr")),
        ("<meta name=author content='A. Gardener'>", Metadata(author="A. Gardener")),
        ("<meta name=author content='https://x.example/me'>", Metadata()),
        ("<meta name=author content='  '>", Metadata()),
        ("<META NAME=Author CONTENT=A>", Metadata(author="A")),
        ("<meta property=article:published_time content=2024-02-03>", Metadata(published="2024-02-03")),
        ("<meta name=date content=2020><meta itemprop=datePublished content=2021>", Metadata(published="2021")),
        ("<link rel=canonical href=https://x.example/a>", Metadata(url="https://x.example/a")),
        ("<meta property=og:url content=https://x.example/b>", Metadata(url="https://x.example/b")),
        (json_ld({"headline": "H", "datePublished": "2024"}), Metadata(title="H", published="2024")),
        (json_ld([{"@type": "X"}, {"author": {"name": "N"}}]), Metadata(author="N")),
        (
            json_ld({"@graph": [{"author": [{"name": "N"}, {"name": "M"}], "inLanguage": "en"}]}),
            Metadata("", "", "", "N, M", "en"),
        ),
        (json_ld({"author": [], "datePublished": 2024, "headline": None}), Metadata()),
        ("<script type=application/ld+json>{broken</script>", Metadata()),
        (f"<script type=application/ld+json>{'[' * 100_000}</script>", Metadata()),
        ('<script>{"headline": "H"}</script>', Metadata()),
        (json_ld({"datePublished": "new"}) + "<meta name=date content=old>", Metadata(published="new")),
        ("<div hidden>" + json_ld({"headline": "H"}) + "</div>", Metadata(title="H")),
        ("<p>text first<title>late</title>", Metadata(title="late")),
        ("<meta itemprop='datePublished dateCreated' content=2026>", Metadata(published="2026")),
        (
            "<meta name=citation_author content=N><meta name=citation_date content=2026>",
            Metadata(None, None, "2026", "N"),
        ),
        ('<script type=application/ld+json>{"headline": "two\nlines"}</script>', Metadata(title="two lines")),
    ],
)
def test_facts_are_found(html: str, expected: Metadata) -> None:
    """In the title, in meta tags, in JSON-LD, at the root; the better source first, and nonsense nowhere."""
    expected = Metadata(*(getattr(expected, name) or None for name in Metadata.__slots__))

    assert expected == facts(html)


def test_the_caller_knows_best() -> None:
    """Title and address as given stand before what the page says."""
    page = "<title>T</title><link rel=canonical href=/c>"

    assert ("Mine", "https://x.example/p") == (
        (found := facts(page, url="https://x.example/p", title="Mine")).title,
        found.url,
    )


def test_a_fact_is_short() -> None:
    """Whoever writes more says something else."""
    assert "x" * 300 == facts(f"<title>{'x' * 1000}</title>").title


@pytest.mark.parametrize(
    ("base", "href", "expected"),
    [
        ("", "b", "https://x.example/a/b"),
        ("", "/b?q=1#f", "https://x.example/b?q=1#f"),
        ("", "//other.example", "https://other.example"),
        ("", " mailto:a@x.example ", "mailto:a@x.example"),
        ("", "tel:+43", "tel:+43"),
        ("", "javascript:alert(1)", None),
        ("", "JavaScript:alert(1)", None),
        ("", " \n javascript:alert(1)", None),
        ("", "java\nscript:alert(1)", None),
        ("", "data:text/html,x", None),
        ("", "vbscript:x", None),
        ("", "http://[", None),
        ("", "", "https://x.example/a/page"),
        ("<base href=/base/>", "b", "https://x.example/base/b"),
        ("<base href=https://b.example/><base href=https://c.example/>", "b", "https://b.example/b"),
        ("<base target=_top><base href=https://c.example/>", "b", "https://c.example/b"),
        ("<base href=javascript:x>", "b", "https://x.example/a/b"),
        ("<base href='https://b.example/" + "x" * 2000 + "/'>", "b", "https://x.example/a/b"),
    ],
)
def test_links_lead_somewhere_on_the_web(base: str, href: str, expected: str | None) -> None:
    """Resolved against the page's base, or its address; what runs code is no link."""
    table = node_table(Page(f"{base}<a href='{href}'>x</a>", url="https://x.example/a/page"), links=True)
    written = None if expected is None else f' href="{expected}"'

    assert ([written] if written else []) == list(table.attributes.values())


@given(href=st.text(alphabet="javscript:JAVA \t\n\x00\x01/&#x6a;data%61\u200b\u3000htps"))
def test_no_link_runs_code(href: str) -> None:
    """However it is spelled: what a browser would take for a script's address is none."""
    found = MetadataReader(Page("", url="https://x.example/")).resolve(href) or ""
    as_browsers_read_it = found.strip("".join(map(chr, range(33)))).translate(dict.fromkeys(map(ord, "\t\n\r"))).lower()

    assert not as_browsers_read_it.startswith(("javascript:", "data:", "vbscript:"))


@given(page=ANY_PAGES)
def test_facts_are_short_texts_of_one_line(page: str) -> None:
    """Or nothing, of any page."""
    found = facts(page)

    for name in ("title", "published", "author", "language"):
        value = getattr(found, name)
        assert value is None or (value == " ".join(value.split()) and 0 < len(value) <= 300)
