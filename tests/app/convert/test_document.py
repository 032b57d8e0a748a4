"""Documents say of themselves what is known, and hold text as text."""

import pytest

from app.convert.document import document, element, items, paragraphs
from pruning.document import Page
from pruning.metadata import Metadata
from pruning.parse import node_table


@pytest.mark.parametrize(
    "about",
    [
        Metadata(),
        Metadata('A "b" & <c>', "https://e.example/?a=1&b=2", "2026-11-22", "O'Hara", "pt-BR"),
    ],
)
def test_a_document_says_what_is_known_of_it(about: Metadata) -> None:
    """What was written into it is read out of it again."""
    assert about == node_table(Page(html=document("<p>x</p>", about))).metadata


def test_lists_hold_text() -> None:
    """Nothing in a text is read as a tag."""
    assert "<ul>\n<li>a &lt; b</li>\n</ul>\n" == items("ul", ["a < b"])
    assert "<p>&lt;b&gt;</p>\n" == element("p", "<b>")


def test_text_keeps_its_paragraphs_and_its_columns() -> None:
    """Prose becomes `p`; indented lines and columns become `pre`; nothing in it is read as a tag."""
    text = "Pears & <apples>\r\nare cut.\r\n \r\n\r\n  indented\nline\n\n\nname   tree\n\nlast\n"
    expected = (
        "<p>Pears &amp; &lt;apples&gt;\nare cut.</p>\n"
        "<pre>  indented\nline</pre>\n<pre>name   tree</pre>\n<p>last</p>\n"
    )
    assert expected == paragraphs(text)
