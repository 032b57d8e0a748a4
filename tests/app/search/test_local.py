"""The local index as it is searched: what is found by which question, and what a hit carries."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.search import Found, Hit, LocalIndex, LocalProvider, SearchError, SearchProvider, SearchQuery
from app.search.store import Store
from pruning.document import Limits, Page
from tests.app.search.conftest import WritePage, found


def test_a_hit_carries_all_that_a_provider_says(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """Title, passage, date, score, and the page with the bytes that lie on the disk."""
    date = '<meta property="article:published_time" content="2024-03-01T08:00:00Z">'
    path = write_page("pears.html", "<nav>Home</nav><p>Pears are cut in <b>late</b> winter.", "Pears", date)
    index.index(folder)
    [hit] = index.search(SearchQuery("When are pears cut?"))
    expected = Hit(
        url=path.as_uri(),
        title="Pears",
        snippet="Pears are cut in late winter.",
        score=hit.score,
        published="2024-03-01T08:00:00Z",
        page=Page(html=path.read_bytes(), url=path.as_uri()),
    )
    assert expected == hit
    assert hit.score is not None
    assert hit.score > 0


def test_a_title_weighs_more_than_the_text(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """Of two pages with the same words, the one that has them in its title comes first."""
    write_page("text.html", "<p>quince</p><p>jam and honey</p>", "Notes of the day")
    write_page("title.html", "<p>notes of the day</p><p>jam and honey</p>", "Quince")
    write_page("other.html", "<p>bread and butter on a plate</p>", "Breakfast")
    index.index(folder)
    assert ["title.html", "text.html"] == found(index, "quince")


def test_what_all_pages_share_is_still_worth_something(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """On a site of one subject each menu names it; the page about it comes before one with a chance word."""
    menu, filler = "<ul><li>Home<li>Pears</ul>", "<p>" + "Much more is to be said of trees in general. " * 500
    write_page("subject.html", f"{menu}{filler}<h2>Pears</h2><p>{'Pears are cut. ' * 6}{filler}")
    write_page("chance.html", f"{menu}{filler}<p>Close the gate, please.{filler}")
    write_page("other.html", f"{menu}{filler}<p>Nothing else.{filler}")
    index.index(folder)
    assert "subject.html" == found(index, "Pears, please!")[0]


def test_a_page_without_text_is_found_by_its_title(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """It has no passage to show."""
    write_page("a.html", "", "Quince")
    index.index(folder)
    assert [("Quince", None)] == [(hit.title, hit.snippet) for hit in index.search(SearchQuery("quince"))]


def test_a_question_need_not_have_all_its_words_in_the_page(
    index: LocalIndex, folder: Path, write_page: WritePage
) -> None:
    """Natural language: any word helps, rare ones more, and the ending of an English word does not matter."""
    write_page("prune.html", "<p>The tool prunes the pages of the web.")
    write_page("serve.html", "<p>The tool serves the pages of the house.")
    write_page("empty.html", "<p>Nothing of that kind in here.")
    index.index(folder)
    assert "prune.html" == found(index, "What is the best way of pruning a page, please?")[0]
    assert [] == found(index, "zebra")


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("京都の寺はどこですか", "ja.html"),
        ("金閣寺", "ja.html"),
        ("苹果树什么时候修剪", "zh.html"),
        ("修剪", "zh.html"),
        ("ต้นแอปเปิลต้องตัดแต่งเมื่อไร", "th.html"),
        ("ตัดแต่งกิ่ง", "th.html"),
        ("متى تقلم أشجار التفاح", "ar.html"),
        ("التُّفَّاح", "ar.html"),
        ("사과나무", "ko.html"),
        ("सेब के पेड़", "hi.html"),
        ("creme brulee", "fr.html"),
        ("CRÈME BRÛLÉE", "fr.html"),
        ("Strasse", "de.html"),
    ],
)
def test_every_script_is_found(
    question: str, name: str, index: LocalIndex, folder: Path, write_page: WritePage
) -> None:
    """Scripts without spaces by pairs of characters; accents, vowel points and case don't matter."""
    write_page("ja.html", "<p>京都には金閣寺という有名な寺があります。")
    write_page("zh.html", "<p>苹果树应该在冬末修剪，以便来年多结果。")
    write_page("th.html", "<p>ควรตัดแต่งกิ่งต้นแอปเปิลในช่วงปลายฤดูหนาว")
    write_page("ar.html", "<p>تُقلَّم أشجار التفاح في أواخر الشتاء.")
    write_page("ko.html", "<p>사과나무는 늦겨울에 가지치기를 합니다.")
    write_page("hi.html", "<p>सेब के पेड़ की छंटाई सर्दियों के अंत में होती है।")
    write_page("fr.html", "<p>La crème brûlée se mange froide.")
    write_page("de.html", "<p>An der Straße stehen Apfelbäume.")
    index.index(folder)
    assert name == found(index, question)[0]


