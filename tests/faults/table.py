"""The table of faults in README.md, as the tests read it."""

import re
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).with_name("README.md")


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: the name of its test, what happens, what the caller sees, and the bound that is held."""

    test: str
    fault: str
    seen: str
    bound: str


def rows(section: str) -> list[Row]:
    """The rows of the table of faults under this heading."""
    return [Row(*cells) for cells in table(section)]


def table(section: str) -> list[list[str]]:
    """The cells of each row of the table under this heading."""
    _, _, text = README.read_text(encoding="utf-8").partition(f"\n## {section}\n")
    return [_cells(line) for line in text.partition("\n## ")[0].splitlines() if line.startswith("| `")]


def is_like(text: str, told: str) -> bool:
    """Whether a text is what is told of it, where “…” stands for anything."""
    return bool(re.fullmatch(re.escape(told).replace("…", ".*"), text, re.DOTALL))


def _cells(line: str) -> list[str]:
    test, *others = (cell.strip() for cell in line.strip("|").split(" | "))
    return [test.strip("`"), *others]
