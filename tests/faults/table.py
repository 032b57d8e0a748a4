"""The table of faults in README.md, as the tests read it."""

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
    """The rows of the table under this heading."""
    _, _, text = README.read_text(encoding="utf-8").partition(f"\n## {section}\n")
    lines = [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    return [Row(*_cells(line)) for line in lines]


def _cells(line: str) -> list[str]:
    test, *others = (cell.strip() for cell in line.strip("|").split(" | "))
    return [test.strip("`"), *others]
