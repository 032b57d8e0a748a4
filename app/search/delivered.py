"""Pages whose text a search engine delivers itself, so that nothing is fetched."""

import html
import re

from pruning.document import Page


def delivered_page(text: str | None, url: str, title: str | None) -> Page | None:
    """Plain text as a page of paragraphs; None without any, so that the page is fetched after all.

    >>> delivered_page("One & two\\n\\nthree", "https://a.org/", None).html
    '<p>One &amp; two</p>\\n<p>three</p>'
    """
    paragraphs = [part for part in re.split(r"\n\s*\n", text or "") if part.strip()]
    if not paragraphs:
        return None
    return Page(html="\n".join(f"<p>{html.escape(part.strip())}</p>" for part in paragraphs), url=url, title=title)
