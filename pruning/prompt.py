"""What a causal language model is asked when it picks blocks: a template, and how it becomes token ids.

A template is data, a text with the slots `{html}` and `{question}`. Only the template itself may hold control tokens
(a chat's turns); what fills the slots is encoded by itself, as plain text, and joined as ids: no page and no question
can speak to the model as anything else.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from pruning.errors import InvalidInput, ModelError, reason

# The template that belongs to a checkpoint, in the folder of its weights: `{"template": "..."}`.
PROMPT_FILE = "secateurs_prompt.json"

_SLOT = re.compile(r"(\{html\}|\{question\})")


class PathTokenizer(Protocol):
    """A model's own tokenizer; safe to share between threads. `pruning.model_tokenizer.ModelTokenizer` is one."""

    def encode(self, text: str) -> list[int]:
        """The ids of a page's, a question's or a path's text, none of them a control token; nothing is added."""
        ...

    def encode_template(self, text: str) -> list[int]:
        """The ids of a prompt's own text, in which control tokens are what they spell; nothing is added."""
        ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """A template with the slots `{html}` and `{question}`, each once, in any order; other braces are plain text.

    Raises:
        InvalidInput: a slot is missing, or there twice.
    """

    template: str

    def __post_init__(self) -> None:
        if sorted(_SLOT.findall(self.template)) != ["{html}", "{question}"]:
            raise InvalidInput("a prompt template needs {html} and {question}, each once")

    def ids(self, tokenizer: PathTokenizer, html: str, question: str) -> list[int]:
        """The whole prompt as token ids: what stands before the path."""
        slots = {"{html}": html, "{question}": question}
        return [
            token
            for part in _SLOT.split(self.template)
            for token in (tokenizer.encode(slots[part]) if part in slots else tokenizer.encode_template(part))
        ]

    def in_chat(self, chat: Callable[[str], str]) -> "Prompt":
        """This prompt as a user's turn.

        Args:
            chat: writes the user's words as a model's chat template has them, up to where the model's answer begins.
        """
        return Prompt(chat(self.template))

    def save(self, folder: Path) -> None:
        """Write it beside a checkpoint's weights, where `beside` finds it."""
        written = json.dumps({"template": self.template}, ensure_ascii=False, indent=2) + "\n"
        (folder / PROMPT_FILE).write_text(written, "utf-8")

    @staticmethod
    def beside(folder: Path) -> "Prompt | None":
        """The template that was saved in a checkpoint's folder, if any.

        Raises:
            ModelError: there is one that can't be read.
        """
        path = folder / PROMPT_FILE
        if not path.is_file():
            return None
        try:
            return Prompt(str(json.loads(path.read_text("utf-8"))["template"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path} holds no prompt template: {reason(error)}; import the model again") from error

    @staticmethod
    @cache
    def default() -> "Prompt":
        """Our own, for models that were not trained with another."""
        return Prompt((files("pruning") / "prompts" / "path.txt").read_text("utf-8"))


class PathReader(Protocol):
    """What planning must know about a model, wherever it runs. What can't be known raises ModelError."""

    @property
    def name(self) -> str:
        """As the answer to the user names it."""
        ...

    @property
    def tokenizer(self) -> PathTokenizer:
        """The model's own."""
        ...

    @property
    def prompt(self) -> Prompt:
        """The template that the model was made for, or `Prompt.default()`."""
        ...

    @property
    def context_length(self) -> int:
        """Ids that the model reads at most, prompt and path together; a smaller number reads less."""
        ...
