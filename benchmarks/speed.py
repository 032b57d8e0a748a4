#!/usr/bin/env python3
"""This project and htmlrag on the same pages, one process each, taking turns page by page.

What is measured, and how to read it, is told in benchmarks/README.md. The last line of stdout is one JSON document.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from machine import describe
from pages import all_pages, data_folder, sample
from tqdm import tqdm
from worker import Worker

HERE = Path(__file__).resolve().parent
BUDGET = 4096


@dataclass
class Measured:
    """One page: for each task the best time of each system, in seconds, and what they said beside it."""

    page: Path
    bytes: int
    seconds: dict[str, float] = field(default_factory=dict)
    blocks: int = 0
    tokens: int = 0
    peer_tokens: int = 0

    def ratio(self, ours: str, theirs: str) -> float:
        return self.seconds[theirs] / self.seconds[ours]

    def knows(self, *names: str) -> bool:
        return all(name in self.seconds for name in names)


@dataclass
class Failures:
    """What did not work, said with the page's name."""

    ours: list[str] = field(default_factory=list)
    peer: list[str] = field(default_factory=list)
    peer_timeouts: list[str] = field(default_factory=list)


def main() -> None:
    arguments = _arguments()
    pages = all_pages(arguments.data)
    chosen = sample(pages, arguments.pages)
    _print_machine()
    failures = Failures()
    with ExitStack() as stack:
        ours = stack.enter_context(_worker(Path(sys.executable), "secateurs_worker.py"))
        peer = stack.enter_context(_worker(arguments.peer_python, "htmlrag_worker.py"))
        measured = [
            _measure(page, ours, peer, arguments, failures) for page in _progress(chosen, "measuring side by side")
        ]
        growth = _grow(ours, chosen, arguments.repeats)
        words = [_checked(ours, page, failures) for page in _progress(pages, "checking words")]
    result = _summary(measured) | growth | _words(words) | _failed(failures)
    _print_failures(failures)
    _print_table(result)
    print(json.dumps(result))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", type=Path, required=True, help="the Python that has htmlrag==0.1.1")
    parser.add_argument("--data", type=Path, default=data_folder(), help="the folder of real pages")
    parser.add_argument("--pages", type=int, default=80, help="pages to measure, equally many of each collection")
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement; the best one counts")
    parser.add_argument("--cap", type=float, default=30, help="seconds that one task of the peer may take")
    return parser.parse_args()


def _progress(pages: Sequence[Path], what: str) -> Iterable[Path]:
    return tqdm(pages, desc=what, unit="page", file=sys.stderr)


@contextmanager
def _worker(python: Path, script: str) -> Iterator[Worker]:
    worker = Worker(python, HERE / script)
    try:
        yield worker
    finally:
        worker.close()


def _measure(page: Path, ours: Worker, peer: Worker, arguments: argparse.Namespace, failures: Failures) -> Measured:
    """Both systems in turn, as often as asked for; the best time of each."""
    one = Measured(page, ours.ask("load", page=str(page))["bytes"])
    peer.ask("load", page=str(page))
    peer_works = True
    for _ in range(arguments.repeats):
        build = _note(one, "build", ours.ask("build"), failures.ours)
        _note(one, "lxml", ours.ask("lxml"), failures.ours)
        prune = _note(one, "prune", ours.ask("prune", max_tokens=BUDGET), failures.ours)
        one.blocks, one.tokens = build.get("blocks", 0), prune.get("tokens_of_page", 0)
        for task, given in (("build", {}), ("prune", {"max_tokens": BUDGET})) if peer_works else ():
            answer = peer.ask(task, seconds=arguments.cap, **given)
            where = failures.peer_timeouts if "timeout" in answer else failures.peer
            _note(one, f"peer_{task}", answer, where)
            one.peer_tokens = answer.get("tokens_of_page", one.peer_tokens)
            if "error" in answer:
                peer_works = False
                break
    return one


def _note(one: Measured, name: str, answer: dict[str, Any], failures: list[str]) -> dict[str, Any]:
    if "error" in answer:
        failures.append(f"{name} of {one.page.name}: {answer['error']}")
    else:
        for clock, key in (("seconds", name), ("cpu_seconds", f"{name}_cpu")):
            one.seconds[key] = min(answer[clock], one.seconds.get(key, float("inf")))
    return answer


def _grow(ours: Worker, pages: Sequence[Path], repeats: int) -> dict[str, Any]:
    names = [str(page) for page in pages]
    times: dict[int, list[dict[str, Any]]] = {1: [], 10: []}
    for _ in range(repeats):
        for megabytes, answers in times.items():
            answers.append(ours.ask("grow", pages=names, megabytes=megabytes, max_tokens=BUDGET))
            if "error" in answers[-1]:
                raise SystemExit(f"the page of {megabytes} MB failed: {answers[-1]['error']}")
    one, ten = ({task: min(answer[task] for answer in times[n]) for task in ("build", "prune")} for n in (1, 10))
    return {
        "growth_1_to_10_mb": ten["build"] / one["build"],
        "growth_1_to_10_mb_with_prune": sum(ten.values()) / sum(one.values()),
        "seconds_10_mb": sum(ten.values()),
    }


