"""Tables of nodes as bytes and back."""

import zlib
from dataclasses import fields
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning import parse, stored
from pruning.blocks import BlockTree
from pruning.document import Page
from pruning.nodes import NodeTable
from pruning.parse import node_table
from tests.pruning.strategies import ANY_PAGES

# Of everything that cleaning decides about, something.
EXAMPLES = (
    "",
    "bare <b>text</b> and an &amp; entity",
    """<!doctype html><html lang=de><head><title>Äpfel &ndash; schneiden</title><meta name=author content="A. Gärtner">
    <meta property="article:published_time" content="2024-02-29"><link rel=canonical href=/a>
    <base href="https://a.example/b/">
    <script type="application/ld+json">{"@type": "Article", "headline": "Schnitt"}</script>
    <style>p{color:red}</style></head>
    <body><nav hidden>weg</nav><div style="display: none">auch weg</div><p>Im <i>Winter</i>,<br>nicht im Sommer.</p>
    <ol start=3><li>erstens<li>zweitens<ul><li>darunter</ul></ol><pre>  zwei\n    vier</pre><img src=x alt="ein Baum">
    <table><caption>Zeiten</caption><tr><th rowspan=2>Monat<td colspan=2>Arbeit<tr><td><td>Schnitt</table>
    <p>日本語の文章です。</p><p>ภาษาไทย</p><a href="c?d=1#e">weiter</a>
    <details><summary>mehr</summary>innen</details>""",
    "<div><div><div><p>Wrapped</p></div></div><section><h2>Head</h2><noscript>without</noscript><template>no</template>"
    "<select><option>one<option selected>two</select><textarea>typed</textarea><button>press</button></section></div>",
    # What a page says about itself, one way a page.
    "<title>T</title><meta itemprop='datePublished dateCreated' content=2026><meta name=citation_author content=N>",
    "<meta name=dc.date content=2026-01-02><meta property=og:title content=O><meta property=og:url content=/o>",
    """<script type=application/ld+json>{"@graph": [{"@type": "NewsArticle", "headline": "two\nlines", "datePublished":
    "2026-03-04T05:06:07Z", "author": [{"name": "N"}, {"name": "M"}], "inLanguage": "en"}]}</script><p>x""",
    "<meta http-equiv=content-language content=fr>"
    "<meta name=description content='About H.'><h1>H</h1><time datetime=2026-05-06>May</time><address>A</address>",
    # Paragraphs that say nothing, and an answer that a click shows.
    "<ul><li><p>one</p><li><p>two</p><p>three</p></ul><h3>Who?</h3><div class=answer style='display:none'>I.</div>",
)
# What tables of these pages look like, by the version that makes them. Where the test below fails, cleaning has changed
# what it makes of a page: raise `pruning.parse.VERSION` (indexes are rebuilt, cached tables no longer used) and put the
# new fingerprint here.
FINGERPRINTS = {5: "08f8c1e1a018ca22c3fceda9d95304bb"}


@given(html=ANY_PAGES, links=st.booleans())
def test_a_table_comes_back_as_it_was(html: str, links: bool) -> None:
    """Whatever the page, the table is the same, and so are the blocks that are cut from it."""
    table = node_table(Page(html, url="https://a.example/", title="T"), links=links)

    back = stored.load(stored.dump(table))

    for field in fields(NodeTable):
        before, after = getattr(table, field.name), getattr(back, field.name)
        if isinstance(before, np.ndarray):
            assert before.dtype == after.dtype
            before, after = before.tolist(), after.tolist()
        assert before == after
    one, other = (BlockTree.from_tables([t], 20) for t in (table, back))
    assert [one.text(block) for block in one.cut(20).tolist()] == [
        other.text(block) for block in other.cut(20).tolist()
    ]


def test_what_comes_back_can_be_written_to() -> None:
    """As a table that was just made can."""
    back = stored.load(stored.dump(node_table(Page(EXAMPLES[1]))))
    assert all(getattr(back, name).flags.writeable for name in ("tag", "parent", "words"))


def test_lone_surrogates_and_rare_characters() -> None:
    """No character of a text is beyond the bytes."""
    table = node_table(Page("<p>\U0001f333 \ufffd \ue000</p>"))
    table.text = table.text.replace("\ue000", "\ud800")
    assert table.text == stored.load(stored.dump(table)).text


@given(data=st.binary(max_size=200), packed=st.booleans())
def test_other_bytes_are_no_table(data: bytes, packed: bool) -> None:
    """Whatever else is found where a table was expected is a ValueError, and nothing of it is run."""
    with pytest.raises(ValueError, match="no table of this version"):
        stored.load(zlib.compress(data) if packed else data)


@given(at=st.integers(0), value=st.integers(0, 255))
def test_damage_is_noticed_or_harmless(at: int, value: int) -> None:
    """A byte changed before packing gives an error, or a table whose numbers still lead nowhere outside of it."""
    plain = bytearray(zlib.decompress(stored.dump(node_table(Page(EXAMPLES[2])))))
    plain[at % len(plain)] = value
    try:
        table = stored.load(zlib.compress(bytes(plain)))
    except ValueError:
        return
    nodes = np.arange(len(table))
    assert (table.parent < nodes).all()
    assert ((nodes < table.end) & (table.end <= len(table))).all()
    assert ((table.start <= table.stop) & (table.stop <= len(table.text))).all()


def test_another_version_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an older cleaner made of the page is not what this one makes."""
    data = stored.dump(node_table(Page(EXAMPLES[1])))
    monkeypatch.setattr(stored, "VERSION", "another")
    with pytest.raises(ValueError, match="made by version"):
        stored.load(data)


def test_the_version_is_raised_when_tables_change() -> None:
    """The same pages give the same tables as they did when this version was named."""
    digest = blake2b(digest_size=16)
    for html in EXAMPLES:
        for links in (False, True):
            table = node_table(Page(html, url="https://a.example/x"), links=links)
            digest.update(zlib.decompress(stored.dump(table)).replace(stored.VERSION.encode(), b""))

    assert FINGERPRINTS == {parse.VERSION: digest.hexdigest()}
