"""Plain text and Markdown become simple HTML."""

import pytest

from app.convert.text import markdown_html, text_html
from pruning.document import Page
from pruning.metadata import Metadata
from pruning.parse import node_table


def test_text_is_a_document_of_paragraphs() -> None:
    """Nothing in it is read as a tag."""
    assert "<!doctype html>\n<p>a &lt; b</p>\n<p>c</p>\n" == text_html("a < b\n\nc")


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("# Pears\n\nCut in *late* winter.", "<h1>Pears</h1>\n<p>Cut in <em>late</em> winter.</p>\n"),
        ("- one\n  - two", "<ul>\n<li>one\n<ul>\n<li>two</li>\n</ul>\n</li>\n</ul>\n"),
        (
            "| a | b |\n|---|---|\n| 1 | 2 |",
            "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n"
            "<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>\n",
        ),
        ("```\na < b\n```", "<pre><code>a &lt; b\n</code></pre>\n"),
        ("<details>text</details>", "<details>text</details>"),
        ("~~old~~", "<p><s>old</s></p>\n"),
    ],
)
def test_markdown_is_rendered(markdown: str, expected: str) -> None:
    """CommonMark with tables; its own HTML stays, and is cleaned like any page's."""
    assert f"<!doctype html>\n{expected}" == markdown_html(markdown)


def test_front_matter_says_what_the_page_is() -> None:
    """Title, author, date and language; the rest of it is no text."""
    text = '---\ntitle: "Pears"\nauthor: A. Writer\ndate: 2026-11-22\nlang: en\ntags: [a]\n---\n\nCut.'
    table = node_table(Page(html=markdown_html(text)))

    assert Metadata("Pears", None, "2026-11-22", "A. Writer", "en") == table.metadata
    assert "tags" not in table.text


@pytest.mark.parametrize("part", ["[", "*a ", "`", "<", "> ", "![](", "- ", "a|b\n", "**_~~", "\\", "&"])
def test_no_markdown_takes_long(part: str) -> None:
    """What has brought down other parsers comes out as some HTML."""
    assert markdown_html(part * 2_000).startswith("<!doctype html>")


def test_much_markdown_is_read_as_text() -> None:
    """Its parser can't be stopped once it runs."""
    assert markdown_html("# a\n" * 130_000).startswith("<!doctype html>\n<p># a\n")
