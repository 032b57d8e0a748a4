"""What a query may leave out of the local index: domains, languages, times."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.search import LocalIndex, SearchQuery
from pruning.errors import InvalidInput
from tests.app.search.conftest import WritePage, found


def test_domains_are_honoured(index: LocalIndex, folder: Path, tmp_path: Path, write_page: WritePage) -> None:
    """Pages have the domain of their prefix; pages of `file:` URLs have none."""
    write_page("a.html", "<p>apples")
    files, docs = tmp_path / "files", tmp_path / "docs"
    for other in (files, docs):
        other.mkdir()
        (other / f"{other.name}.html").write_text("<p>apples")
    index.index(folder, "https://www.example.org/manual")
    index.index(docs, "https://docs.example.net/")
    index.index(files)
    domains = ("example.org", "EXAMPLE.net.")
    assert {"a.html", "docs.html", "files.html"} == set(found(index, "apples"))
    assert {"a.html", "docs.html"} == set(found(index, "apples", include_domains=domains))
    assert ["files.html"] == found(index, "apples", exclude_domains=domains)
    assert ["a.html"] == found(index, "apples", include_domains=domains, exclude_domains=("docs.example.net",))
    assert [] == found(index, "apples", include_domains=("ample.org",))


def test_a_prefix_makes_the_urls(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """The path within the folder is quoted behind the prefix; a new prefix needs no second reading."""
    write_page("deep/a b#é.html", "<p>apples")
    index.index(folder, "https://docs.example")
    assert ["https://docs.example/deep/a%20b%23%C3%A9.html"] == [hit.url for hit in index.search(SearchQuery("apples"))]
    report = index.index(folder)
    assert (1, 0) == (report.unchanged, report.changed)
    assert [(folder / "deep/a b#é.html").as_uri()] == [hit.url for hit in index.search(SearchQuery("apples"))]


def test_a_language_leaves_out_what_is_in_another(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """Regions don't matter, and a page that doesn't say its language stays."""
    write_page("pt.html", "<p>apples", lang="pt-BR")
    write_page("en.html", "<p>apples", lang="EN")
    write_page("unsaid.html", "<p>apples")
    index.index(folder)
    assert {"pt.html", "unsaid.html"} == set(found(index, "apples", language="pt_PT"))
    assert {"pt.html", "en.html", "unsaid.html"} == set(found(index, "apples"))


@pytest.mark.parametrize("language", ["", "?", "\ud800", "x", "123", "en-", "english"])
def test_what_is_no_language_is_an_error(language: str) -> None:
    """It says what one looks like."""
    with pytest.raises(InvalidInput, match="language must be a code such as en or pt-BR"):
        SearchQuery("apples", language=language)


def test_a_time_range_leaves_out_what_is_older(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """A page without a date passes no time range; an unknown range is an error that names the known ones."""
    for days in (0, 3, 20, 200, 2000):
        day = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        write_page(f"{days}.html", "<p>apples", head=f'<meta property="article:published_time" content="{day}">')
    write_page("never.html", "<p>apples")
    index.index(folder)
    counts = [len(found(index, "apples", time_range=name)) for name in ("day", "week", "month", "year")]
    assert [1, 2, 3, 4] == counts
    with pytest.raises(InvalidInput, match="day, week, month, year, not 'decade'"):
        index.search(SearchQuery("apples", time_range="decade"))
