"""What tags cost: counted against the words, and what each kind of tag is of it."""

import pytest

from pruning import TokenCounter


class Words(TokenCounter):
    """A token for each word and each tag, as if tags stood apart."""

    def count_many(self, texts: list[str]) -> list[int]:
        return [len(text.replace("<", " <").replace(">", "> ").split()) for text in texts]


CONTENT = (
    '<!DOCTYPE html>\n<section title="t">\n<h1>a</h1>\n<p>b\n<ul>\n<li>c\n<li>d\n</ul>\n'
    '<table>\n<tr><td colspan="2">e\n</table>\n<pre>x &lt; y</pre>\n</section>\n'
)


@pytest.mark.parametrize(
    ("kind", "saved"),
    [
        *(("tables", 5), ("lists", 4), ("headings", 2), ("paragraphs", 1), ("images", 0), ("frame", 5), ("others", 2)),
        *(("numbers", 1), ("breaks", 0)),
    ],
)
def test_each_kind_of_tag_is_left_out_by_itself(load, kind: str, saved: int) -> None:
    """Its tags, and no other's; words stay."""
    found = load("overhead").tokens(CONTENT, Words())

    assert (8, 27) == (found["text"], found["all"])
    assert saved == found["all"] - found[kind]


def test_what_images_say_counts_as_text(load) -> None:
    """With a tag of its own, which holds them."""
    found = load("overhead").tokens('<p>a<img alt="b c">', Words())

    assert (3, 5, 4) == (found["text"], found["all"], found["images"])


def test_the_figure_is_of_all_tokens_and_of_the_median(load) -> None:
    """What has no word is left out."""
    overhead = load("overhead")
    measured = [overhead.tokens(content, Words()) for content in ("<p>a", "<p>a b c d", "", "<p>a b c d")]

    found = overhead.overhead(measured)

    assert (3, 1.333, 1.25) == tuple(found.values())[:3]
    assert found["without"]["paragraphs"] == 1.0
    with pytest.raises(SystemExit):
        overhead.overhead([])
