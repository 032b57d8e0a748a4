"""Pages without a question: fetched, chosen by selectors or as main content, in several formats."""

import asyncio
from collections.abc import Iterator

import pytest

from app.fetch import BadStatus
from app.messages import ReadPage, ReadRequest
from app.parts import open_parts
from app.pipeline import Pipeline
from app.settings import Settings
from pruning.document import Page
from pruning.errors import InvalidInput
from tests.site import site_of

TEXT = "The gardener cuts the old roses in March, well before the first leaves have come."
MORE = "".join(
    f"<p>In week {week} of the year the hedge is cut again, and what was cut is put on the heap." for week in range(9)
)
PAGE = f"""<title>Roses</title><nav><a href="/">Home</a></nav><article><h1>Roses</h1><p class="lead">{TEXT}
<section class="weeks">{MORE}</section>
<div class="ad">Buy our <b>secateurs</b></div><p>{TEXT} <a href="/more">More of it</a></article>"""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The site's address."""
    with site_of({"/roses": PAGE}) as address:
        yield address


def read(tmp_path_factory: pytest.TempPathFactory, site: str, request: ReadRequest) -> tuple[ReadPage, ...]:
    """What a service makes of the request that may fetch from the site."""

    async def inside() -> tuple[ReadPage, ...]:
        port = int(site.rpartition(":")[2])
        settings = Settings(
            state_dir=tmp_path_factory.mktemp("state"),
            embedder="none",
            fetch_allowed_hosts="127.0.0.1",
            fetch_ports=(port,),
            cache=False,
        )
        async with open_parts(settings) as parts:
            return await Pipeline(parts, settings).read(request)

    return asyncio.run(inside())


def test_a_page_in_two_formats(tmp_path_factory: pytest.TempPathFactory, site: str) -> None:
    """Fetched once; what failed says why."""
    urls = (f"{site}/roses", f"{site}/none")
    found, failed = read(tmp_path_factory, site, ReadRequest(urls=urls, formats=("markdown", "html")))

    assert ("ok", "Roses", None) == (found.result.status, found.result.title, found.result.score)
    assert found.contents["markdown"] == found.result.content
    assert f"# Roses\n{TEXT}\n" in found.contents["markdown"]
    assert "<h1>Roses</h1>" in found.contents["html"]
    assert "Home" not in found.contents["html"]
    assert b"<nav>" in found.page.html  # type: ignore[operator]
    assert ("failed", "") == (failed.result.status, failed.result.content)
    assert "404" in (failed.result.error or "")
    assert (None, True) == (found.failure, isinstance(failed.failure, BadStatus))


def test_what_is_read_can_be_named(tmp_path_factory: pytest.TempPathFactory, site: str) -> None:
    """Nothing is chosen then but what the selectors name; links are resolved."""
    request = ReadRequest(
        urls=(f"{site}/roses",), select=("article", ".lead"), drop=(".ad", ".weeks"), formats=("text",)
    )
    (page,) = read(tmp_path_factory, site, request)

    assert ["Roses", TEXT, f"{TEXT} More of it"] == page.contents["text"].splitlines()
    assert "Roses" == page.result.title
    assert b"<nav>" in page.page.html  # type: ignore[operator]
    assert "<nav>" not in page.part.html  # type: ignore[operator]


def test_pages_at_hand_come_first(tmp_path_factory: pytest.TempPathFactory, site: str) -> None:
    """They need no fetching."""
    request = ReadRequest(pages=(Page("<h1>Here</h1>"),), urls=(f"{site}/roses",), formats=("markdown",))

    assert ["# Here", "# Roses"] == [
        page.result.content.splitlines()[0] for page in read(tmp_path_factory, site, request)
    ]


def test_all_of_a_page(tmp_path_factory: pytest.TempPathFactory, site: str) -> None:
    """With its navigation, where that is wanted; a budget holds for each page."""
    request = ReadRequest(urls=(f"{site}/roses",), only_main=False, links=True, max_tokens=60)
    (page,) = read(tmp_path_factory, site, request)

    assert f'<a href="{site}/">Home</a>' in page.result.content
    assert 0 < page.result.tokens <= 60


def test_a_wrong_selector_is_told(tmp_path_factory: pytest.TempPathFactory, site: str) -> None:
    """By its own text."""
    with pytest.raises(InvalidInput, match="'p:::' is no CSS selector"):
        read(tmp_path_factory, site, ReadRequest(urls=(f"{site}/roses",), drop=("p:::",)))
