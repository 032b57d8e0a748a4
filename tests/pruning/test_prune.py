"""The whole method: pages and a question in, pruned text within the budget out, and an account of what was done."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruning import (
    BlockTree,
    Event,
    InvalidInput,
    Limits,
    ModelError,
    Options,
    Page,
    PageTooLarge,
    Pruned,
    Scored,
    Similarities,
    TokenCounter,
    clean,
    prune,
    prune_steps,
)
from pruning.lexical import bm25
from pruning.ranking import Candidates
from tests.pruning import corpus, oracle
from tests.pruning.strategies import ANY_PAGES, QUESTIONS
from tests.pruning.tokenizing import Count, tekken

SEVERAL = st.lists(ANY_PAGES, max_size=3)
FORMATS = st.sampled_from(["html", "markdown", "text"])
SIZES = st.sampled_from([1, 3, 10, 256])
BUDGETS = st.integers(0, 400)

GARDEN = """<title>Hedges</title><nav><ul><li>Home<li>About</ul></nav><main><h1>Garden</h1><h2>Hedges</h2>
<p>Prune a beech hedge in August.<p>Yew grows slowly.<h2>Roses</h2><p>Roses are pruned in March.</main>"""
POND = "<title>Ponds</title><h1>Ponds</h1><p>Fish need deep water in August.<p>Frogs come by themselves.</p>"


class Hashing:
    """An embedder that gives each passage a score of its own: the question has no say in it."""

    name = "hashing"

    def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """From 0 to 1, by the passage's hash."""
        digests = (hashlib.sha256((question + passage).encode("utf-8", "replace")).digest() for passage in passages)
        return np.array([digest[0] / 255 for digest in digests], np.float32)


class ByWords:
    """An embedder that knows words only."""

    name = "by words"

    def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """BM25, from 0 to 1."""
        scores = bm25(question, passages)
        return scores / (1 + scores.max(initial=0))


class Broken:
    """An embedder that gives no scores, or none that can be used."""

    name = "broken"

    def __init__(self, answer: np.ndarray | Exception) -> None:
        self._answer = answer

    def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """Fails, in its own way."""
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def pages_of(htmls: Sequence[str]) -> list[Page]:
    """Pages with addresses and titles."""
    return [Page(html, url=f"https://x.example/{number}", title=f"Page {number}") for number, html in enumerate(htmls)]


@given(htmls=SEVERAL, question=QUESTIONS, form=FORMATS, budget=BUDGETS, size=SIZES, links=st.booleans())
def test_the_result_keeps_to_the_budget(
    tokenizer: tuple[TokenCounter, Count],
    htmls: list[str],
    question: str,
    form: str,
    budget: int,
    size: int,
    links: bool,
) -> None:
    """For every page, question, budget, tokenizer and format, recounted by another counter."""
    counter, count = tokenizer
    options = Options(max_words=size, format=form, links=links, trace=True)  # type: ignore[arg-type]
    result = prune(pages_of(htmls), question, max_tokens=budget, embedder=Hashing(), counter=counter, options=options)

    assert result.tokens == count(result.content) <= budget
    assert counter.name == result.tokenizer
    check_account(result, htmls, Hashing.name)


@pytest.mark.parametrize("form", ["html", "markdown", "text"])
@pytest.mark.parametrize("path", corpus.FEW)
def test_results_of_real_pages_keep_to_the_budget(path: Path, form: str) -> None:
    """The same on pages that nobody of this project wrote, two of them at once."""
    pages = [Page(corpus.read(path), url="https://x.example/"), Page(GARDEN)]
    for budget in (0, 50, 300, 2000):
        options = Options(max_words=100, format=form, citations=True)  # type: ignore[arg-type]
        result = prune(pages, "when to prune a hedge?", max_tokens=budget, embedder=ByWords(), options=options)

        assert result.tokens == tekken()(result.content) <= budget
        assert [tekken()(source.content) for source in result.sources] == [source.tokens for source in result.sources]


