"""Pages that were read before: a page of the same bytes is not parsed again."""

from functools import partial

from app.cache.entries import Cache, key_of
from app.seam import in_thread
from pruning import stored
from pruning.document import Limits, Page
from pruning.isolate import read_page
from pruning.nodes import NodeTable
from pruning.observe import Event, Observer, stage

KIND = "table"


class Tables:
    """Reads pages, by the cache where there is one."""

    def __init__(self, cache: Cache | None = None) -> None:
        self._cache = cache

    async def read(self, page: Page, limits: Limits, *, links: bool, observer: Observer) -> NodeTable:
        """The page's table. Tells the observer, of a hit or miss. Raises PageError."""
        parse = partial(read_page, page, limits, links=links)
        if self._cache is None or not isinstance(page.html, str | bytes):
            with stage(observer, "parse"):
                return await in_thread(parse)
        key = await in_thread(partial(_key, page, limits, links))
        known = await in_thread(_loaded, (await self._cache.get([key])).get(key))
        observer(Event("read", "cache", {"hits": int(known is not None), "misses": int(known is None)}))
        if known is not None:
            return known
        with stage(observer, "parse"):
            table = await in_thread(parse)
        await self._cache.set({key: await in_thread(stored.dump, table)})
        return table


def _key(page: Page, limits: Limits, links: bool) -> str:
    """All that the table depends on; limits too, since a page beyond them is an error."""
    html = page.html if isinstance(page.html, bytes) else page.html.encode("utf-8", "surrogatepass")
    about = (type(page.html).__name__, page.url, page.title, page.encoding)
    held_to = (limits.bytes, limits.nodes, limits.depth)
    return key_of(KIND, stored.VERSION, repr(about), repr(held_to), repr(links), html)


def _loaded(data: bytes | None) -> NodeTable | None:
    """The table, if there is one that can be read: a value of another layout is as good as none."""
    try:
        return None if data is None else stored.load(data)
    except ValueError:
        return None