def _checked(ours: Worker, page: Path, failures: Failures) -> bool:
    answer = ours.ask("check", page=str(page))
    if "error" in answer:
        failures.ours.append(f"check of {page.name}: {answer['error']}")
    return bool(answer.get("equal"))


def _summary(measured: list[Measured]) -> dict[str, Any]:
    """The ratios: how many times as fast as htmlrag, how many times as long as a parse."""
    parsed = [one for one in measured if one.knows("build", "lxml")]
    built = [one for one in parsed if one.knows("peer_build")]
    pruned = [one for one in measured if one.knows("prune", "peer_prune")]
    over = [one for one in pruned if min(one.tokens, one.peer_tokens) > BUDGET]
    slowest = sorted(pruned, key=lambda one: one.seconds["peer_prune"])[-max(1, len(pruned) // 10) :]
    return {
        "pages": len(measured),
        "bytes_median": median(one.bytes for one in measured),
        "blocks_median": median(one.blocks for one in measured),
        "build_vs_htmlrag": _total(built, "build", "peer_build"),
        "build_vs_htmlrag_median_page": _median(built, "build", "peer_build"),
        "build_vs_htmlrag_cpu": _total(built, "build_cpu", "peer_build_cpu"),
        "build_vs_lxml": _total(parsed, "lxml", "build"),
        "build_vs_lxml_median_page": _median(parsed, "lxml", "build"),
        "build_vs_lxml_cpu": _total(parsed, "lxml_cpu", "build_cpu"),
        "build_ms_median": _milliseconds(parsed, "build"),
        "lxml_ms_median": _milliseconds(parsed, "lxml"),
        "build_mb_per_s": sum(one.bytes for one in parsed) / sum(one.seconds["build"] for one in parsed) / 1e6,
        "htmlrag_build_ms_median": _milliseconds(built, "peer_build"),
        "prune_vs_htmlrag": _median(pruned, "prune", "peer_prune"),
        "prune_vs_htmlrag_cpu": _median(pruned, "prune_cpu", "peer_prune_cpu"),
        "prune_vs_htmlrag_slowest_tenth": _total(slowest, "prune", "peer_prune"),
        "prune_vs_htmlrag_slowest_tenth_median_page": _median(slowest, "prune", "peer_prune"),
        "prune_vs_htmlrag_over_budget": _median(over, "prune", "peer_prune"),
        "pages_over_budget": len(over),
        "prune_ms_median": _milliseconds(pruned, "prune"),
        "prune_ms_max": 1000 * max(one.seconds["prune"] for one in pruned),
        "htmlrag_prune_ms_median": _milliseconds(pruned, "peer_prune"),
        "htmlrag_prune_ms_max": 1000 * max(one.seconds["peer_prune"] for one in pruned),
    }


def _total(pages: list[Measured], ours: str, theirs: str) -> float:
    return sum(one.seconds[theirs] for one in pages) / sum(one.seconds[ours] for one in pages)


def _median(pages: list[Measured], ours: str, theirs: str) -> float:
    return median(one.ratio(ours, theirs) for one in pages)


def _milliseconds(pages: list[Measured], name: str) -> float:
    return 1000 * median(one.seconds[name] for one in pages)


def _words(equal: list[bool]) -> dict[str, Any]:
    return {"pages_checked": len(equal), "words_kept_equal": sum(equal) / len(equal)}


def _failed(failures: Failures) -> dict[str, Any]:
    return {
        "failed": len(failures.ours),
        "htmlrag_failed": len(failures.peer),
        "htmlrag_timed_out": len(failures.peer_timeouts),
    }


def _print_machine() -> None:
    for name, value in describe("lxml", "numpy", "tiktoken").items():
        print(f"{name}: {value}")


def _print_failures(failures: Failures) -> None:
    for who, lines in (("secateurs", failures.ours), ("htmlrag", [*failures.peer, *failures.peer_timeouts])):
        for line in lines:
            print(f"{who} failed: {line}")


# What the project asks of itself.
BARS: dict[str, Callable[[float], bool]] = {
    "build_vs_htmlrag": lambda value: value >= 25,
    "build_vs_lxml": lambda value: value <= 4,
    "prune_vs_htmlrag": lambda value: value >= 15,
    "prune_vs_htmlrag_slowest_tenth": lambda value: value >= 50,
    "growth_1_to_10_mb": lambda value: value <= 12,
    "words_kept_equal": lambda value: value == 1,
    "failed": lambda value: value == 0,
}


def _print_table(result: dict[str, Any]) -> None:
    width = max(map(len, result))
    for name, value in result.items():
        verdict = {True: "met", False: "NOT MET"}[BARS[name](value)] if name in BARS else ""
        print(f"{name:{width}}  {value:>12,.3f}  {verdict}".rstrip())


if __name__ == "__main__":
    main()
