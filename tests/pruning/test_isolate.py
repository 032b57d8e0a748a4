"""Large pages are read in processes of their own, which may hang, die or starve without anybody else noticing."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pruning import InvalidInput, Limits, Page, PageError, PageTimeout, PageTooLarge, TooManyNodes, isolate
from pruning.isolate import read_page
from pruning.nodes import NodeTable
from pruning.parse import node_table
from tests.needs import ROOT

ALWAYS = Limits(isolate_over=0)
SMALL = Page("<h1>Hedges</h1><p>Prune in <b>winter</b>.<ul><li>one<li>two", url="https://garden.example/")
# Unmatched end tags below deep nesting cost libxml2 quadratic time; without line breaks between them, it comes to no
# other thought for hours.
ENDLESS = Page("<div>" * 300_000 + "</p>" * 300_000)
COLUMNS = ("tag", "parent", "end", "start", "stop", "words", "spaced")


@pytest.fixture(autouse=True, scope="module")
def no_children_left() -> Iterator[None]:
    """When all is done, no child is."""
    yield
    isolate._POOL.close()
    assert [] == children_of(os.getpid())


@pytest.fixture
def fresh_pool() -> Iterator[None]:
    """The test finds no children of another one, and leaves none of its own."""
    isolate._POOL.close()
    yield
    isolate._POOL.close()


def children_of(pid: int) -> list[int]:
    """The processes that read pages for a process."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            command = status.with_name("cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid and "pruning.isolate" in command:
            found.append(int(status.parent.name))
    return found


def only_child() -> int:
    """The process id of the one idle child."""
    (child,) = children_of(os.getpid())
    return child


def eventually(what: str, holds: Callable[[], bool]) -> None:
    """Wait for what another process does; how long is not the question."""
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail(f"never happened: {what}")


def assert_equal_tables(expected: NodeTable, actual: NodeTable) -> None:
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(expected, name), getattr(actual, name), err_msg=name)
    for name in ("text", "attributes", "metadata", "removed"):
        assert getattr(expected, name) == getattr(actual, name)


class TestSamePage:
    """Where a page is read makes no difference to what is read."""

    @pytest.mark.parametrize("links", [False, True])
    @pytest.mark.parametrize(
        "page",
        [
            SMALL,
            Page("Ein Stück vom Wort".encode("latin-1"), encoding="latin1"),
            Page("斑马<table><tr><td colspan=2>四<td>十二</table><a href=x>链</a>", url="https://a.example/b/"),
            Page("half a pair: \ud800 <title>t</title>", title="Its own"),
            Page(bytearray(b"<p>a bytearray")),
            Page(memoryview(b"<p>a view")),
        ],
    )
    def test_table_is_equal(self, page: Page, links: bool) -> None:
        """A page read in a child has the table that it has here."""
        assert_equal_tables(node_table(page, links=links), read_page(page, ALWAYS, links=links))

    @pytest.mark.usefixtures("fresh_pool")
    def test_only_large_pages_leave_the_process(self) -> None:
        """A page of exactly `isolate_over` bytes is read here, one byte more goes to a child."""
        limits = Limits(isolate_over=10)
        read_page(Page("x" * 10), limits)
        assert [] == children_of(os.getpid())
        read_page(Page("x" * 11), limits)
        assert only_child()

    @pytest.mark.usefixtures("fresh_pool")
    def test_size_is_counted_in_bytes(self) -> None:
        """Four Chinese characters are more than ten bytes."""
        read_page(Page("斑马四十"), Limits(isolate_over=10))
        assert only_child()

    @pytest.mark.usefixtures("fresh_pool")
    def test_children_are_used_again(self) -> None:
        """One page after the other takes one child."""
        read_page(SMALL, ALWAYS)
        first = only_child()
        read_page(SMALL, ALWAYS)
        assert first == only_child()

    @pytest.mark.usefixtures("fresh_pool")
    def test_table_larger_than_a_pipe(self) -> None:
        """A page that has many nodes comes back from its child whole."""
        page = Page("<div><p>word</p>x</div>" * 50_000)
        assert_equal_tables(node_table(page), read_page(page))
        assert only_child()


