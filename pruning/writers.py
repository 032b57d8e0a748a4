"""Output formats by name."""

from pruning.blocks import BlockTree
from pruning.errors import InvalidInput
from pruning.plain import MarkdownWriter, TextWriter
from pruning.render import HtmlWriter, Writer


def writer_for(name: str, tree: BlockTree, *, citations: bool = False) -> Writer:
    """The writer of an output format; block ids are written in HTML only.

    Raises:
        InvalidInput: no such format.
    """
    if name == "html":
        return HtmlWriter(tree, citations=citations)
    if name == "markdown":
        return MarkdownWriter(tree)
    if name == "text":
        return TextWriter(tree)
    raise InvalidInput(f'unknown format {name!r}: "html", "markdown" or "text"')
