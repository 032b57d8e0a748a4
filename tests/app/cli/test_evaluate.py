"""`secateurs eval`: lines that the scorer of the peers reads."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from pruning import TokenCounter

HOURS = "<h1>Hours</h1><p>Monday to Saturday: 8 to 18.</p><p>Sunday: 10 to 14.</p>"
PARKING = "<h1>Parking</h1><p>Behind the house, free of charge for the first hour.</p>"


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """A set of two questions over two pages, one of them gzipped."""
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "hours.html.gz").write_bytes(gzip.compress(HOURS.encode()))
    (pages / "parking.html").write_text(PARKING)
    rows = [
        {"id": "one", "question": "When does the shop open on Sunday?", "answers": ["10"]},
        {"id": "two", "question": "Where can I park?", "answers": ["Behind the house"]},
    ]
    lines = [json.dumps(row | {"pages": ["pages/parking.html", "pages/hours.html.gz"]}) for row in rows]
    (tmp_path / "set.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path / "set.jsonl"


def evaluate(questions: Path, *options: str) -> list[dict[str, Any]]:
    """The lines that the command has written."""
    out = questions.with_name("out.jsonl")
    assert 0 == main(["eval", "--data", str(questions), "--out", str(out), *options])
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_lines(questions: Path) -> None:
    """One line for each question and budget: HTML within the budget that holds the answer."""
    lines = evaluate(questions, "--budget", "64", "128")

    assert [("one", 64), ("one", 128), ("two", 64), ("two", 128)] == [(line["id"], line["budget"]) for line in lines]
    assert {"secateurs"} == {line["system"] for line in lines}
    assert [None] * 4 == [line["error"] for line in lines]
    assert all(line["seconds"] > 0 for line in lines)
    count = TokenCounter.load("tekken").count
    assert all(0 < count(line["output"]) <= line["budget"] for line in lines)
    assert "Sunday: 10 to 14." in lines[0]["output"]
    assert "Behind the house" not in lines[0]["output"]
    assert "Behind the house" in lines[2]["output"]


def test_only_the_first_questions(questions: Path) -> None:
    """`--limit` stops early, `--system` names the lines."""
    (line,) = evaluate(questions, "--budget", "64", "--limit", "1", "--system", "mine")
    assert ("one", "mine") == (line["id"], line["system"])


def test_a_stopped_run_goes_on(questions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that are there stay, one that was cut off is written anew, and so is what is missing."""
    monkeypatch.setenv("SECATEURS_EMBEDDER", "none")
    first = evaluate(questions, "--budget", "64")
    out = questions.with_name("out.jsonl")
    marked = json.dumps(first[0] | {"output": "kept"})
    out.write_text(f"{marked}\n{json.dumps(first[1])[:40]}")

    again = evaluate(questions, "--budget", "64")

    assert ["kept", first[1]["output"]] == [line["output"] for line in again]


def test_another_system_is_not_taken_for_ours(questions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several systems may write to one file."""
    monkeypatch.setenv("SECATEURS_EMBEDDER", "none")
    evaluate(questions, "--budget", "64", "--system", "other")
    assert 4 == len(evaluate(questions, "--budget", "64"))


def test_a_page_that_cannot_be_read_is_an_error_of_its_question(
    questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other questions go on."""
    monkeypatch.setenv("SECATEURS_EMBEDDER", "none")
    monkeypatch.setenv("SECATEURS_PAGE_BYTES", "1000")
    (questions.parent / "pages" / "large.html").write_text("x" * 2_000)
    with questions.open("a") as out:
        out.write(json.dumps({"id": "three", "question": "x?", "pages": ["pages/large.html"]}) + "\n")

    lines = evaluate(questions, "--budget", "64")

    assert [None, None, ""] == [*(line["error"] for line in lines[:2]), lines[2]["output"]]
    assert lines[2]["error"].startswith("PageTooLarge: the page has 2,000 bytes")


def test_a_failing_model_is_an_error(questions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BM25's answers must not pass for the model's."""
    monkeypatch.setenv("SECATEURS_EMBEDDER", "/nowhere/model")
    assert all("/nowhere/model" in line["error"] for line in evaluate(questions, "--budget", "64"))


def test_unknown_steps_are_refused(questions: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A step that there is none of ends the command in one line."""
    out = questions.with_name("out.jsonl")
    assert 2 == main(["eval", "--data", str(questions), "--out", str(out), "--steps", "embed,guess"])
    assert "guess" in capfd.readouterr().err
