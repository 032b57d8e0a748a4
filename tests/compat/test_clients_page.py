"""The examples of docs/clients.md, each run as it stands there, with a language model that says what it was told."""

import re

import pytest
from haystack import component
from haystack.dataclasses import ChatMessage
from langchain_core.messages import AIMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import RunnableLambda

from tests.compat.llamaindex_llm import SaysIt
from tests.needs import ROOT

PAGE = (ROOT / "docs/clients.md").read_text()
EXAMPLES = dict(re.findall(r"^## ([^\n]+)\n\n```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))


@component
class SaysItToo:
    """A chat generator whose reply is its prompt."""

    @component.output_types(replies=list[ChatMessage])
    def run(self, messages: list[ChatMessage]) -> dict[str, list[ChatMessage]]:
        """The prompt."""
        return {"replies": [ChatMessage.from_assistant(messages[-1].text)]}


def say(prompt: PromptValue) -> AIMessage:
    """The prompt."""
    return AIMessage(prompt.to_string())


LLMS = {
    "The client": lambda: None,
    "LangChain": lambda: RunnableLambda(say),
    "LlamaIndex": SaysIt,
    "Haystack": SaysItToo,
}


@pytest.mark.parametrize("title", LLMS)
def test_an_example_runs(
    title: str, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints what the service found, through the model where there is one."""
    monkeypatch.setenv("SECATEURS_URL", address)
    exec(compile(EXAMPLES[title], f"docs/clients.md: {title}", "exec"), {"llm": LLMS[title]()})

    printed = capsys.readouterr().out
    assert "https://secateurs.example/concepts/token-budget.html" in printed
    assert "<p>" in printed


def test_every_example_is_run() -> None:
    """And none stands there under no title."""
    assert LLMS.keys() == EXAMPLES.keys()
    assert PAGE.count("```python") == len(EXAMPLES)
