"""What a conversation asks for: nothing to be searched for, or a query that stands by itself."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.chat.prompt import template
from app.search.expansion import Ask, lines_of, within_scope
from pruning.errors import ModelError
from pruning.tokens import without_surrogates

# A message in OpenAI's format; `content` is text, or a list of parts of which some are text.
Message = Mapping[str, Any]

# A question longer than this is a text with a question in it, which search engines can't use.
_LONG = 400
_MOST_CHARACTERS = 4_000
# What the model is shown to write a query: so many messages, so many characters of each.
_MESSAGES = 8
_SHOWN_CHARACTERS = 2_000

# Chatbots ask the same model for titles, tags, follow-up questions and search queries. Open WebUI's templates begin
# with a heading and carry the conversation, or what it has found itself, in elements.
_TASK_HEADING = "### Task:"
_TASK_MARKS = ("### Chat History:", "<chat_history>", "<context>", "### Messages Being Compacted:")
_HISTORY = re.compile(r"<chat_history>.*</chat_history>", re.DOTALL)  # also in prompts that an operator has rewritten
_TASK_OPENINGS = (
    "Your task is to reflect the speaker's likely facial expression",  # Open WebUI's emoji
    "You have been provided with a set of responses from various models",  # its merging of answers
    "Provide a concise, 5-word-or-less title",  # LibreChat's title, and the same as a structured answer
    "Analyze this conversation and provide:\n1. The detected language",
)
_TOOLS_OPENING = "Available Tools:"  # Open WebUI's choice of a tool, in the system message


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for, and what it had to do without."""

    text: str
    degraded: tuple[str, ...] = ()


def text_of(message: Message) -> str:
    """The text of a message; images and files have none.

    >>> text_of({"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "image_url"}]})
    'What is'
    """
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "\n".join(text for text in texts if isinstance(text, str))


def is_task(messages: Sequence[Message]) -> bool:
    """Whether a chatbot asks for itself, about a conversation that stands in its message: nothing is to be found."""
    if any(message.get("role") == "system" and text_of(message).startswith(_TOOLS_OPENING) for message in messages):
        return True
    asked = _user_texts(messages)
    if not asked:
        return False
    text = asked[-1].lstrip()
    if len(asked) == 1 and (text.startswith(_TASK_OPENINGS) or _HISTORY.search(text)):
        return True
    return text.startswith(_TASK_HEADING) and any(mark in text for mark in _TASK_MARKS)


async def query_of(messages: Sequence[Message], ask: Ask, deadline: float) -> Query | None:
    """What to search for; None where the user has said nothing.

    The model is asked where the last message needs those before it, or is too long for a search engine. A query of its
    own making is taken only if it is about what the conversation is about.
    """
    asked = [text for text in map(_line, _user_texts(messages)) if text]
    if not asked:
        return None
    if len(asked) == 1 and len(asked[0]) <= _LONG:
        return Query(asked[0])
    try:
        answer = lines_of(await ask(_prompt(messages), deadline))
    except ModelError as error:
        return Query(_joined(asked), (f"{error}; searched for the last messages as they are",))
    said = " ".join(map(text_of, messages))
    if len(answer) == 1 and within_scope(answer[0], said):
        return Query(answer[0])
    return Query(_joined(asked), ("the chat model wrote none; searched for the last messages as they are",))


def _user_texts(messages: Sequence[Message]) -> list[str]:
    return [text_of(message) for message in messages if message.get("role") == "user"]


def _line(text: str) -> str:
    return " ".join(without_surrogates(text).replace("\0", " ").split())


def _joined(asked: Sequence[str]) -> str:
    """The last message and the one before it."""
    return " ".join(asked[-2:])[-_MOST_CHARACTERS:].strip()


def _prompt(messages: Sequence[Message]) -> list[dict[str, str]]:
    shown = [message for message in messages if message.get("role") in ("user", "assistant")][-_MESSAGES:]
    texts = ((message["role"], _clipped(_line(text_of(message)))) for message in shown)
    # An angle bracket could end the mark around them.
    told = "\n".join(f"{role}: {re.sub('<', '‹', text)}" for role, text in texts if text)
    return [
        {"role": "system", "content": template("query")},
        {"role": "user", "content": f"<conversation>\n{told}\n</conversation>"},
    ]


def _clipped(text: str) -> str:
    """The beginning and the end: a question stands in one of them."""
    half = _SHOWN_CHARACTERS // 2
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:half]} … {text[-half:]}"
