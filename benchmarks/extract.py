"""Measure main content without a question, beside libraries that look for it, on pages whose content people marked.

    extract.py --half report

Precision, recall and F1 of words, each counted as often as it stands there, a mean over pages; ours is what `/r/`, the
scrapers and the loaders write as text. `tune` is the half by which `pruning/main_content.py` was chosen.
"""

import argparse
import asyncio
import gzip
import hashlib
import json
import logging
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe
from pages import data_folder, read
from tqdm import tqdm

from app.messages import ReadRequest
from app.parts import Parts
from app.pipeline import Pipeline
from app.settings import Settings
from pruning import Page

SETS = ("aeb", "wcxb_dev_raw")
HALVES = ("tune", "report", "all")
_RESAMPLES = 2_000
_WORD = re.compile(r"\w+")

Extract = Callable[[bytes, str], str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one contestant made of one page; `failure` is empty where it made anything."""

    precision: float
    recall: float
    milliseconds: float
    failure: str = ""

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def main() -> None:
    """Measure, tell on stderr, and write one JSON document to stdout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--half", choices=HALVES, default="all")
    parser.add_argument("--pages", type=Path, help="file to write each page's figures to, as JSON lines")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    told = {"machine": describe("trafilatura", "justext", "lxml"), "half": options.half, "sets": {}}
    with contestants() as known:
        for name in SETS:
            rows = [row for row in _rows(options.data, name) if options.half in ("all", half_of(row["id"]))]
            outcomes = _measure(known, options.data, tqdm(rows, desc=name, unit="page", disable=None))
            told["sets"][name] = {system: _summary(found) for system, found in outcomes.items()}
            told["sets"][name]["pages"] = len(rows)
            told["sets"][name]["secateurs_less_trafilatura"] = _difference(outcomes, "secateurs", "trafilatura")
            _by_type(rows, outcomes)
            if options.pages:
                _write(options.pages, rows, outcomes)
    print(json.dumps(told))


class Arrived:
    """Stands for the fetcher: the page has arrived already."""

    html = b""

    async def fetch(self, url: str, *, deadline: float | None = None, fresh: bool = False) -> Page:
        """The page."""
        return Page(self.html, url=url)

    async def aclose(self) -> None:
        """Nothing is open."""


@contextmanager
def contestants() -> Iterator[dict[str, Extract]]:
    """Name -> how it finds a page's main content, as text."""
    import justext
    import trafilatura

    english = justext.get_stoplist("English")

    def by_justext(html: bytes, url: str) -> str:
        return "\n".join(found.text for found in justext.justext(html, english) if not found.is_boilerplate)

    with tempfile.TemporaryDirectory() as state, asyncio.Runner() as runner:
        pipeline = runner.run(_pipeline(Settings(state_dir=Path(state), embedder="none", cache=False)))
        arrived = Arrived()
        pipeline.parts.fetcher = arrived  # type: ignore[assignment] - of a fetcher, only this is asked

        def read_by(**options: Any) -> Extract:
            def read(html: bytes, url: str) -> str:
                arrived.html = html
                request = ReadRequest(urls=(url,), formats=("text",), **options)
                return runner.run(pipeline.read(request))[0].result.content

            return read

        yield {
            "secateurs": read_by(),
            "trafilatura": lambda html, url: trafilatura.extract(html, url=url) or "",
            "trafilatura_recall": lambda html, url: trafilatura.extract(html, url=url, favor_recall=True) or "",
            "trafilatura_precision": lambda html, url: trafilatura.extract(html, url=url, favor_precision=True) or "",
            "justext": by_justext,
            "all_visible_text": read_by(only_main=False),
        }
        runner.run(pipeline.parts.aclose())


async def _pipeline(settings: Settings) -> Pipeline:
    return Pipeline(Parts(settings), settings)


def half_of(name: str) -> str:
    """The half that a page is in."""
    return HALVES[hashlib.sha256(name.encode()).digest()[0] % 2]


def _rows(data: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(data / "extract" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _measure(known: dict[str, Extract], data: Path, rows: Any) -> dict[str, list[Outcome]]:
    outcomes: dict[str, list[Outcome]] = {name: [] for name in known}
    for row in rows:
        html = read(data / "extract" / row["html"])
        for name, extract in known.items():
            outcomes[name].append(_outcome(extract, html, row))
    return outcomes


def _outcome(extract: Extract, html: bytes, row: dict[str, Any]) -> Outcome:
    started = time.process_time()
    text, failure = "", ""
    try:
        text = extract(html, row["url"])
    except Exception as error:  # noqa: BLE001 - whatever a contestant raises is its failure
        failure = f"{type(error).__name__}: {error}"
    milliseconds = 1000 * (time.process_time() - started)
    found, gold = words(text), words(row["gold_text"])
    shared = (found & gold).total()
    return Outcome(
        precision=shared / max(1, found.total()),
        recall=shared / max(1, gold.total()),
        milliseconds=milliseconds,
        failure=failure or ("" if text.strip() else "nothing found"),
    )


def words(text: str) -> Counter[str]:
    """The words of a text, each as often as it stands there."""
    return Counter(_WORD.findall(text.lower()))


def _summary(outcomes: list[Outcome]) -> dict[str, Any]:
    f1 = np.array([one.f1 for one in outcomes])
    return {
        "precision": _mean([one.precision for one in outcomes]),
        "recall": _mean([one.recall for one in outcomes]),
        "f1": round(float(f1.mean()), 3),
        "f1_interval": _interval(f1),
        "failures": sum(bool(one.failure) for one in outcomes),
        "milliseconds": round(float(np.median([one.milliseconds for one in outcomes])), 1),
        "milliseconds_p95": round(float(np.quantile([one.milliseconds for one in outcomes], 0.95)), 1),
    }


def _difference(outcomes: dict[str, list[Outcome]], one: str, other: str) -> dict[str, Any]:
    """How much better one is than the other, page by page."""
    less = np.array([a.f1 - b.f1 for a, b in zip(outcomes[one], outcomes[other], strict=True)])
    return {"f1": round(float(less.mean()), 3), "interval": _interval(less)}


def _mean(values: list[float]) -> float:
    return round(float(np.mean(values)), 3)


def _interval(values: np.ndarray) -> list[float]:
    """Where the mean would be in 95 of 100 such samples of pages."""
    drawn = np.random.default_rng(7).integers(0, len(values), (_RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), (0.025, 0.975))
    return [round(float(low), 3), round(float(high), 3)]


def _by_type(rows: list[dict[str, Any]], outcomes: dict[str, list[Outcome]]) -> None:
    """The mean F1 of each kind of page, on stderr."""
    for kind in sorted({row["page_type"] for row in rows}):
        of_kind = [at for at, row in enumerate(rows) if row["page_type"] == kind]
        means = (f"{name} {np.mean([found[at].f1 for at in of_kind]):.3f}" for name, found in outcomes.items())
        sys.stderr.write(f"{kind} ({len(of_kind)}): {', '.join(means)}\n")


def _write(path: Path, rows: list[dict[str, Any]], outcomes: dict[str, list[Outcome]]) -> None:
    with path.open("a", encoding="utf-8") as file:
        for at, row in enumerate(rows):
            figures = {name: [found[at].precision, found[at].recall, found[at].f1] for name, found in outcomes.items()}
            file.write(json.dumps({"id": row["id"], "kind": row["page_type"]} | figures) + "\n")


if __name__ == "__main__":
    main()
