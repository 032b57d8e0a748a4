"""The nasty pages of the data folder: fuzzers' finds, wrong encodings, tag soup, hostile and monstrous ones."""

import gzip
import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pruning import Page, clean, clean_page
from tests import needs
from tests.attacks.support import assert_harmless, pruned
from tests.pruning import oracle


@dataclass(frozen=True)
class Case:
    """A line of the manifest, and its file."""

    name: str
    kind: str
    path: Path
    gzipped: bool
    encoding: str | None
    expected: str | None

    def read(self) -> bytes:
        """The page."""
        data = self.path.read_bytes()
        return gzip.decompress(data) if self.gzipped else data


def cases(*kinds: str, having: str = "file") -> list[Any]:
    """The manifest's lines of these kinds (all where none is named) that have a value of this name."""
    manifest = needs.data_files("hard/manifest.jsonl")[0]
    if manifest.values[0] is None:
        return [manifest]
    rows = map(json.loads, manifest.values[0].read_text().splitlines())
    return [
        pytest.param(_case(manifest.values[0].parent, row), id=row["file"].removeprefix("files/"))
        for row in rows
        if row[having] and (not kinds or row["kind"] in kinds)
    ]


def _case(folder: Path, row: dict[str, Any]) -> Case:
    return Case(
        row["file"], row["kind"], folder / row["file"], row["gzipped"], row.get("encoding"), row.get("expect_text")
    )


def one_line(text: str) -> str:
    """A text with its white space folded and its references read."""
    return " ".join(html.unescape(text).split())


@pytest.mark.parametrize("case", cases())
def test_clean_and_prune(case: Case) -> None:
    """Each file gives a result that cleaning leaves as it is, and that prunes to its budget in every format."""
    page = case.read()
    content = clean(page)
    assert content == clean(content)
    for form in ("html", "markdown", "text") if len(page) < 500_000 else ("html",):
        pruned(page, "answer zebra price", format=form, citations=True, links=True)


@pytest.mark.parametrize("case", cases(having="expect_text"))
def test_expected_text_survives(case: Case) -> None:
    """The text that each file is about is in the cleaned page, and in the pruned one that is asked for it."""
    assert case.expected
    expected = one_line(case.expected)
    content = clean(case.read())
    assert expected in one_line(re.sub(r"<[^>]*>", "", content))
    result = pruned(case.read(), expected, max_tokens=4096)
    assert expected in one_line(re.sub(r"<[^>]*>", "", result.content))


@pytest.mark.parametrize("case", cases(having="encoding"))
def test_encoding_is_found(case: Case) -> None:
    """Without a word from the server a page reads the same as decoded by its true encoding."""
    assert case.encoding
    assert clean(case.read().decode(case.encoding, "replace")) == clean(case.read())


@pytest.mark.parametrize("case", cases("encoding", having="encoding"))
def test_encoding_of_the_header(case: Case) -> None:
    """With the server's right word it reads the same, too."""
    told = clean_page(Page(case.read(), encoding=case.encoding)).content
    assert clean(case.read()) == told


@pytest.mark.parametrize("case", cases("hostile"))
def test_nothing_hostile_is_left(case: Case) -> None:
    """Neither scripts nor addresses that run one are left, with links or without."""
    for links in (False, True):
        assert_harmless(clean(case.read(), url="https://site.example/", links=links))


def test_hidden_instructions_are_left_out(data_dir: Path) -> None:
    """What a page hides from its readers reaches no model."""
    content = clean((data_dir / "hard/files/syn_hidden.html").read_bytes())
    assert "ignore previous instructions" not in content
    assert ["x", "The", "answer", "is", "ZEBRA-42."] == oracle.written_words(content)
