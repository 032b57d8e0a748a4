"""What becomes of a page that is an empty shell: the article that it carries in itself, else a browser draws it."""

from typing import Protocol

from app.fetch.errors import FetchError
from app.fetch.shell import embedded_text
from app.seam import in_thread
from pruning.document import Page
from pruning.observe import Observer, asking, unobserved


class Renderer(Protocol):
    """A browser as the fetcher's callers know it."""

    async def render(self, url: str, *, deadline: float | None = None) -> Page:
        """The page at `url` as its scripts draw it, before that moment of the loop's clock. Raises FetchError."""
        ...

    async def aclose(self) -> None:
        """Close what is kept open."""
        ...


class NotDrawn(FetchError):
    """The page's text is drawn by its scripts, and nothing has drawn it."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(url, f"this page is drawn by JavaScript; {problem}")


async def drawn(shell: Page, browser: Renderer | None, deadline: float, observer: Observer = unobserved) -> Page:
    """The page with the text that its scripts would draw, before that moment of the loop's clock. Raises NotDrawn."""
    carried = await in_thread(embedded_text, shell)
    if carried is not None:
        return carried
    url = shell.url or ""
    if browser is None:
        raise NotDrawn(url, "no browser is configured")
    try:
        with asking(observer, "browser"):
            return await browser.render(url, deadline=deadline)
    except FetchError as error:
        raise NotDrawn(url, error.problem) from error