def check_account(result: Pruned, htmls: list[str], model: str) -> None:
    """Sources, steps and trace agree with each other and with what was kept."""
    assert result.trace is not None
    (step,) = result.steps
    fates = [block.fate for block in result.trace]

    assert [1 + number for number in range(len(htmls))] == [source.id for source in result.sources]
    assert "embed" == step.name
    assert step.blocks_in <= len(fates)
    assert step.blocks_out == sum(fate != "dropped" for fate in fates)
    assert step.tokens_out == result.tokens
    assert step.model == (model if fates else "none")
    assert () == result.degraded
    for source in result.sources:
        mine = [block for block in result.trace if block.source == source.id]
        assert source.score == (max(block.score for block in mine) if mine else None)
        assert bool(source.content) == any(block.fate != "dropped" for block in mine)


@given(htmls=SEVERAL, question=QUESTIONS, budget=BUDGETS, size=SIZES)
def test_the_sources_are_the_parts_of_the_result(htmls: list[str], question: str, budget: int, size: int) -> None:
    """Each page's own document says what its section says, and its tokens are its own."""
    result = prune(pages_of(htmls), question, max_tokens=budget, embedder=Hashing(), options=Options(max_words=size))
    joined = {
        attributes["data-source"]: inner
        for tag, pairs, inner in oracle.tree_of(oracle.parsed_as_html5(result.html))
        if (attributes := dict(pairs)) and tag == "section"
    }

    for source in result.sources:
        alone = oracle.tree_of(oracle.parsed_as_html5(source.content))
        assert joined.get(str(source.id), ()) == alone
        assert source.tokens == tekken()(source.content)
    assert len(joined) == sum(bool(source.content) for source in result.sources)


@given(htmls=SEVERAL, question=QUESTIONS, size=SIZES)
def test_a_large_budget_keeps_everything(htmls: list[str], question: str, size: int) -> None:
    """Each page's own result then says what cleaning leaves of it."""
    result = prune(pages_of(htmls), question, max_tokens=10**6, embedder=Hashing(), options=Options(max_words=size))

    for html, source in zip(htmls, result.sources, strict=True):
        assert oracle.written_letters(clean(html)) == oracle.written_letters(source.content)


@given(htmls=SEVERAL, question=QUESTIONS, budget=BUDGETS, size=SIZES, sieve=st.sampled_from([None, 0, 1, 3]))
def test_two_runs_give_the_same(htmls: list[str], question: str, budget: int, size: int, sieve: int | None) -> None:
    """Nothing depends on chance, nor on what was asked before."""
    options = Options(max_words=size, max_tokens=budget, sieve=sieve, trace=True, citations=True)
    first, second = (prune(pages_of(htmls), question, embedder=Hashing(), options=options) for _ in range(2))

    assert (first.content, first.sources, first.trace) == (second.content, second.sources, second.trace)


@pytest.mark.parametrize(
    "answer",
    [
        ModelError("the server is down"),
        ImportError("pip install secateurs[local]"),
        np.array([np.nan] * 8, np.float32),
        np.array([1.0] * 3, np.float32),
        np.zeros((8, 2), np.float32),
    ],
    ids=["down", "not installed", "not a number", "too few", "wrong shape"],
)
def test_a_failing_embedder_degrades_to_bm25(answer: np.ndarray | Exception) -> None:
    """The answer is BM25's, and says so."""
    seen: list[Event] = []
    options = Options(max_words=6, trace=True)
    result = prune(
        [GARDEN], "beech hedge", max_tokens=34, embedder=Broken(answer), options=options, observer=seen.append
    )

    assert '<!DOCTYPE html>\n<section data-source="1" title="Hedges">\n<p>Prune a beech' in result.content
    assert "bm25" == result.steps[0].model
    assert ["started", "degraded", "finished"] == [event.kind for event in seen if event.stage == "embed"]
    (why,) = result.degraded
    assert why.startswith("embed: ")
    assert why.endswith("; ranked by BM25 instead")
    assert 1 == len(why.splitlines())
    assert result.trace
    tree = BlockTree.from_pages([Page(GARDEN)], 6)
    by_words = np.exp(Candidates.of(tree, tree.cut(6), "beech hedge").by_words())
    assert by_words.tolist() == [block.score for block in result.trace]


def test_errors_of_our_own_making_are_raised() -> None:
    """An embedder's bug is no reason to degrade."""
    with pytest.raises(KeyError):
        prune([GARDEN], "hedge", embedder=Broken(KeyError("a bug")))


