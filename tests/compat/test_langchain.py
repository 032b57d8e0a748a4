"""The retriever in LangChain, over a real socket."""

import asyncio
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.load import dumps, loads
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import create_retriever_tool
from pydantic import ValidationError

from secateurs import Refused, Unreachable
from secateurs.langchain import SecateursRetriever
from tests.compat.conftest import QUESTION
from tests.compat.found import PAGES, TOKENS, Found, assert_is_of_the_site

KEY = "sk-very-secret"


@pytest.fixture
def retriever(address: str) -> SecateursRetriever:
    """A retriever of three pages."""
    return SecateursRetriever(url=address, max_results=PAGES, max_tokens=TOKENS)


def test_documents(retriever: SecateursRetriever) -> None:
    """What was kept of each page, and where it is from; all within the budget."""
    documents = retriever.invoke(QUESTION)

    assert isinstance(retriever, BaseRetriever)
    assert_is_of_the_site([Found(one.page_content, one.metadata, one.metadata["score"]) for one in documents])


def test_every_way_to_ask(retriever: SecateursRetriever) -> None:
    """Waited for, together or one by one; with fields of one question."""
    documents = retriever.invoke(QUESTION)

    assert documents == asyncio.run(retriever.ainvoke(QUESTION))
    assert [documents, documents] == retriever.batch([QUESTION, QUESTION])
    assert [documents] == list(retriever.stream(QUESTION))
    assert 1 == len(retriever.invoke(QUESTION, max_results=1))
    plain = retriever.model_copy(update={"options": {"format": "text"}}).invoke(QUESTION)
    assert "<p" not in "".join(document.page_content for document in plain)


def test_callbacks(retriever: SecateursRetriever) -> None:
    """As tracers have them: the question, the documents, and errors."""
    seen: list[Any] = []

    class Tracer(BaseCallbackHandler):
        def on_retriever_start(self, serialized: Any, query: str, **kwargs: Any) -> None:
            seen.append(query)

        def on_retriever_end(self, documents: list[Document], **kwargs: Any) -> None:
            seen.append(documents)

        def on_retriever_error(self, error: BaseException, **kwargs: Any) -> None:
            seen.append(type(error))

    documents = retriever.invoke(QUESTION, {"callbacks": [Tracer()]})
    with pytest.raises(Refused):
        retriever.invoke(QUESTION, {"callbacks": [Tracer()]}, max_results=0)
    assert [QUESTION, documents, QUESTION, Refused] == seen


def test_as_a_tool(retriever: SecateursRetriever) -> None:
    """Of an agent."""
    tool = create_retriever_tool(retriever, "search_web", "Searches the web.")
    assert "budget" in tool.invoke({"query": QUESTION})


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
def test_written_and_loaded(retriever: SecateursRetriever, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its key, which comes from the environment again."""
    kept = retriever.model_copy(update={"options": {"links": True}})
    monkeypatch.setenv("SECATEURS_API_KEY", KEY)
    text = dumps(SecateursRetriever(**kept.model_dump(exclude={"api_key"})))
    loaded = loads(text, allowed_objects=[SecateursRetriever], valid_namespaces=["secateurs"], secrets_from_env=True)

    assert KEY not in text
    assert KEY == loaded.api_key.get_secret_value()
    assert kept.model_dump(exclude={"api_key"}) == loaded.model_dump(exclude={"api_key"})
    assert KEY not in repr(loaded)


def test_a_service_that_is_down_is_no_empty_list() -> None:
    """Nor is one whose search engine is."""
    with pytest.raises(Unreachable, match="can't be reached"):
        SecateursRetriever(url="http://127.0.0.1:1").invoke(QUESTION)
    with pytest.raises(Unreachable, match="can't be reached"):
        asyncio.run(SecateursRetriever(url="http://127.0.0.1:1").ainvoke(QUESTION))


@pytest.mark.parametrize("wrong", [{"max_result": 3}, {"url": "localhost"}, {"timeout": 0.0}])
def test_wrong_parameters(wrong: dict[str, Any]) -> None:
    """They are told when the retriever is made."""
    with pytest.raises(ValidationError):
        SecateursRetriever(**wrong)
