"""The component in Haystack, over a real socket."""

import asyncio

import pytest
from haystack import Pipeline
from haystack.components.retrievers import MultiRetriever
from haystack.utils import Secret

from secateurs import Refused, Unreachable
from secateurs.haystack import SecateursRetriever
from tests.compat.conftest import QUESTION
from tests.compat.found import PAGES, TOKENS, Found, assert_is_of_the_site

KEY = "sk-very-secret"


@pytest.fixture
def retriever(address: str) -> SecateursRetriever:
    """A retriever of three pages."""
    return SecateursRetriever(address, max_results=PAGES, max_tokens=TOKENS)


def test_documents(retriever: SecateursRetriever) -> None:
    """What was kept of each page, and where it is from; all within the budget."""
    output = retriever.run(QUESTION)
    documents = output["documents"]

    assert {"documents", "degraded"} == output.keys()
    assert_is_of_the_site([Found(one.content, one.meta, one.score) for one in documents])
    assert output == asyncio.run(retriever.run_async(QUESTION))


def test_fields(address: str) -> None:
    """Of the component, and of one question."""
    retriever = SecateursRetriever(address, options={"format": "text"})
    (document,) = retriever.run(QUESTION, top_k=1)["documents"]
    assert "<p" not in document.content
    with pytest.raises(ValueError, match="can't be filtered by metadata"):
        retriever.run(QUESTION, filters={"field": "meta.x", "operator": "==", "value": 1})


def pipeline_of(retriever: SecateursRetriever) -> Pipeline:
    """The retriever alone."""
    pipeline = Pipeline()
    pipeline.add_component("search", retriever)
    return pipeline


@pytest.mark.filterwarnings("ignore:'MultiRetriever' is an experimental component")
def test_in_a_pipeline(retriever: SecateursRetriever) -> None:
    """Run by either way; as one of several text retrievers, too."""
    expected = {"search": retriever.run(QUESTION)}
    pipeline = pipeline_of(retriever)

    assert expected == pipeline.run({"search": {"query": QUESTION}})
    assert expected == asyncio.run(pipeline.run_async({"search": {"query": QUESTION}}))
    several = MultiRetriever(retrievers={"web": retriever, "same": retriever})
    found = several.run(query=QUESTION)["documents"]
    assert {document.id for document in expected["search"]["documents"]} == {document.id for document in found}


def test_written_and_loaded(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As YAML, with the name of its key's variable and not the key."""
    monkeypatch.setenv("SECATEURS_API_KEY", KEY)
    written = pipeline_of(SecateursRetriever(address, max_results=2, options={"links": True}, timeout=9.5)).dumps()
    loaded = Pipeline.loads(written, allowed_modules=["secateurs.haystack"])

    assert KEY not in written
    assert "SECATEURS_API_KEY" in written
    assert written == loaded.dumps()
    assert 2 == len(loaded.run({"search": {"query": QUESTION}})["search"]["documents"])


def test_a_key_given_as_text_is_not_written(address: str) -> None:
    """It is used, and that is all."""
    retriever = SecateursRetriever(address, api_key=Secret.from_token(KEY))
    assert retriever.run(QUESTION)["documents"]
    with pytest.raises(ValueError, match="Cannot serialize token-based secret"):
        pipeline_of(retriever).dumps()


def test_a_service_that_fails_is_no_empty_list(address: str) -> None:
    """It is an error."""
    with pytest.raises(Unreachable, match="can't be reached"):
        SecateursRetriever("http://127.0.0.1:1").run(QUESTION)
    with pytest.raises(Refused, match="#/max_results"):
        SecateursRetriever(address).run(QUESTION, top_k=0)
    with pytest.raises(ValueError, match="http://"):
        SecateursRetriever("localhost")
