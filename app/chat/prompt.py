"""What the chat model is told along with the conversation: the pages, fenced as data, and how to use them."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pruning.errors import InvalidInput, reason

_SYSTEM_ROLES = ("system", "developer")


@cache
def template(name: str) -> str:
    """One of the prompts beside this module."""
    return (files("app.chat") / "prompts" / f"{name}.txt").read_text("utf-8").strip()


def instructions(path: Path | None) -> str:
    """What the chat model is told: the text of that file, or our own. Raises InvalidInput."""
    try:
        return template("answer") if path is None else path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"SECATEURS_CHAT_PROMPT: it can't be read: {reason(error)}") from error


def with_pages(messages: Sequence[Mapping[str, Any]], html: str, instructions: str) -> list[dict[str, Any]]:
    """The conversation with instructions in its system message, and the pages before the user's last words.

    What a client has put into its own system message stays in front: models take one only, and only as the first.
    """
    told = instructions.replace("{date}", datetime.now(UTC).date().isoformat())
    out = [dict(message) for message in messages]
    if out and out[0].get("role") in _SYSTEM_ROLES:
        out[0]["content"] = _after(out[0].get("content"), told)
    else:
        out.insert(0, {"role": "system", "content": told})
    last = max((at for at, message in enumerate(out) if message.get("role") == "user"), default=None)
    if html and last is not None:
        out[last]["content"] = _before(out[last].get("content"), fenced(html))
    return out


def fenced(html: str) -> str:
    """Pages within an element that nobody who wrote one of them could have closed.

    The core writes no element of such a name, and `<` in a text as `&lt;`; the number is not to be guessed besides.
    It is drawn for each request, and stands behind all earlier messages, whose place in a server's cache stays.
    """
    name = f"pages-{secrets.token_hex(8)}"
    return f"<{name}>\n{html.strip()}\n</{name}>"


def _before(content: Any, text: str) -> Any:
    if isinstance(content, list):
        return [{"type": "text", "text": text}, *content]
    return f"{text}\n\n{content or ''}"


def _after(content: Any, text: str) -> Any:
    if isinstance(content, list):
        return [*content, {"type": "text", "text": text}]
    return f"{content}\n\n{text}" if content else text
