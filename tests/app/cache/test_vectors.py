"""Passages that were embedded before: not asked for again, and never another model's."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cache import Cache, CachedEmbedder
from app.cache.vectors import PROBE
from app.models.embeddings import EmbeddingOptions, EmbeddingServer
from app.models.in_process import InProcess
from pruning.embedding import Windows, cut, word_starts
from pruning.errors import ModelError
from pruning.local.sentence_transformer import default_embedder
from pruning.observe import Event
from tests.app.cache.stores import DictStore
from tests.app.models.word_server import WordServer, embed

QUESTION = "how often is a hedge pruned"
PASSAGES = ["a hedge is pruned twice", "the museum opens at nine", "a hedge is pruned twice", " "]


class Words:
    """A model whose vectors count words; it writes down what it is asked."""

    name = "words"

    def __init__(self, vector: Callable[[str], list[float]] = embed) -> None:
        self.asked: list[str] = []
        self.broken = False
        self._vector = vector

    async def identity(self, *, deadline: float | None = None) -> str:
        return "words"

    async def windows(self, passages: Sequence[str]) -> Windows:
        return cut(passages, 3, word_starts)

    async def embed_question(self, question: str, *, deadline: float | None = None) -> np.ndarray:
        return (await self._embed([question]))[0]

    async def embed_passages(self, texts: Sequence[str], *, deadline: float | None = None) -> np.ndarray:
        self.asked += texts
        return await self._embed(texts)

    async def _embed(self, texts: Sequence[str]) -> np.ndarray:
        if self.broken:
            raise ModelError("the model is broken")
        vectors = np.array([self._vector(text) for text in texts], np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(lengths > 0, lengths, 1)

    async def load(self) -> None: ...

    async def aclose(self) -> None: ...


def ask(model: Words, store: DictStore, *questions: str, passages: Sequence[str] = PASSAGES) -> list[np.ndarray]:
    """The scores for each question, from an embedder of its own."""

    async def inside() -> list[np.ndarray]:
        embedder = CachedEmbedder(model, Cache(store, 1_000_000))
        return [await embedder.similarities(question, passages) for question in questions]

    return asyncio.run(inside())


def backwards(text: str) -> list[float]:
    """The vectors of a model that was trained otherwise, with as many numbers."""
    return embed(text)[::-1]


def shorter(text: str) -> list[float]:
    """The vectors of a model that has fewer numbers."""
    return embed(text)[:32] or [0.0]


def test_a_passage_is_embedded_once() -> None:
    """Later questions about the same passages ask the model for nothing but the question; nor does a restart."""
    model, store = Words(), DictStore()

    first = ask(model, store, QUESTION, "museum")
    assert [PROBE] == model.asked[:1]
    assert len(set(model.asked)) == len(model.asked)
    model.asked.clear()
    again = ask(model, store, QUESTION, "museum")

    assert [PROBE] == model.asked
    assert [scores.tobytes() for scores in first] == [scores.tobytes() for scores in again]


def test_what_is_new_is_embedded() -> None:
    """Of a page that changed, only the blocks that changed."""
    model, store = Words(), DictStore()
    ask(model, store, QUESTION)
    model.asked.clear()
    ask(model, store, QUESTION, passages=[*PASSAGES, "new words"])
    assert [PROBE, "new words"] == model.asked


def test_scores_are_those_of_the_model() -> None:
    """The best window's cosine, and 0 for what has no words."""
    (scores,) = ask(Words(), DictStore(), "hedge pruned", passages=["hedge pruned now and the museum", "museum", " "])
    assert [2 / 6**0.5, 0.0, 0.0] == pytest.approx(scores.tolist(), abs=1e-6)
    assert np.float32 == scores.dtype


@given(
    passages=st.lists(st.text(alphabet="ab \n東"), max_size=6), known=st.lists(st.text(alphabet="ab \n東"), max_size=4)
)
def test_a_warm_cache_gives_what_a_cold_one_gives(passages: list[str], known: list[str]) -> None:
    """To the last bit, whatever of it was known before."""
    store = DictStore()
    (cold,) = ask(Words(), DictStore(), QUESTION, passages=passages)
    ask(Words(), store, QUESTION, passages=known)
    (warm,) = ask(Words(), store, QUESTION, passages=passages)
    assert cold.tobytes() == warm.tobytes()


@pytest.mark.parametrize("other", [backwards, shorter])
def test_another_model_under_the_same_name(other: Callable[[str], list[float]]) -> None:
    """Its probe is another one, so nothing of the old model is used; and the old one's return finds its vectors."""
    old, new, store = Words(), Words(other), DictStore()
    (first,) = ask(old, store, QUESTION)

    (scores,) = ask(new, store, QUESTION)

    (expected,) = ask(Words(other), DictStore(), QUESTION)
    assert expected.tobytes() == scores.tobytes()
    old.asked.clear()
    (again,) = ask(old, store, QUESTION)
    assert [PROBE] == old.asked
    assert first.tobytes() == again.tobytes()


