"""The links of a page."""

from bs4 import BeautifulSoup, Tag


def links_of(html: str) -> dict[str, str]:
    """Address -> text of the first link to it, in the order of the page; only those that lead to web pages.

    >>> links_of('<p>See <a href="https://a.example/">the <b>book</b></a>, <a href="mailto:a@a.example">or ask</a>.')
    {'https://a.example/': 'the book'}
    """
    found: dict[str, str] = {}
    for link in BeautifulSoup(html, "lxml").find_all("a", href=True):
        address = str(link["href"]) if isinstance(link, Tag) else ""
        if address.startswith(("http://", "https://")):
            found.setdefault(address, " ".join(link.get_text().split()))
    return found
