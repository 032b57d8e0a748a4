"""The questions that quality is measured on, in two halves: one to tune by, one to report on.

Halves are split by gold page, so that no page that was tuned on is reported on.
"""

import gzip
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

SETS = ("wtq", "wikinat", "faqweb", "webnat", "pydocs")
HALVES = ("tune", "report")


@dataclass(frozen=True)
class Question:
    """One question: its set, the row of the data folder, and where its pages are."""

    set: str
    row: dict[str, Any]
    pages: tuple[Path, ...]

    @property
    def id(self) -> str:
        return str(self.row["id"])

    @property
    def text(self) -> str:
        return str(self.row["question"])

    def bytes(self) -> list[bytes]:
        """The pages as their sites sent them."""
        return [_bytes(page) for page in self.pages]

    def html(self) -> list[str]:
        """The pages as the peers are given them."""
        return [_bytes(page).decode("utf-8", "replace") for page in self.pages]


def load(data: Path, half: str, sample: int | None = None) -> list[Question]:
    """The questions of one half, the sets taking turns, at most `sample` of each set; always the same ones."""
    columns = [_set(data, name, half)[:sample] for name in SETS]
    return [question for turn in zip_longest(*columns) for question in turn if question]


def more_to_tune(data: Path) -> list[Question]:
    """Further questions on the tuning half's tables, made for training, with the pages that others there have."""
    pages = {question.row["gold_page"]: question.row["pages"] for question in load(data, "tune")}
    rows = [json.loads(line) for line in (data / "qa" / "wtq.train.jsonl").read_text().splitlines()]
    rows = [row | {"pages": pages[row["gold_page"]]} for row in rows if row["gold_page"] in pages]
    return [Question("wtq.train", row, tuple(data / "qa" / page for page in row["pages"])) for row in rows]


def fold(question: Question, number: int) -> int:
    """Which of a number of folds a question is in; those about one page are together."""
    return _hash(question.row["gold_page"])[1] % number


def _set(data: Path, name: str, half: str) -> list[Question]:
    folder = data / "qa"
    rows: list[dict[str, Any]] = [json.loads(line) for line in (folder / f"{name}.dev.jsonl").read_text().splitlines()]
    mine = [row for row in rows if HALVES[_hash(row["gold_page"])[0] % 2] == half]
    mine.sort(key=lambda row: _hash(row["id"]))
    return [Question(name, row, tuple(folder / page for page in row["pages"])) for row in mine]


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@lru_cache(maxsize=100)
def _bytes(page: Path) -> bytes:
    raw = page.read_bytes()
    return gzip.decompress(raw) if page.suffix == ".gz" else raw