def test_a_model_that_is_replaced_while_it_is_down() -> None:
    """After a failure the model is probed again."""

    async def inside() -> None:
        model, store = Words(), DictStore()
        embedder = CachedEmbedder(model, Cache(store, 1_000_000))
        await embedder.similarities(QUESTION, PASSAGES)
        model.broken = True
        with pytest.raises(ModelError, match="broken"):
            await embedder.similarities(QUESTION, PASSAGES)
        model.broken, model._vector = False, backwards
        scores = await embedder.similarities(QUESTION, PASSAGES)
        (expected,) = await asyncio.to_thread(ask, Words(backwards), DictStore(), QUESTION)
        assert expected.tobytes() == scores.tobytes()

    asyncio.run(inside())


def test_a_vector_of_another_length_is_not_used() -> None:
    """Were one ever found, it would be embedded again."""
    model, store = Words(), DictStore()

    async def spoil() -> None:
        cache = Cache(store, 1_000_000)
        await cache.set({key: b"1234" for key in store.values if key.startswith("vector:")})

    (first,) = ask(model, store, QUESTION)
    asyncio.run(spoil())
    (again,) = ask(model, store, QUESTION)
    assert first.tobytes() == again.tobytes()


def test_a_broken_store_costs_no_answer() -> None:
    """Everything is embedded, as without a cache."""
    store = DictStore()
    (expected,) = ask(Words(), store, QUESTION)
    store.broken = True
    (scores,) = ask(Words(), store, QUESTION)
    assert expected.tobytes() == scores.tobytes()


def test_the_observer_hears_of_hits() -> None:
    """Windows that were known, and those that were not; one that stands there twice counts twice."""
    heard: list[Event] = []

    async def inside() -> None:
        embedder = CachedEmbedder(Words(), Cache(DictStore(), 1_000_000), heard.append)
        for passages in (["a", "b"], ["a", "c", "a"]):
            await embedder.similarities(QUESTION, passages)

    asyncio.run(inside())
    assert [{"hits": 0, "misses": 2}, {"hits": 2, "misses": 1}] == [event.counts for event in heard]
    assert {("embed", "cache")} == {(event.stage, event.kind) for event in heard}


def test_a_server_behind_the_cache() -> None:
    """The vectors of a real server are the same from the cache, and each text is sent once, with its prefix."""
    server = WordServer()

    async def inside(url: str) -> None:
        options = EmbeddingOptions(passage_prefix="passage: ", query_prefix="query: ")
        plain = EmbeddingServer(url, options=options)
        embedder = CachedEmbedder(EmbeddingServer(url, options=options), Cache(DictStore(), 1_000_000))
        await embedder.load()
        expected = await plain.similarities(QUESTION, PASSAGES)
        server.bodies.clear()
        for _ in range(2):
            assert expected == pytest.approx(await embedder.similarities(QUESTION, PASSAGES), abs=1e-6)
        assert "words-64" == embedder.name
        for open_one in (plain, embedder):
            await open_one.aclose()

    with server.url() as url:
        asyncio.run(inside(url))
    sent = [f"query: {QUESTION}"] * 2 + [f"passage: {text}" for text in (PROBE, *PASSAGES[:2])]
    assert sorted(sent) == sorted(server.texts)


def test_blank_passages_alone() -> None:
    """A server is not asked about them; they score 0."""
    server = WordServer()

    async def inside(url: str) -> None:
        embedder = CachedEmbedder(EmbeddingServer(url), Cache(DictStore(), 1_000_000))
        assert [0.0, 0.0] == (await embedder.similarities(QUESTION, [" ", ""])).tolist()
        assert (0,) == (await embedder.similarities(QUESTION, [])).shape
        await embedder.aclose()

    with server.url() as url:
        asyncio.run(inside(url))


def test_the_model_in_process_behind_the_cache() -> None:
    """Cold as without a cache, to the last bit, and warm as cold; long passages too."""
    passages = [*PASSAGES[:2], " ".join(f"{number} hedges are pruned" for number in range(300))]

    async def inside() -> None:
        embedder = CachedEmbedder(InProcess(default_embedder(), 60.0), Cache(DictStore(), 1_000_000))
        expected = default_embedder().similarities(QUESTION, passages)
        for _ in range(2):
            assert expected.tobytes() == (await embedder.similarities(QUESTION, passages)).tobytes()
        await embedder.aclose()

    asyncio.run(inside())
