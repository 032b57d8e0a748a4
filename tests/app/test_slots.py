"""The slots of an answer: one a page, each content once, and why there is nothing to show."""

from app.search import Hit
from app.slots import distinct, slots_of_hits, slots_of_pages, slots_of_urls
from pruning import Page
from pruning.errors import PageTooLarge
from pruning.parse import node_table

TEXT = "<p>" + " ".join(f"word{number}" for number in range(200))


def test_an_address_is_fetched_once() -> None:
    """A second slot of the same address needs no page, and names the first."""
    slots = slots_of_urls(["https://a.example/", "https://b.example/", "http://www.a.example/#part"], first=3)
    assert [(3, None, True), (4, None, True), (5, 3, False)] == [
        (slot.id, slot.duplicate_of, slot.page is None) for slot in slots
    ]
    hits = slots_of_hits([Hit("https://a.example/", None, None)] * 2)
    assert [None, 1] == [slot.duplicate_of for slot in hits]


def test_given_pages_of_one_address_are_all_read() -> None:
    """A caller may send a page in parts."""
    slots = slots_of_pages([Page("<p>one", url="https://a.example/"), Page("<p>two", url="https://a.example/")])
    assert [None, None] == [slot.duplicate_of for slot in slots]


def test_what_is_said_twice_is_emptied_once() -> None:
    """The copy keeps what it says about itself; its slot names the page that stays."""
    pages = [Page(TEXT), Page("<p>else"), Page(f"<title>Copy</title>{TEXT}")]
    slots = slots_of_pages(pages)
    tables = distinct(slots, [node_table(page) for page in pages])

    assert [None, None, 1] == [slot.duplicate_of for slot in slots]
    assert [200, 1, 0] == [int(table.words[0]) for table in tables]
    assert "Copy" == tables[2].metadata.title


def test_an_address_twice_shares_its_fate() -> None:
    """Where the page could not be had, neither slot claims that it could."""
    slots = slots_of_urls(["https://a.example/"] * 2)
    slots[0].fill(PageTooLarge("too large"))
    distinct(slots, [node_table(slot.page or Page("")) for slot in slots])
    assert [("failed", "too large")] * 2 == [(slot.status, slot.error) for slot in slots]
