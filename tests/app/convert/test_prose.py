"""Prose is told from code, keys and addresses."""

import pytest

from app.convert.prose import as_html, is_prose, word_count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Pears are cut in late winter, before the sap rises.", True),
        ("<p>Pears are cut in <b>late</b> winter, before the sap rises.</p>", True),
        ("Too few words for prose.", False),
        (".button { color: red; } .a .b .c .d { border: 0 }", False),
        ("1 2 3 4 5 6 7 8 9 10 11 12 13", False),
        ("(a, b) => a + b that is some code for you here", False),
        ("", False),
    ],
)
def test_prose_is_known(text: str, expected: bool) -> None:
    """By its words, its letters, and the signs that only code has."""
    assert expected == is_prose(text)


def test_words_of_unspaced_scripts_count_by_character() -> None:
    """As blocks are measured."""
    assert (0, 2, 3) == (word_count(""), word_count("two words"), word_count("梨の木"))


def test_html_in_a_text_is_closed() -> None:
    """A tag that nobody closes must not hold what follows."""
    assert "<p>Comment\n<p>b\n" == as_html("<p>Comment<!-- x --><div><p>b<script>swallow")