@pytest.mark.parametrize("pages", [[], [""], ["", "<script>x</script>"], [b""]])
@pytest.mark.parametrize("form", ["html", "markdown", "text"])
def test_pages_without_text_give_an_empty_result(pages: list[str | bytes], form: str) -> None:
    """No model is asked, nothing is kept, each page is a source."""
    options = Options(format=form, trace=True)  # type: ignore[arg-type]
    result = prune(pages, "hedge", embedder=Broken(KeyError("never asked")), options=options)

    assert ("", 0, ()) == (result.content, result.tokens, result.trace)
    assert [("", 0, None)] * len(pages) == [(one.content, one.tokens, one.score) for one in result.sources]
    assert {0} == set(result.steps[0].counts().values())


@pytest.mark.parametrize("question", ["", " ", "\n\t\u3000"])
def test_an_empty_question_is_an_error(question: str) -> None:
    """There is nothing to rank by."""
    with pytest.raises(InvalidInput, match="the question is empty"):
        prune([GARDEN], question, embedder=Hashing())


@pytest.mark.parametrize(
    "wrong", [{"max_tokens": -1}, {"max_words": 0}, {"fine_words": 0}, {"steps": ()}, {"steps": ("generate",)}]
)
def test_options_that_cant_be_served_are_errors(wrong: dict) -> None:
    """They are told when they are made, in one line."""
    with pytest.raises(InvalidInput) as caught:
        Options(**wrong)
    assert 1 == len(str(caught.value).splitlines())


def test_an_unknown_format_is_an_error() -> None:
    """The message names those that there are."""
    with pytest.raises(InvalidInput, match='unknown format \'pdf\': "html", "markdown" or "text"'):
        prune([GARDEN], "hedge", embedder=Hashing(), options=Options(format="pdf"))  # type: ignore[arg-type]


def test_the_result_is_html_only_where_it_was_asked_for() -> None:
    """`html` of a result in Markdown would be a lie."""
    result = prune([GARDEN], "hedge", embedder=Hashing(), options=Options(format="markdown"))

    with pytest.raises(InvalidInput, match="the result was asked for as markdown"):
        result.html  # noqa: B018 - it raises


def test_a_page_over_the_limit_is_an_error() -> None:
    """`prune` says which limit; it doesn't go on without the page."""
    with pytest.raises(PageTooLarge):
        prune([GARDEN], "hedge", embedder=Hashing(), options=Options(limits=Limits(bytes=10)))


def test_the_best_blocks_are_kept_with_their_context() -> None:
    """With the question's words, under their heading, in the order of the page; told block by block."""
    result = prune(
        [GARDEN, POND],
        "prune August",
        max_tokens=72,
        embedder=ByWords(),
        options=Options(max_words=6, rank_by="embedding", trace=True),
    )

    assert (
        '<!DOCTYPE html>\n<section data-source="1" title="Hedges">\n<h1>Garden</h1>\n<h2>Hedges</h2>\n'
        '<p>Prune a beech hedge in August.\n</section>\n<section data-source="2" title="Ponds">\n'
        "<p>Fish need deep water in August.\n</section>\n" == result.content
    )
    assert result.trace
    assert [
        ("1", "ul", "Home About", "dropped"),
        ("1", "h1", "Garden", "context"),
        ("1", "h2", "Hedges", "context"),
        ("1", "p", "Prune a beech hedge in August.", "kept"),
        ("1", "p", "Yew grows slowly.", "dropped"),
    ] == [(block.id[0], block.path.rsplit(">")[-1], block.text, block.fate) for block in result.trace[:5]]
    assert [1, 2] == [source.id for source in result.sources]
    assert ["Hedges", "Ponds"] == [source.title for source in result.sources]


def test_a_split_block_is_traced_with_its_kept_parts() -> None:
    """It is dropped itself; what was kept of it bears its score and its name."""
    result = prune([GARDEN], "beech hedge", max_tokens=26, embedder=ByWords(), options=Options(max_words=6, trace=True))
    assert result.trace

    whole, part = (block for block in result.trace if "beech" in block.text)
    assert ("dropped", "kept") == (whole.fate, part.fate)
    assert whole.score == part.score
    assert part.id.startswith(whole.id + ".")
    assert whole.text.startswith(part.text)
    assert part.text in result.content


