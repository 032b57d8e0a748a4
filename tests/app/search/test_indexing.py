"""The local index as it is filled: only what changed is read, what can't be read is told, nothing is lost."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from app.search import IndexedFolder, LocalIndex, SearchError, SearchQuery
from app.search.indexing import IndexReport
from pruning.document import Limits
from pruning.errors import InvalidInput
from tests.app.search.conftest import WritePage
from tests.needs import ROOT


def found(index: LocalIndex, question: str) -> set[str]:
    return {hit.url.rpartition("/")[2] for hit in index.search(SearchQuery(question, max_results=1000))}


def test_only_changes_are_read(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """Added, changed, unchanged and removed files are told apart, and the index says what the files say now."""
    for name in ("same", "changed", "gone"):
        write_page(f"{name}.html", f"<p>{name} apples")
    assert IndexReport(added=3) == index.index(folder)
    assert IndexReport(unchanged=3) == index.index(folder)
    write_page("changed.html", "<p>plums instead")
    write_page("new.html", "<p>new apples")
    (folder / "gone.html").unlink()
    assert IndexReport(added=1, changed=1, unchanged=1, removed=1) == index.index(folder)
    assert ({"same.html", "new.html"}, {"changed.html"}) == (found(index, "apples"), found(index, "plums"))


def test_an_unchanged_file_is_known_by_size_and_time(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """The same size at another time is read again."""
    path = write_page("a.html", "<p>apples")
    index.index(folder)
    write_page("a.html", "<p>peachy")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert IndexReport(changed=1) == index.index(folder)


def test_which_files_are_pages(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """HTML and Markdown by their endings, in any depth; not hidden ones, other types, and folders so named."""
    for name in ("a.html", "B.HTM", "deep/er/c.xhtml", ".git/d.html", ".e.html", "f.txt", "g.html/h.html", "i.md"):
        write_page(name, "<p>apples")
    (folder / "link").symlink_to(folder / "deep", target_is_directory=True)
    (folder / "linked.html").symlink_to(folder / "a.html")
    index.index(folder)
    assert {"a.html", "B.HTM", "c.xhtml", "h.html", "i.md", "linked.html"} == found(index, "apples")


def test_what_cannot_be_read_is_told_and_the_rest_is_indexed(folder: Path, write_page: WritePage) -> None:
    """Too large, a dead link, a pipe: each is a failure with its reason, or passed over, and costs nothing else."""
    index = LocalIndex(folder.parent / "index.db", Limits(bytes=1000))
    write_page("good.html", "<p>apples")
    write_page("large.html", "<p>apples" * 200)
    (folder / "dead.html").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.html")
    report = index.index(folder)
    size = (folder / "large.html").stat().st_size
    told = {failure.path.name: failure.problem for failure in report.failures}
    large = f"the page has {size:,} bytes; the limit is 1,000"
    assert {"dead.html": "No such file or directory", "large.html": large} == told
    assert (1, {"good.html"}) == (report.added, found(index, "apples"))


def test_a_file_that_can_no_longer_be_read_is_forgotten(folder: Path, write_page: WritePage) -> None:
    """What the index said of it is no longer true."""
    index = LocalIndex(folder.parent / "index.db", Limits(bytes=1000))
    write_page("a.html", "<p>apples")
    write_page("b.html", "<p>apples")
    index.index(folder)
    write_page("a.html", "<p>apples" * 200)
    report = index.index(folder)
    assert (1, 1, {"b.html"}) == (report.removed, len(report.failures), found(index, "apples"))


def test_a_name_that_is_no_text_is_no_hindrance(index: LocalIndex, folder: Path) -> None:
    """File names are bytes."""
    with open(os.fsencode(folder) + b"/\xff\xfe.html", "w") as file:  # noqa: PTH123 - pathlib has no paths of bytes
        file.write("<p>apples")
    index.index(folder)
    assert {"%FF%FE.html"} == found(index, "apples")
    index.index(folder, "https://docs.example/")
    assert {"%FF%FE.html"} == found(index, "apples")


def test_half_a_character_is_no_hindrance(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """JSON-LD can escape half of a surrogate pair into a title or a date."""
    data = r'{"headline": "\ud800 quince", "datePublished": "\ud800"}'
    write_page("a.html", "<p>apples", head=f'<script type="application/ld+json">{data}</script>')
    index.index(folder)
    assert [("? quince", "?")] == [(hit.title, hit.published) for hit in index.search(SearchQuery("quince"))]


def test_a_page_without_a_title_has_its_file_name(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """The name often says what the page is about."""
    write_page("quince-jam.html", "<p>apples")
    index.index(folder)
    assert ["quince-jam"] == [hit.title for hit in index.search(SearchQuery("quince"))]


def test_many_folders_are_in_one_index(index: LocalIndex, folder: Path, tmp_path: Path, write_page: WritePage) -> None:
    """Indexing one leaves the others as they are."""
    write_page("a.html", "<p>apples")
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.html").write_text("<p>apples")
    index.index(folder)
    assert IndexReport(added=1) == index.index(other)
    assert {"a.html", "b.html"} == found(index, "apples")


def test_a_folder_can_be_taken_out_again(
    index: LocalIndex, folder: Path, tmp_path: Path, write_page: WritePage
) -> None:
    """Also one that is no longer on the disk; nothing of it is found, and the others stay."""
    write_page("a.html", "<p>apples")
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.html").write_text("<p>apples")
    index.index(folder, "https://docs.example/")
    index.index(other)
    assert [IndexedFolder(folder, "https://docs.example/", 1), IndexedFolder(other, None, 1)] == index.folders()
    (other / "b.html").rename(tmp_path / "b.html")
    other.rmdir()
    assert 1 == index.remove(other)
    assert ([folder], {"a.html"}) == ([one.path for one in index.folders()], found(index, "apples"))
    with pytest.raises(InvalidInput, match="is not in the index"):
        index.remove(other)
    assert 1 == index.remove(folder)
    with pytest.raises(SearchError, match="the index has no pages"):
        index.search(SearchQuery("apples"))


def test_without_an_index_there_is_nothing_to_list(index: LocalIndex, folder: Path) -> None:
    """And nothing is made."""
    for ask in (index.folders, lambda: index.remove(folder)):
        with pytest.raises(SearchError, match="there is no index at"):
            ask()
    assert not (folder.parent / "state").exists()


def test_what_is_not_a_folder_is_an_error(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """A missing folder empties no index."""
    file = write_page("a.html", "<p>apples")
    for wrong in (file, folder / "nowhere"):
        with pytest.raises(InvalidInput, match=f"{wrong} is not a folder"):
            index.index(wrong)


@pytest.mark.parametrize("prefix", ["docs.example", "", "https://", "ftp://docs.example/"])
def test_what_is_no_prefix_is_an_error(prefix: str, index: LocalIndex, folder: Path) -> None:
    """Pages would get URLs that nobody can open."""
    with pytest.raises(InvalidInput, match="a URL prefix begins with http"):
        index.index(folder, prefix)


def test_progress_is_told(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """How many files are done of how many, from none to all."""
    for name in "abc":
        write_page(f"{name}.html", "<p>apples")
    told: list[tuple[int, int]] = []
    index.index(folder, progress=lambda done, total: told.append((done, total)))
    assert [(0, 3), (1, 3), (2, 3), (3, 3)] == told


def test_an_index_of_another_release_is_made_anew(
    index: LocalIndex, folder: Path, tmp_path: Path, write_page: WritePage
) -> None:
    """All its folders are read again, not only the one that is named."""
    write_page("a.html", "<p>apples")
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.html").write_text("<p>apples")
    index.index(folder)
    index.index(other)
    connection = sqlite3.connect(tmp_path / "state" / "index.db")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert IndexReport(added=1) == index.index(other)
    assert {"a.html", "b.html"} == found(index, "apples")


def test_a_killed_run_leaves_an_index_that_works(
    index: LocalIndex, folder: Path, write_page: WritePage, tmp_path: Path
) -> None:
    """What was written stays and can be searched, and the next run reads only the rest."""
    for number in range(200):
        write_page(f"{number:03}.html", "<p>apples")
    script = """
        import os, signal, sys
        from pathlib import Path
        from app.search import LocalIndex
        def progress(done, total):
            if done == 150:
                os.kill(os.getpid(), signal.SIGKILL)
        LocalIndex(Path(sys.argv[1])).index(Path(sys.argv[2]), progress=progress)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "state" / "index.db"), str(folder)]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert -signal.SIGKILL == ended.returncode
    kept = found(index, "apples")
    assert 0 < len(kept) < 150
    report = index.index(folder)
    assert (len(kept), 200 - len(kept)) == (report.unchanged, report.added)
    assert 200 == len(found(index, "apples"))


def test_an_error_while_writing_undoes_the_batch(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """An interrupt between two batches leaves the index as it was after the last one."""
    write_page("a.html", "<p>apples")
    index.index(folder)
    write_page("a.html", "<p>plums")
    write_page("b.html", "<p>plums")

    def interrupt(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.index(folder, progress=interrupt)
    assert ({"a.html"}, set()) == (found(index, "apples"), found(index, "plums"))
    assert IndexReport(added=1, changed=1) == index.index(folder)
