"""What is read of a page without a question: its main content, or the parts that were named."""

import logging
from functools import cache

from app.convert.selection import selected
from app.messages import ReadPage, ReadRequest
from app.slots import Slot
from pruning.document import Limits, Page
from pruning.errors import MissingExtra
from pruning.isolate import read_page
from pruning.main_content import MainContent, main_content, whole_content
from pruning.nodes import NodeTable
from pruning.tokens import TokenCounter

log = logging.getLogger("secateurs")


def read_slot(request: ReadRequest, counter: TokenCounter, limits: Limits, slot: Slot, table: NodeTable) -> ReadPage:
    """The page of a slot in the formats that were asked for.

    Args:
        table: what was read of the slot's page.

    Raises:
        InvalidInput: a selector is none.
        PageError: what was selected exceeds a limit.
        TokenizerError: the counter can't count the result.
    """
    assert slot.page is not None
    part = slot.page
    if request.select or request.drop:
        part = selected(part, request.select, request.drop, limits)
        table = read_page(part, limits, links=request.links)
    only_main = request.only_main and not request.select
    chosen = _main_content(part, table) if only_main else whole_content(table)
    sources = {form: chosen.written(form, counter, request.max_tokens) for form in request.formats}
    result = slot.result(sources[request.formats[0]])
    return ReadPage(
        result=result,
        contents={form: source.content for form, source in sources.items()},
        page=slot.page,
        part=part,
        description=table.metadata.description,
        failure=slot.failure,
        removed=table.removed,
    )


def _main_content(page: Page, table: NodeTable) -> MainContent:
    """The main content; all of the page where nothing is installed that could tell."""
    try:
        return main_content(page, table)
    except MissingExtra as error:
        _say_once(str(error))
        return whole_content(table)


@cache
def _say_once(problem: str) -> None:
    log.warning("pages are read whole: %s", problem)