def test_a_vowel_sign_makes_another_word(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """Thai and Hindi words that differ in a sign above or below their letters are different words."""
    for name, word in (("eat", "กิน"), ("each-other", "กัน"), ("day", "दिन"), ("charity", "दान")):
        write_page(f"{name}.html", f"<p>{word}")
    index.index(folder)
    assert (["eat.html"], ["day.html"]) == (found(index, "กิน"), found(index, "दिन"))


def test_the_snippet_is_the_passage_that_answers(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """Of a long page the passage with the question's words is shown, as plain text, in any script."""
    filler = "".join(f"<p>Filler number {n} speaks of many other things at some length." for n in range(200))
    write_page("en.html", f"{filler}<p>The <i>quince</i> &amp; its jam.{filler}")
    write_page("ja.html", f"{filler}<p>金閣寺は京都にあります。{filler}")
    index.index(folder)
    [quince] = index.search(SearchQuery("quince jam"))
    [temple] = index.search(SearchQuery("金閣寺"))
    assert "The quince & its jam." in (quince.snippet or "")
    assert "金閣寺は京都にあります。" in (temple.snippet or "")
    assert len(quince.snippet or "") <= 240


def test_a_snippet_is_no_navigation(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """It begins where a sentence or a line does; the menu's words find the page all the same."""
    menu = "".join(f"<li><a href=/{word}>{word}</a>" for word in ("Apples", "Pears", "Quince jam", "Cellar"))
    write_page("a.html", f"<nav><ul>{menu}</ul></nav><p>Welcome. Quince jam is <a href=/x>cooked</a> for an hour.")
    write_page("menu.html", f"<ul>{menu}</ul>")
    index.index(folder)
    snippets = {hit.url.rpartition("/")[2]: hit.snippet for hit in index.search(SearchQuery("quince jam"))}
    assert {"a.html": "Quince jam is cooked for an hour.", "menu.html": "Quince jam Cellar"} == snippets
    assert {"a.html", "menu.html"} == set(found(index, "cellar"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    question=(st.text(max_size=60) | st.text(alphabet='"*()^:+-{}AND OR NOT NEAR title', max_size=60)).filter(str.strip)
)
def test_no_question_is_read_as_a_command(
    question: str, index: LocalIndex, folder: Path, write_page: WritePage
) -> None:
    """Whatever is asked is searched for; FTS5's own syntax means nothing."""
    write_page("a.html", "<p>and or not near title")
    index.index(folder)
    assert len(index.search(SearchQuery(question))) <= 1


def test_an_operator_in_a_question_is_a_word(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """`NOT` excludes nothing, and a column's name before a colon is searched for."""
    write_page("a.html", "<p>apples here")
    index.index(folder)
    for question in ("apples NOT here", "title:apples", '"apples', "apples*", "-apples", "(apples", "apples \ud800"):
        assert ["a.html"] == found(index, question)


def test_a_question_without_words_finds_nothing(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """Signs alone are no question that a page could answer."""
    write_page("a.html", "<p>?! text")
    index.index(folder)
    assert [] == found(index, "?! …")


def test_no_more_hits_than_asked_for(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """The best ones, in order."""
    for number in range(5):
        write_page(f"{number}.html", "<p>" + "apples " * (number + 1) + "pears " * (9 - number))
    write_page("none.html", "<p>bread")
    index.index(folder)
    assert found(index, "apples")[:2] == found(index, "apples", max_results=2)


def test_a_page_whose_file_is_gone_is_left_out_and_the_next_takes_its_place(
    index: LocalIndex, folder: Path, write_page: WritePage
) -> None:
    """Nobody could open it. A page that changed since is given as it is now; one that grew too large is left out."""
    gone, grown = write_page("gone.html", "<p>apples"), write_page("grown.html", "<p>apples")
    changed = write_page("changed.html", "<p>apples")
    small = LocalIndex(folder.parent / "small.db", Limits(bytes=200))
    small.index(folder)
    gone.unlink()
    grown.write_text("<p>" + "x" * 300)
    changed.write_text("<p>plums")
    [hit] = small.search(SearchQuery("apples", max_results=1))
    assert b"<p>plums" == (hit.page and hit.page.html)


def test_a_file_in_two_indexed_folders_is_one_hit(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """A folder within another one may be indexed by itself too."""
    write_page("inner/a.html", "<p>apples")
    index.index(folder)
    index.index(folder / "inner")
    assert ["a.html"] == found(index, "apples")


def test_no_index_is_an_error_and_not_an_empty_result(index: LocalIndex, folder: Path) -> None:
    """No index, an empty one, a damaged one and one of another release each say what to do."""
    with pytest.raises(SearchError, match=r"^local: there is no index at .*; make it with `secateurs index DIR`$"):
        index.search(SearchQuery("apples"))
    index.index(folder)
    with pytest.raises(SearchError, match=r"^local: the index has no pages; fill it"):
        index.search(SearchQuery("apples"))
    path = folder.parent / "state" / "index.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(SearchError, match=r"^local: the index was made by another release"):
        index.search(SearchQuery("apples"))
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(SearchError, match=r"^local: the index .* can't be read: file is not a database$"):
        index.search(SearchQuery("apples"))
    with pytest.raises(SearchError, match="can't be written: file is not a database"):
        index.index(folder)


def test_a_search_sees_one_moment(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """A run may write, and end, while a search is under way, which goes on with what it saw at its start."""
    write_page("a.html", "<p>apples")
    index.index(folder)
    with Store.for_reading(folder.parent / "state" / "index.db") as reader:
        before = reader.page_count()
        write_page("b.html", "<p>apples")
        index.index(folder)
        assert (1, 1, 2) == (before, reader.page_count(), len(found(index, "apples")))


def test_readers_and_a_writer_do_not_wait_for_each_other(
    index: LocalIndex, folder: Path, write_page: WritePage
) -> None:
    """While one thread indexes again and again, searches in others find every page each time."""
    for number in range(20):
        write_page(f"{number}.html", "<p>apples")
    index.index(folder)
    counts: list[int] = []
    done = threading.Event()

    def search() -> None:
        while not done.is_set():
            counts.append(len(index.search(SearchQuery("apples", max_results=100))))

    readers = [threading.Thread(target=search) for _ in range(2)]
    for reader in readers:
        reader.start()
    for turn in range(10):
        write_page("0.html", "<p>apples" + "!" * turn)
        index.index(folder)
    done.set()
    for reader in readers:
        reader.join()
    assert {20} == set(counts)


@pytest.fixture
def state() -> Iterator[Path]:
    """A folder that all users can read; pytest's own are for their owner alone."""
    with TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def as_nobody() -> Iterator[Callable[[], None]]:
    """Gives up the rights of root, which no read-only folder could stop, until the test ends."""
    mine = os.geteuid()
    yield lambda: os.seteuid(65534) if mine == 0 else None
    os.seteuid(mine)


def test_an_index_that_nobody_may_write_to_can_be_searched(state: Path, as_nobody: Callable[[], None]) -> None:
    """As in a container's image: nothing is written beside it."""
    (state / "a.html").write_text("<p>apples")
    index = LocalIndex(state / "index.db")
    index.index(state)
    before = sorted(state.iterdir())
    state.chmod(0o555)
    as_nobody()
    assert ["a.html"] == found(index, "apples")
    assert before == sorted(state.iterdir())


@pytest.mark.anyio
async def test_the_provider_answers_like_the_index(index: LocalIndex, folder: Path, write_page: WritePage) -> None:
    """The same hits, from a worker thread."""
    write_page("a.html", "<p>apples")
    index.index(folder)
    provider: SearchProvider = LocalProvider(index)
    query = SearchQuery("apples")
    assert Found(index.search(query)) == await provider.search(query)
    await provider.aclose()