class TestErrors:
    """A child reports what a page exceeds, in the words that are used here."""

    @pytest.mark.parametrize(
        ("limits", "error"), [(Limits(nodes=100), TooManyNodes), (Limits(bytes=500), PageTooLarge)]
    )
    def test_same_error(self, limits: Limits, error: type[PageError]) -> None:
        """An error has its class and message from a child too."""
        page = Page("<p>x" * 1000)
        with pytest.raises(error) as here:
            node_table(page, limits)
        with pytest.raises(error) as there:
            read_page(page, replace(limits, isolate_over=0))
        assert str(here.value) == str(there.value)

    @pytest.mark.usefixtures("fresh_pool")
    def test_child_lives_on_after_an_error(self) -> None:
        """A refused page costs no process."""
        read_page(SMALL, ALWAYS)
        before = only_child()
        with pytest.raises(TooManyNodes):
            read_page(Page("<p>x" * 1000), Limits(nodes=100, isolate_over=0))
        assert before == only_child()

    @pytest.mark.parametrize("html", [None, 7, ["<p>"]])
    def test_no_page_at_all(self, html: object) -> None:
        """What is neither text nor bytes is refused by name."""
        with pytest.raises(InvalidInput, match="must be str or bytes"):
            read_page(Page(html), ALWAYS)  # type: ignore[arg-type]

    @pytest.mark.usefixtures("fresh_pool")
    def test_no_process_to_be_had(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where no process can be started, the page says so."""
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        with pytest.raises(PageError, match="no process could be started"):
            read_page(SMALL, ALWAYS)

    @pytest.mark.usefixtures("fresh_pool")
    def test_no_thread_to_be_had(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nor is a page read that nobody could end; its process ends at once."""

        def scarce(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", scarce)
        with pytest.raises(PageError, match="no thread could be started"):
            read_page(SMALL, ALWAYS)
        assert set() == set(children_of(os.getpid()))


class TestTimeLimit:
    """A child that takes too long is gone, and its page with it."""

    def test_endless_page(self) -> None:
        """A page that keeps the parser busy for hours ends at its limit, in one line."""
        with pytest.raises(PageTimeout) as caught:
            read_page(ENDLESS, Limits(seconds=0.5))
        assert "the page could not be parsed within 0.5 s" == str(caught.value)

    @pytest.mark.usefixtures("fresh_pool")
    def test_parser_that_never_looks_at_the_clock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A child that hangs in the midst of one step is killed, not asked."""
        self._let_children_hang_in_parser(monkeypatch)
        with pytest.raises(PageTimeout, match=r"^the page could not be parsed within 0\.1 s$"):
            read_page(SMALL, Limits(seconds=0.1, isolate_over=0))

    @pytest.mark.usefixtures("fresh_pool")
    def test_hangs_before_the_first_page(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A child that never gets to its page is killed too."""
        monkeypatch.setattr(isolate, "_COMMAND", ("-c", "import time; time.sleep(1000)"))
        monkeypatch.setattr(isolate, "_START_SECONDS", 0.1)
        with pytest.raises(PageTimeout):
            read_page(SMALL, Limits(seconds=0.1, isolate_over=0))

    def test_pool_heals(self) -> None:
        """The page after an endless one is read as ever."""
        with pytest.raises(PageTimeout):
            read_page(ENDLESS, Limits(seconds=0.2))
        assert_equal_tables(node_table(SMALL), read_page(SMALL, ALWAYS))

    @staticmethod
    def _let_children_hang_in_parser(monkeypatch: pytest.MonkeyPatch) -> None:
        start = isolate._COMMAND[-1].replace(
            "serve()", "isolate = sys.modules['pruning.isolate']; isolate.node_table = lambda *_, **__: hang(); serve()"
        )
        # A regular expression of exponential time holds the interpreter in C.
        hang = "import re; hang = lambda: re.match('(a|a)*b', 'a' * 60); "
        monkeypatch.setattr(isolate, "_COMMAND", (*isolate._COMMAND[:-1], hang + start))


class TestDeath:
    """Children die, for want of memory most of all; the caller hears of it in one line."""

    @pytest.mark.usefixtures("fresh_pool")
    def test_killed_while_idle(self) -> None:
        """A child that died between two pages is replaced."""
        read_page(SMALL, ALWAYS)
        child = only_child()
        os.kill(child, signal.SIGKILL)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert_equal_tables(node_table(SMALL), read_page(SMALL, ALWAYS))

    @pytest.mark.usefixtures("fresh_pool")
    def test_killed_while_reading(self) -> None:
        """A child that is killed over a page fails that page, and the next one is read as ever."""
        read_page(SMALL, ALWAYS)
        child = only_child()
        killer = threading.Timer(0.3, os.kill, (child, signal.SIGKILL))
        killer.start()
        with pytest.raises(PageError, match="the process that parsed the page died") as caught:
            read_page(ENDLESS)
        assert PageError is type(caught.value)
        assert "\n" not in str(caught.value)
        assert_equal_tables(node_table(SMALL), read_page(SMALL, ALWAYS))

    @pytest.mark.usefixtures("fresh_pool")
    @pytest.mark.parametrize("command", ["raise SystemExit(3)", "import os; os.close(0); os.close(1)"])
    def test_pipe_breaks_while_the_page_is_sent(self, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A child that reads nothing of a page larger than the pipe's buffer fails that page."""
        monkeypatch.setattr(isolate, "_COMMAND", ("-c", command))
        with pytest.raises(PageError, match="the process that parsed the page died"):
            read_page(Page("x" * 5_000_000))

    @pytest.mark.usefixtures("fresh_pool")
    def test_answer_that_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A child that says something else than an answer fails its page."""
        monkeypatch.setattr(isolate, "_COMMAND", ("-c", "print('a warning on the wrong stream')"))
        with pytest.raises(PageError, match="the process that parsed the page died"):
            read_page(SMALL, ALWAYS)

    @pytest.mark.usefixtures("fresh_pool")
    def test_library_that_prints(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is printed in a child comes neither between its answers nor to the caller."""
        chatty = "isolate = sys.modules['pruning.isolate']; node_table = isolate.node_table; "
        chatty += "isolate.node_table = lambda *a, **k: (print('chat', flush=True), node_table(*a, **k))[1]; serve()"
        monkeypatch.setattr(
            isolate, "_COMMAND", (*isolate._COMMAND[:-1], isolate._COMMAND[-1].replace("serve()", chatty))
        )
        assert_equal_tables(node_table(SMALL), read_page(SMALL, ALWAYS))

    @pytest.mark.usefixtures("fresh_pool")
    def test_memory_limit(self) -> None:
        """A page that needs more memory than there is fails in one line, and the next one is read as ever."""
        read_page(SMALL, ALWAYS)
        child = only_child()
        size = int(Path(f"/proc/{child}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(child, resource.RLIMIT_AS, (size + 60_000_000, size + 60_000_000))
        with pytest.raises(PageError) as caught:
            read_page(Page("<p>word</p>" * 1_000_000))
        assert "memory" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert_equal_tables(node_table(SMALL), read_page(SMALL, ALWAYS))


class TestManyThreads:
    """Each thread has a child of its own for as long as it needs it."""

    def test_each_gets_its_own_answer(self) -> None:
        """Four threads that read different pages never get each other's."""
        pages = [Page(f"<p>page {number}</p>" * (number + 1)) for number in range(20)]
        with ThreadPoolExecutor(4) as threads:
            tables = list(threads.map(lambda page: read_page(page, ALWAYS), pages))
        for page, table in zip(pages, tables, strict=True):
            assert_equal_tables(node_table(page), table)

    @pytest.mark.usefixtures("fresh_pool")
    def test_no_more_stay_than_there_are_cores(self) -> None:
        """Children that a rush has started don't all stay."""
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: read_page(SMALL, ALWAYS), range(12)))
        assert 0 < len(children_of(os.getpid())) <= (os.cpu_count() or 1)

    def test_failures_beside_successes(self) -> None:
        """A page that fails takes nobody else's with it."""

        def words(number: int) -> int | str:
            page, limits = (Page("<p>x" * 1000), Limits(nodes=100, isolate_over=0)) if number % 3 else (SMALL, ALWAYS)
            try:
                return int(read_page(page, limits).words[0])
            except TooManyNodes:
                return "too many"

        with ThreadPoolExecutor(2) as threads:
            found = list(threads.map(words, range(12)))
        assert ["too many" if number % 3 else 6 for number in range(12)] == found


READS_ONE_PAGE = """
from pruning import Limits, Page
from pruning.isolate import read_page
print(read_page(Page("<p>two words"), Limits(isolate_over=0)).words[0])
"""


def run(
    arguments: Sequence[str | Path], *, cwd: Path, path: str | None = None, text: str | None = None
) -> tuple[int, str, str]:
    """Run Python in another folder: exit status, what it wrote to stdout, and to stderr."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = path
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, input=text, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


class TestCallers:
    """However the caller was started and found this package: its children find it too, and say nothing."""

    def test_script_without_a_guard(self, tmp_path: Path) -> None:
        """A plain script needs no `if __name__ == "__main__"`."""
        script = tmp_path / "script.py"
        script.write_text(READS_ONE_PAGE)
        assert (0, "2\n", "") == run([script], cwd=tmp_path, path=str(ROOT))

    def test_found_by_sys_path_alone(self, tmp_path: Path) -> None:
        """A caller that finds the package by its own `sys.path` needs no PYTHONPATH."""
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + READS_ONE_PAGE
        assert (0, "2\n", "") == run(["-c", code], cwd=tmp_path)

    def test_found_by_the_current_folder_alone(self) -> None:
        """A caller that stands in the source folder needs no PYTHONPATH."""
        assert (0, "2\n", "") == run(["-c", READS_ONE_PAGE], cwd=ROOT)

    def test_caller_that_walked_away(self, tmp_path: Path) -> None:
        """A caller that has left the folder by which it found the package still has its pages read."""
        code = READS_ONE_PAGE.replace("print(", f"import os; os.chdir({str(tmp_path)!r})\nprint(")
        assert (0, "2\n", "") == run(["-c", code], cwd=ROOT)

    def test_from_standard_input(self, tmp_path: Path) -> None:
        """A caller without a file has its pages read too."""
        assert (0, "2\n", "") == run(["-"], cwd=tmp_path, path=str(ROOT), text=READS_ONE_PAGE)

    def test_folder_with_modules_of_the_same_names(self, tmp_path: Path) -> None:
        """What lies around where the caller stands is not taken for the standard library."""
        for name in ("pickle", "signal", "tokens", "pruning"):
            (tmp_path / f"{name}.py").write_text("raise SystemExit('imported by mistake')")
        (tmp_path / "in").mkdir()
        script = tmp_path / "in" / "script.py"
        script.write_text(READS_ONE_PAGE)
        assert (0, "2\n", "") == run([script], cwd=tmp_path, path=str(ROOT))

    def test_caller_that_ignores_alarms(self, tmp_path: Path) -> None:
        """A caller's own way with signals does not keep a child alive."""
        code = """
            import signal
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            from pruning import Limits, Page, PageTimeout, isolate
            stuck = "isolate = sys.modules['pruning.isolate']; isolate.node_table = lambda *a, **k: sys.stdin.read()"
            isolate._COMMAND = (*isolate._COMMAND[:-1], isolate._COMMAND[-1].replace("serve()", stuck + "; serve()"))
            isolate._START_SECONDS = 1000
            try:
                isolate.read_page(Page("<p>x"), Limits(isolate_over=0, seconds=0.1))
            except PageTimeout as error:
                print(error)
        """
        expected = (0, "the page could not be parsed within 0.1 s\n", "")
        assert expected == run(["-c", textwrap.dedent(code)], cwd=tmp_path, path=str(ROOT))


class TestNoOrphans:
    """Whatever ends the caller ends its children, without a word."""

    CODE = """
        import os, sys, threading
        from pruning import Limits, Page
        from pruning.isolate import read_page
        from tests.pruning.test_isolate import ENDLESS, children_of
        read_page(Page("<p>x"), Limits(isolate_over=0))
        BUSY
        print(*children_of(os.getpid()), flush=True)
        HOW
    """
    BUSY = "threading.Thread(target=read_page, args=(ENDLESS, Limits(seconds=1)), daemon=True).start()"

    @pytest.mark.parametrize(
        ("busy", "how"),
        [
            *(("", "1 / 0"), ("", "os._exit(0)"), ("", "os.kill(os.getpid(), 9)")),
            *((BUSY, ""), (BUSY, "os.kill(os.getpid(), 2)"), (BUSY, "os.kill(os.getpid(), 9)")),
        ],
    )
    def test_children_end_with_the_caller(self, busy: str, how: str, tmp_path: Path) -> None:
        """A child outlives neither a caller that ends nor one that is killed, busy or not."""
        code = textwrap.dedent(self.CODE).replace("BUSY", busy).replace("HOW", how)
        _, printed, said = run(["-c", code], cwd=tmp_path, path=str(ROOT))
        children = [int(child) for child in printed.split()]
        assert 1 == len(children), said
        eventually("the child ends", lambda: not any(_runs(child) for child in children))
        assert "isolate" not in said.replace("test_isolate", "")

    def test_ctrl_c_is_for_the_caller(self, tmp_path: Path) -> None:
        """A Ctrl-C on the terminal, which every process of the group gets, brings up no child's traceback."""
        code = """
            import os, signal
            from pruning import Limits, Page
            from pruning.isolate import read_page
            os.setpgrp()
            read_page(Page("<p>x"), Limits(isolate_over=0))
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.killpg(0, signal.SIGINT)
            print(read_page(Page("<p>two words"), Limits(isolate_over=0)).words[0])
        """
        assert (0, "2\n", "") == run(["-c", textwrap.dedent(code)], cwd=tmp_path, path=str(ROOT))

    def test_forked_caller_starts_its_own(self, tmp_path: Path) -> None:
        """A process that was forked leaves its parent's children alone, and both read on."""
        code = """
            import os
            from pruning import Limits, Page
            from pruning.isolate import _POOL, read_page
            always = Limits(isolate_over=0)
            read_page(Page("<p>x"), always)
            forked = os.fork()
            words = [int(read_page(Page(f"<p>{'x ' * n}"), always).words[0]) for n in range(1, 50)]
            assert words == list(range(1, 50))
            if not forked:
                _POOL.close()
                os._exit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]))
            print(read_page(Page("<p>two words"), always).words[0])
        """
        assert (0, "7\n2\n", "") == run(["-c", textwrap.dedent(code)], cwd=tmp_path, path=str(ROOT))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
