"""The benchmark of speed: what it says is what it means, and one bad page doesn't end it."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A worker that can be right, wrong, slow, loud and dead."""
    path = tmp_path / "benchmarks" / "script.py"
    path.parent.mkdir()
    path.write_text(
        f"import sys; sys.path.insert(0, {str(FOLDER)!r})\n"
        "import os, time, worker\n"
        "def loud():\n"
        "    print('not an answer')\n"
        "    return worker.timed(lambda: None)[0]\n"
        "worker.serve({'add': lambda a, b: {'sum': a + b}, 'fail': lambda: {}['x'], 'loud': loud,\n"
        "              'sleep': lambda: time.sleep(60), 'die': lambda: os._exit(1)})\n"
    )
    return path


def test_a_worker_answers_until_it_is_closed(load, script: Path) -> None:
    """Tasks are done in one process; an error is an answer; what is printed is none; a dead or late one starts anew."""
    worker = load("worker").Worker(Path(sys.executable), script)
    try:
        assert {"sum": 5} == worker.ask("add", a=2, b=3)
        assert {"error": "KeyError: 'x'"} == worker.ask("fail")
        assert {"seconds", "cpu_seconds"} == worker.ask("loud").keys()
        assert {"error": "over 0.2 s", "timeout": True} == worker.ask("sleep", seconds=0.2)
        assert {"error": "the process died"} == worker.ask("die")
        assert {"sum": 1} == worker.ask("add", a=0, b=1)
    finally:
        worker.close()


def test_the_sample_takes_the_same_number_of_each_collection(load, tmp_path: Path) -> None:
    """And the same pages each time, whatever order they are given in."""
    sample = load("pages").sample
    pages = [tmp_path / folder / f"{number}.html.gz" for folder in "abc" for number in range(20)]

    chosen = sample(pages, 9)

    assert [3, 3, 3] == [sum(page.parent.name == folder for page in chosen) for folder in "abc"]
    assert sorted(chosen) == sorted(sample(pages[::-1], 9))


def test_large_pages_are_copies_of_real_bodies(load, data_dir: Path) -> None:
    """Ten times the size is ten times the words."""
    module = load("pages")
    pages = module.all_pages(data_dir)[:3]
    once, tenfold = module.large_page(pages, 10_000, 1), module.large_page(pages, 10_000, 10)
    word = max(module.read(pages[0]).split(), key=len)[:20]

    assert 10 * once.count(word) == tenfold.count(word)


def measured(speed: ModuleType, name: str, peer_prune: float, tokens: int) -> object:
    seconds = {"build": 0.002, "lxml": 0.001, "prune": 0.004, "peer_build": 0.1, "peer_prune": peer_prune}
    seconds |= {f"{name}_cpu": time / 2 for name, time in seconds.items()}
    return speed.Measured(Path(name), 1000, seconds, blocks=5, tokens=tokens, peer_tokens=tokens)


def test_the_ratios_are_what_their_names_say(load) -> None:
    """Sums for throughput, medians for the median page, the tenth that takes the peer longest for the slowest one."""
    speed = load("speed")
    pages = [measured(speed, str(number), 0.04 * number, 1000 * number) for number in range(1, 21)]

    result = speed._summary(pages)

    assert pytest.approx(50) == result["build_vs_htmlrag"]
    assert pytest.approx(2) == result["build_vs_lxml"]
    assert pytest.approx(105) == result["prune_vs_htmlrag"]
    assert pytest.approx(195) == result["prune_vs_htmlrag_slowest_tenth"]
    assert 16 == result["pages_over_budget"]
    assert pytest.approx(125) == result["prune_vs_htmlrag_over_budget"]


def test_a_page_that_fails_is_in_no_ratio_and_in_the_count(load) -> None:
    """Ours and the peer's failures are told apart, and the peer's that took too long."""
    speed = load("speed")
    failures, one = speed.Failures(), speed.Measured(Path("page"), 1000)

    speed._note(one, "build", {"error": "ValueError: no"}, failures.ours)
    speed._note(one, "lxml", {"seconds": 0.5, "cpu_seconds": 0.2}, failures.ours)
    speed._note(one, "lxml", {"seconds": 0.4, "cpu_seconds": 0.3}, failures.ours)

    assert ["build of page: ValueError: no"] == failures.ours
    assert {"lxml": 0.4, "lxml_cpu": 0.2} == one.seconds
    assert {"failed": 1, "htmlrag_failed": 0, "htmlrag_timed_out": 0} == speed._failed(failures)
