"""The retriever in LlamaIndex, over a real socket."""

import asyncio

import pytest
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.retrievers import BaseRetriever, QueryFusionRetriever
from llama_index.core.schema import MetadataMode

from secateurs import Refused, Unreachable
from secateurs.llamaindex import SecateursRetriever
from tests.compat.conftest import QUESTION
from tests.compat.found import PAGES, TOKENS, Found, assert_is_of_the_site
from tests.compat.llamaindex_llm import SaysIt


@pytest.fixture
def retriever(address: str) -> SecateursRetriever:
    """A retriever of three pages."""
    return SecateursRetriever(address, max_results=PAGES, max_tokens=TOKENS)


def test_nodes(retriever: SecateursRetriever) -> None:
    """What was kept of each page, and where it is from; all within the budget."""
    nodes = retriever.retrieve(QUESTION)

    assert isinstance(retriever, BaseRetriever)
    assert_is_of_the_site([Found(node.text, node.metadata, node.score) for node in nodes])


def test_on_an_event_loop(retriever: SecateursRetriever) -> None:
    """The same."""
    nodes = asyncio.run(retriever.aretrieve(QUESTION))
    assert [node.text for node in retriever.retrieve(QUESTION)] == [node.text for node in nodes]


def test_a_prompt_shows_the_source_and_no_figures(retriever: SecateursRetriever) -> None:
    """Those are for the program."""
    shown = retriever.retrieve(QUESTION)[0].node.get_content(MetadataMode.LLM)
    head = shown.split("\n\n")[0].splitlines()
    assert ["source", "title"] == sorted(line.partition(":")[0] for line in head)


def test_options(address: str) -> None:
    """Any field of the service's."""
    text = SecateursRetriever(address, options={"format": "text", "max_results": 1}).retrieve(QUESTION)
    assert (1, False) == (len(text), "<p" in text[0].text)


def test_in_other_parts(retriever: SecateursRetriever) -> None:
    """A query engine that cites, and a fusion with another retriever."""
    cited = CitationQueryEngine.from_args(None, llm=SaysIt(), retriever=retriever).query(QUESTION)
    fused = QueryFusionRetriever([retriever, retriever], llm=SaysIt(), num_queries=1, use_async=False)

    assert "budget" in str(cited)
    assert cited.source_nodes[0].node.get_content().startswith("Source 1:")
    assert {node.text for node in retriever.retrieve(QUESTION)} >= {node.text for node in fused.retrieve(QUESTION)}


def test_a_service_that_fails_is_no_empty_list(address: str) -> None:
    """It is an error."""
    with pytest.raises(Unreachable, match="can't be reached"):
        SecateursRetriever("http://127.0.0.1:1").retrieve(QUESTION)
    with pytest.raises(Refused, match="#/max_results"):
        SecateursRetriever(address, max_results=0).retrieve(QUESTION)
    with pytest.raises(ValueError, match="http://"):
        SecateursRetriever("localhost")
