"""A page cleaned but not pruned: all that a reader sees, and nothing else."""

from dataclasses import dataclass

from pruning.blocks import BlockTree
from pruning.document import Limits, Page
from pruning.isolate import read_page
from pruning.render import render
from pruning.result import Format
from pruning.writers import writer_for


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A cleaned page, and what was taken away, by kind."""

    content: str
    removed: dict[str, int]


def clean(html: str | bytes, *, url: str | None = None, links: bool = False) -> str:
    """Clean a page without loss: its visible text, in order, in the elements that mean something.

    Args:
        html: the page.
        url: where it comes from; links are resolved against it.
        links: keep links.

    Returns:
        HTML, one block a line. Cleaned again, it stays as it is.

    Raises:
        PageError: the page exceeds a limit.
    """
    return clean_page(Page(html, url=url), links=links).content


def clean_page(page: Page, limits: Limits | None = None, *, links: bool = False, form: Format = "html") -> Cleaned:
    """As `clean`, in any format, and says what was removed."""
    table = read_page(page, limits, links=links)
    tree = BlockTree.from_tables([table], max_words=len(table.text) + 1)
    return Cleaned(render(writer_for(form, tree), tree.lines(), joined=False), table.removed)
