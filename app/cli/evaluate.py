"""`secateurs eval`: prune the pages of a question set, for scoring how often the answer survives."""

import argparse
import asyncio
import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from app.models.in_process import NoEmbedder
from app.parts import Parts, open_parts
from app.seam import drive, in_thread
from app.settings import load_settings
from pruning.blocks import BlockTree
from pruning.document import Limits, Page
from pruning.errors import InvalidInput, SecateursError
from pruning.generative import PathReader
from pruning.isolate import read_page
from pruning.nodes import NodeTable
from pruning.prune import Given, Need, Options, prune_steps
from pruning.tokens import TokenCounter

# The scores of a set are only comparable when everybody counts with the same tokenizer.
TOKENIZER = "tekken"
# Questions of a set share pages; a table is some 10 times its page.
TABLES_KEPT = 512
_PATIENCE = 3600.0  # seconds for a model: nobody waits for an answer


def run(arguments: argparse.Namespace) -> None:
    """Append one line for each question and budget that the file does not have yet."""
    questions = list(_questions(arguments.data, arguments.limit))
    if any(budget < 1 for budget in arguments.budget):
        raise InvalidInput("--budget: a budget is at least 1 token")
    done = _done(arguments.out, arguments.system)
    missing = [row for row in questions if any((row["id"], budget) not in done for budget in arguments.budget)]
    with arguments.out.open("a") as out:
        asyncio.run(_evaluate(missing, done, arguments, out))


def _questions(data: Path, limit: int | None) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(data.read_text().splitlines(), 1):
        if limit is not None and number > limit:
            return
        try:
            row = json.loads(line)
            yield {"id": row["id"], "question": row["question"], "pages": [data.parent / p for p in row["pages"]]}
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(f"{data}, line {number}: not a question of a set: {error!r}") from None


def _done(out: Path, system: str) -> set[tuple[str, int]]:
    """What an earlier run has written; a line that it was stopped in the middle of is cut off."""
    if not out.exists():
        return set()
    written = out.read_bytes()
    whole = written[: written.rfind(b"\n") + 1]
    if len(whole) < len(written):
        out.write_bytes(whole)
    rows = (json.loads(line) for line in whole.splitlines())
    return {(row["id"], row["budget"]) for row in rows if row["system"] == system}


async def _evaluate(
    questions: list[dict[str, Any]], done: set[tuple[str, int]], arguments: argparse.Namespace, out: TextIO
) -> None:
    settings = load_settings(tokenizer=TOKENIZER, deadline_seconds=_PATIENCE)
    async with open_parts(settings) as parts:
        counter = await parts.counter(TOKENIZER)
        base = Options(
            steps=tuple(arguments.steps.split(",")),
            max_words=settings.max_words,
            sieve=settings.sieve,
            limits=settings.page_limits(),
        )
        for row in tqdm(questions, desc="questions", unit="q", disable=None):
            scorer = _Scorer(parts)
            for budget in arguments.budget:
                if (row["id"], budget) in done:
                    continue
                line = await _line(row, replace(base, max_tokens=budget), counter, scorer)
                out.write(json.dumps({"id": row["id"], "system": arguments.system, "budget": budget} | line) + "\n")
                out.flush()


async def _line(row: dict[str, Any], options: Options, counter: TokenCounter, scorer: "_Scorer") -> dict[str, Any]:
    """Output, seconds and error. The seconds are those of our own code: the model is the same for every system."""
    output, error, seconds = "", None, 0.0
    try:
        tables, seconds = await in_thread(_tables, row["pages"], options.limits)
        scorer.seconds, start = 0.0, time.perf_counter()
        tree = await in_thread(BlockTree.from_tables, tables, options.max_words)
        reader = await scorer.reader(options)
        pruned = await drive(prune_steps(tree, row["question"], counter, options, reader=reader), scorer.given)
        seconds += time.perf_counter() - start - scorer.seconds
        output = pruned.content
        # Ranked by BM25 although there is a model: a number that would pass for the model's.
        error = None if scorer.is_off else "; ".join(pruned.degraded)[:200] or None
    except SecateursError as problem:
        error = f"{type(problem).__name__}: {problem}"[:200]
    return {"output": output, "seconds": round(seconds, 4), "error": error}


def _tables(pages: list[Path], limits: Limits) -> tuple[list[NodeTable], float]:
    """The pages' tables, and the seconds that making them takes, also where they were kept from an earlier question."""
    tables, seconds = zip(*(_table(path, limits) for path in pages), strict=True)
    return list(tables), sum(seconds)


@lru_cache(maxsize=TABLES_KEPT)
def _table(path: Path, limits: Limits) -> tuple[NodeTable, float]:
    raw = path.read_bytes()
    html = gzip.decompress(raw) if path.suffix == ".gz" else raw
    start = time.perf_counter()
    table = read_page(Page(html=html), limits)
    return table, time.perf_counter() - start


class _Scorer:
    """The models, asked once for the same of a question, whatever the budget; their time is kept apart."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known: dict[Need, Given] = {}
        self.seconds = 0.0
        self.is_off = isinstance(parts.embedder, NoEmbedder)

    async def reader(self, options: Options) -> PathReader | None:
        """What planning must know of the path model, if that step is taken."""
        return await self._parts.path_reader(_latest()) if "generate" in options.steps else None

    async def given(self, need: Need) -> Given:
        """What is needed of a model. Raises ModelError."""
        start = time.perf_counter()
        if need not in self._known:
            self._known[need] = await self._parts.supply(need, _latest())
        self.seconds += time.perf_counter() - start
        return self._known[need]


def _latest() -> float:
    return time.monotonic() + _PATIENCE
