"""Feeds become their entries, XHTML what it says, other XML its text; and nothing from outside comes in."""

from pathlib import Path

import pytest

from app.convert.xml import xml_html
from app.search.files import visible_text
from pruning.document import Page
from pruning.metadata import Metadata
from pruning.nodes import NodeTable
from pruning.parse import node_table

RSS = """<?xml version="1.0" encoding="iso-8859-1"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>Garden</title><link>https://g.example</link><description>News of trees</description>
<language>en</language>
<item><title>Pears &amp; plums</title><link>https://g.example/1</link><pubDate>Sun, 22 Nov 2026</pubDate>
<dc:creator>A. Writer</dc:creator><description>Short.</description>
<content:encoded><![CDATA[<p>Cut in <b>late</b> winter.</p><script>alert()</script>]]></content:encoded></item>
<item><link>https://g.example/2</link><description>&lt;p&gt;Escaped&lt;/p&gt; and&nbsp;named</description></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de"><title>Garten</title><updated>2026-11-22</updated>
<author><name>B. Autor</name></author><entry><title>Birnen</title><link rel="self" href="https://g.example/self"/>
<link href="https://g.example/1"/><updated>2026-11-21</updated>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Im <em>Winter</em>.</p></div></content></entry>
</feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
<channel><title>Old</title></channel><item><title>One</title><link>https://g.example/1</link>
<description>Text</description></item></rdf:RDF>"""


def read(xml: str) -> NodeTable:
    return node_table(Page(html=xml_html(xml)), links=True)


@pytest.mark.parametrize(
    ("feed", "text", "about"),
    [
        (
            RSS,
            "Garden\nNews of trees\nPears & plums\nSun, 22 Nov 2026 · A. Writer\nCut in late winter.\n"
            "Untitled\nEscaped\nand named",
            Metadata(title="Garden", language="en"),
        ),
        (
            ATOM,
            "Garten\nBirnen\n2026-11-21\nIm Winter.",
            Metadata(title="Garten", published="2026-11-22", author="B. Autor", language="de"),
        ),
        (RDF, "Old\nOne\nText", Metadata(title="Old")),
    ],
    ids=["rss", "atom", "rdf"],
)
def test_a_feed_is_its_entries(feed: str, text: str, about: Metadata) -> None:
    """Title, date, author and content of each; the fullest text that there is."""
    table = read(feed)

    assert (text, about) == (visible_text(table), table.metadata)
    assert ' href="https://g.example/1"' in table.attributes.values()


def test_xhtml_is_read_as_xml() -> None:
    """There an empty script ends itself, and a named character is one."""
    page = """<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://unheard.invalid/x.dtd">
    <html xmlns="http://www.w3.org/1999/xhtml" lang="en"><head><title/><script src="a.js"/><title>Pears</title></head>
    <body><div/><p>Cut&nbsp;in <![CDATA[<late>]]> winter.<br/>Yes.</p></body></html>"""
    table = read(page)

    assert "Cut in <late> winter. Yes." == visible_text(table)
    assert "en" == table.metadata.language


def test_other_xml_is_its_text() -> None:
    """A paragraph for each element that holds text, headings where they are called so."""
    expected = (
        "<!doctype html>\n<title>Pears</title>\n<div>\n<h2>Pears</h2>\n<div>\n<p>Cut in late winter.</p>\n"
        "<p>Never in frost.</p>\n</div>\n</div>\n"
    )
    assert expected == xml_html(
        "<doc><title>Pears</title><body><para>Cut in <b>late</b> winter.</para><!-- no -->"
        "<x>Never in frost.</x></body></doc>"
    )


def test_broken_xml_is_read_as_html() -> None:
    """So that its text is there anyway."""
    assert "Pears & plums" in visible_text(read("<rss><item><title2>Pears & plums</item>"))


def test_nothing_from_outside_comes_in(tmp_path: Path) -> None:
    """Neither a file nor an address, by whatever kind of entity."""
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    for declared in (
        f'<!ENTITY a SYSTEM "file://{secret}">',
        f'<!ENTITY % b SYSTEM "file://{secret}"> %b;',
        f'<!ENTITY a PUBLIC "x" "{secret}">',
    ):
        assert "the secret" not in xml_html(f"<!DOCTYPE d [{declared}]><d><p>&a;</p></d>")
    included = f'<d xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{secret}" parse="text"/></d>'
    assert "the secret" not in xml_html(included)


def test_entities_do_not_multiply() -> None:
    """A billion laughs stay a few."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">{laughs}]><d><p>&l9;</p></d>'

    assert len(xml_html(bomb)) < 10 * len(bomb)
    assert len(xml_html(f'<!DOCTYPE d [<!ENTITY a "{"x" * 50_000}">]><d>{"&a;" * 50_000}</d>')) < 1_000_000


@pytest.mark.parametrize("xml", ["<a>" * 30_000, "<a>" * 300 + "text" + "</a>" * 300, "<a " + 'b="c" ' * 30_000 + "/>"])
def test_deep_and_wide_xml_ends(xml: str) -> None:
    """Deep XML is given to the HTML parser, which has no depth at which text is lost."""
    assert ("text" in xml) == ("text" in visible_text(read(xml)))
