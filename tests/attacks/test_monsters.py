"""Pages made to cost more than they weigh: the whole method comes through, and finds the answer.

Each of these once took minutes, gigabytes, or lost its text. No time is measured here; but what was quadratic would not
come to an end within any patience.
"""

import random

import pytest

from pruning import BlockTree, Page, clean, clean_page, nodes
from pruning.plain import MarkdownWriter
from pruning.render import HtmlWriter
from tests.attacks.support import pruned, words_of

MANY = 100_000
ANSWER = "the answer"

PRUNED = {
    "empty items": "<li>" * MANY + ANSWER,
    "empty cells": "<td>" * MANY + ANSWER,
    "code in code in code": "<pre>" * MANY + ANSWER,
    "all kinds of tags": "<pre><table><tr><ul><li><b><td><section><a><h1><sup><form>" * 3_000 + ANSWER,
    "rows of ten thousand cells": "<table>" + ("<tr>" + "<td>x" * 10_000) * 3 + f"<tr><td>{ANSWER}</table>",
    "merged cells": "<table>" + "<tr><td rowspan=65534 colspan=1000>x" * 5_000 + f"<tr><td>{ANSWER}</table>",
    "a text of twenty thousand images": "<p>" + "<img alt=dog>" * 20_000 + ANSWER,
    "a hundred thousand divs in a cell": "<table><tr><td>"
    + "<div>" * MANY
    + ANSWER
    + "</div>" * MANY
    + "<td>x</table>",
    "headings over headings": "".join(f"<h{6 - n % 6}>x{n}</h{6 - n % 6}>" for n in range(10_000)) + ANSWER,
    "a long Chinese text": "<p>" + "斑马四十二" * 60_000 + " " + ANSWER,
    "a long Thai text": "<p>" + "ภาษาไทย" * 40_000 + " " + ANSWER,
    "a word of a million letters": "<p>" + "x" * 1_000_000 + f"<p>{ANSWER}",
    "references of all kinds": "<p>" + "&amp;&nosuch;&#0;&#1114112;" * 50_000 + f"<p>{ANSWER}",
    "a flood of ampersands": "&" * 1_000_000 + f"<p>{ANSWER}",
    "signs that are no tags": "< " * 300_000 + f"<p>{ANSWER}",
    "templates in templates": "<template>" * 50_000 + "</template>" * 50_000 + ANSWER,
    "noscript without an end": "<noscript " * MANY + "></noscript>" + ANSWER,
    "comments in comments": "<!--" * 200_000 + "-->" + ANSWER,
    "many bases": "<base href='a/b/'>" * MANY + f"<a href=x>{ANSWER}</a>",
    "an attribute twice and twice again": "<p " + "title=x " * MANY + f">{ANSWER}",
    "a style of a million characters": f"<p style='{'display:none ' * 80_000}'>{ANSWER}",
    "an alternative text of a million characters": "<img alt='" + "dog " * 250_000 + f"'><p>{ANSWER}",
    "JSON of a hundred thousand brackets": f"<script type='application/ld+json'>{'[' * MANY}</script>{ANSWER}",
    "a number of a hundred thousand digits": f"<script type='application/ld+json'>{'9' * MANY}</script>{ANSWER}",
    "controls and their panels": "".join(f"<a data-target=#p{n}></a><p id=p{n} hidden></p>" for n in range(20_000))
    + ANSWER,
}


@pytest.mark.parametrize("name", PRUNED)
def test_the_answer_is_found(name: str) -> None:
    """The block that answers fits the budget, so it is kept."""
    assert "answer" in pruned(PRUNED[name], "where is the answer", links=True).content


@pytest.mark.parametrize("form", ["markdown", "text"])
@pytest.mark.parametrize("name", ["empty cells", "a text of twenty thousand images", "all kinds of tags"])
def test_the_answer_is_found_in_other_formats(name: str, form: str) -> None:
    """The other writers are as patient."""
    assert "answer" in pruned(PRUNED[name], "where is the answer", format=form).content


def test_long_base_is_not_repeated_in_each_link() -> None:
    """A page can't make each of its links a megabyte long by its `base`."""
    page = f"<base href='https://x.example/{'y' * 1_000_000}/'>" + "<a href=z>link</a> " * 1_000
    assert len(clean(page, links=True)) < 100_000


def test_first_base_counts() -> None:
    """Only the first base that has an address is one."""
    page = "<base target=x><base href='https://a.example/'><base href='https://b.example/'><a href=c>link</a>"
    assert 'href="https://a.example/c"' in clean(page, links=True)


@pytest.mark.parametrize("kept", [" ", "\n", "\t", " \n"])
@pytest.mark.parametrize("where", ["{}word", "word{}", "a{}word", "{}a{}word"])
def test_a_million_blanks_in_code(kept: str, where: str) -> None:
    """In preformatted text blank lines go at the start and all white space at the end, the rest stays, however long."""
    content = clean("<pre>" + where.replace("{}", kept * 300_000) + "</pre>")
    assert where.replace("{}", " ").split() == words_of(content)
    indents = where.startswith("{}") and "\n" not in kept
    assert ("a{}" in where or indents) == (len(content) > 300_000)


def test_million_letters_of_line_are_kept() -> None:
    """Code with lines of a million characters stays line by line."""
    lines = ["x " * 250_000 + "end", "y " * 250_000 + "end"]
    assert "\n".join(lines) in clean_page(Page("<pre>" + "\n".join(lines) + "</pre>")).content


@pytest.mark.parametrize("size", range(8))
def test_pieces_are_the_same_however_their_nodes_are_found(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking up the elements of a piece gives those that going through all of its text's gives."""
    parts = ["word ", "<a href=/x>link text</a> ", "<sup>x</sup>", "<s>a <a href=b>b</a> <sub>c</sub></s>", "&amp;<br>"]
    parts += ['<img alt="some dog">', "<del>" + "w " * 30 + "</del>"]
    page = Page("<p>" + "".join(random.Random(size).choices(parts, k=150)), url="https://e.example/")
    written = []
    for many in (10**9, 2):
        monkeypatch.setattr(nodes, "_MANY", many)
        tree = BlockTree.from_pages([page], max_words=size + 1, links=True)
        pieces = tree.cut(size + 1).tolist()
        written.append(
            [[writer.piece(block) for block in pieces] for writer in (HtmlWriter(tree), MarkdownWriter(tree))]
        )
    assert written[0] == written[1]
