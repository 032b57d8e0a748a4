"""Pages that say the same count once; pages of one site, or about one thing, do not."""

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import given

from pruning import Page
from pruning.duplicates import duplicates
from pruning.nodes import NodeTable
from pruning.parse import node_table
from tests.pruning.strategies import ANY_PAGES

WORDS = [
    f"{first}{last}" for first in ("bar", "lu", "ne", "tro", "si", "ka") for last in ("m", "ver", "nt", "stel", "o")
]


def paragraphs(seed: int, number: int = 12) -> list[str]:
    """Text that no other seed gives, in paragraphs of 40 words."""
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=40)) for _ in range(number)]


def site(name: str, article: list[str], entries: int = 60) -> NodeTable:
    """An article between a site's own menus."""
    chance = random.Random(name)
    menu = "".join(f"<li>{' '.join(chance.choices(WORDS, k=4))}</li>" for _ in range(entries))
    body = "".join(f"<p>{text}</p>" for text in article)
    return node_table(Page(f"<title>{name}</title><ul>{menu}</ul><h1>{article[0][:40]}</h1>{body}<ul>{menu}</ul>"))


def test_a_mirror_counts_once() -> None:
    """The first, so the best one, stays; the others name it, not one another."""
    mirror = site("one", paragraphs(1))
    assert [None, 0, None, 0] == duplicates([mirror, mirror, site("two", paragraphs(2)), mirror])


def test_an_article_that_several_sites_carry_counts_once() -> None:
    """Other menus around it and a sentence more do not make it another article."""
    longer = [*paragraphs(1), paragraphs(9)[0]]
    assert [None, 0, 0] == duplicates([site("one", paragraphs(1)), site("two", paragraphs(1)), site("three", longer)])


def test_articles_of_one_site_differ() -> None:
    """The same menus around another article do not make it the same page."""
    assert [None, None] == duplicates([site("one", paragraphs(1), 300), site("one", paragraphs(2), 300)])


def test_tables_between_the_same_words_differ() -> None:
    """Where paragraphs are a small part of the pages, the whole of them is compared."""

    def rows(seed: int) -> str:
        chance = random.Random(seed)
        cells = (f"<tr><td>{chance.random()}<td>{' '.join(chance.choices(WORDS, k=5))}" for _ in range(200))
        return f"<p>{'</p><p>'.join(paragraphs(1, 5))}</p><table>{''.join(cells)}</table>"

    one, other = node_table(Page(rows(1))), node_table(Page(rows(2)))
    assert [None, None, 0] == duplicates([one, other, node_table(Page(rows(1)))])


@pytest.mark.parametrize(("addresses", "expected"), [((), None), (("a", "b"), None), (("a", "a"), 0)])
def test_pages_of_one_address_need_less_likeness(addresses: tuple[str, ...], expected: int | None) -> None:
    """Two states of a page, of which three quarters are the same."""
    before, after = paragraphs(1), [*paragraphs(1)[:9], *paragraphs(2)[:3]]
    assert [None, expected] == duplicates([site("one", before, 0), site("one", after, 0)], addresses)


def test_one_address_for_all_pages_does_not_make_them_one() -> None:
    """Many sites name their front page as the address of each page."""
    assert [None, None] == duplicates([site("one", paragraphs(1)), site("one", paragraphs(2))], ["a", "a"])


def test_texts_without_spaces_are_compared_too() -> None:
    """Chinese has no gaps between words."""
    chance = random.Random(3)
    text, other = ("".join(chance.choices("春眠不覺曉處聞啼鳥夜來風雨聲花落知多少", k=600)) for _ in range(2))
    pages_of = [node_table(Page(f"<p>{part}。</p>")) for part in (text, text + "完", other)]
    assert [None, 0, None] == duplicates(pages_of)


@pytest.mark.parametrize("html", ["", "<p></p>", "<img src=x>"])
def test_pages_without_text_are_no_duplicates(html: str) -> None:
    """Nothing is nobody's copy."""
    assert [None, None] == duplicates([node_table(Page(html))] * 2)


def test_short_texts_must_be_equal() -> None:
    """A few words more or less decide there."""
    short, other = (node_table(Page(f"<p>{text}")) for text in ("Enable scripts, please", "Enable scripts, please!"))
    assert [None, 0, None] == duplicates([short, short, other])


@given(page=ANY_PAGES)
def test_a_page_repeats_itself_unless_it_is_empty(page: str) -> None:
    """Whatever the page: its copy is found, and nothing raises."""
    table = node_table(Page(page))
    assert [None, 0 if table.text.strip("\0\1") else None] == duplicates([table, table])


def test_real_pages(data_dir: Path) -> None:
    """Of three pages of one manual two say the same; a mirror of another is known as one."""
    names = [f"qa/pages/pydocs/pd-pandas.{name}.html.gz" for name in ("DataFrame.merge", "merge", "Series.at")]
    mirrored = ["qa/pages/pydocs/py-tutorial_datastructures.html.gz", "extract/html/wcxb_dev/2858.html.gz"]
    read = [gzip.decompress((data_dir / name).read_bytes()) for name in (*names, *mirrored)]
    assert [None, 0, None, None, 3] == duplicates([node_table(Page(html)) for html in read])