def test_the_sieve_asks_the_model_about_the_best_by_words() -> None:
    """As many blocks as it lets through, in reading order; the others rank behind, by their words."""
    asked: list[str] = []

    class Asked(Hashing):
        def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
            asked.extend(passages)
            return np.array([-1, -0.9], np.float32)

    options = Options(max_words=6, rank_by="embedding", sieve=2, trace=True)
    result = prune([GARDEN], "pruned beech March", max_tokens=1000, embedder=Asked(), options=options)

    assert ["Prune a beech hedge in August.", "Roses are pruned in March."] == asked
    assert result.trace
    ranked = sorted(result.trace, key=lambda block: -block.score)
    assert ["Roses are pruned in March.", "Prune a beech hedge in August."] == [block.text for block in ranked[:2]]
    assert all(block.score < -1 for block in ranked[2:])
    assert (2, len(result.trace)) == (result.steps[0].blocks_read, result.steps[0].blocks_in)


def test_the_model_reads_the_most_promising_passages() -> None:
    """Neighbouring blocks with what stands over them, as many as the sieve lets through; the others rank below."""
    asked: list[str] = []

    class Asked(Hashing):
        def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
            asked.extend(passages)
            return super().similarities(question, passages)

    lawn = "<title>Lawn</title><h1>Lawn</h1>" + "".join(f"<p>Mow it {number} times." for number in range(100))
    options = Options(sieve=1, trace=True)
    result = prune([lawn, POND], "deep water for fish", max_tokens=200, embedder=Asked(), options=options)

    assert ["Ponds: Ponds Fish need deep water in August. Frogs come by themselves."] == asked
    assert result.trace
    best = max(result.trace, key=lambda block: block.score)
    assert (2, 1) == (best.source, result.steps[0].blocks_read)
    assert 1 == pytest.approx(sum(block.score for block in result.trace))


def test_words_alone_ask_no_model() -> None:
    """Where only words are asked for, the model has no say and nothing is degraded."""
    result = prune([GARDEN], "hedge", embedder=Broken(KeyError("asked")), options=Options(rank_by="words"))

    assert ("bm25", ()) == (result.steps[0].model, result.degraded)


def test_the_observer_is_told_of_each_step() -> None:
    """Started and finished, with the counts of the result."""
    seen: list[Event] = []
    result = prune([GARDEN], "hedge", max_tokens=50, embedder=Hashing(), observer=seen.append)

    told = [(event.stage, event.kind) for event in seen]
    assert [("embed", "started"), ("fit", "started"), ("fit", "finished"), ("embed", "finished")] == told
    assert result.steps[0].counts() == seen[-1].counts
    assert result.tokens == seen[-1].counts["tokens_out"]


def test_the_method_does_no_io() -> None:
    """As a generator it asks for similarities of passages, and goes on with what it is sent."""
    tree = BlockTree.from_pages([Page(GARDEN)])
    steps = prune_steps(tree, "hedge?", TokenCounter.load(), Options(max_words=6, rank_by="embedding", max_tokens=30))

    need = next(steps)
    assert isinstance(need, Similarities)
    assert ("hedge?", [tree.text(block) for block in tree.cut(6).tolist()]) == (need.question, list(need.passages))
    with pytest.raises(StopIteration) as done:
        steps.send(Scored(np.arange(len(need.passages), dtype=np.float32), "mine"))
    assert "Roses are pruned in March." in done.value.value.content
    assert "mine" == done.value.value.steps[0].model


def test_citations_name_blocks_as_the_trace_does() -> None:
    """The ids in the result are those of the kept blocks."""
    options = Options(max_words=6, citations=True, trace=True)
    result = prune([GARDEN, POND], "August", max_tokens=120, embedder=ByWords(), options=options)
    assert result.trace

    kept = [block.id for block in result.trace if block.fate != "dropped"]
    cited = [
        element.attrib["data-block"]
        for element in oracle.parsed_as_html5(result.html).iter()
        if "data-block" in element.attrib
    ]
    assert 2 < len(kept)
    assert kept == cited


def test_the_default_model_finds_what_is_meant() -> None:
    """all-MiniLM-L6-v2 in this process, Tekken, 4096 tokens: words that the page doesn't say still find the place."""
    pytest.importorskip("sentence_transformers")
    result = prune(
        [GARDEN, POND], "When should I cut back shrubs used as a fence?", options=Options(max_words=8, max_tokens=60)
    )

    assert "Prune a beech hedge in August." in result.content
    assert "Frogs" not in result.content
    assert ("tekken", ()) == (result.tokenizer, result.degraded)
