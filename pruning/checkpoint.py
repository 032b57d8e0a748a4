"""What a checkpoint's folder says about how its model wants to be asked: its own prompt, or ours as a turn of its chat.

A chat template is a Jinja template from the checkpoint. It runs in a sandbox, and sees one user's turn, the control
tokens' names, and no date: a prompt that changed with the day could be neither cached nor repeated.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from pruning.errors import MissingExtra, ModelError, reason
from pruning.prompt import Prompt
from pruning.tokenizer_files import hugging_face

_CONFIG = "tokenizer_config.json"


def prompt_of(folder: Path) -> Prompt:
    """The prompt of a model: what was saved beside its weights, or our own, as `as_asked` has it.

    Args:
        folder: with the model's tokenizer.json, and what lies beside it.

    Raises:
        ModelError: a file can't be read or used.
        TokenizerError: the same of tokenizer.json.
    """
    return Prompt.beside(folder) or as_asked(Prompt.default(), folder)


def as_asked(prompt: Prompt, folder: Path) -> Prompt:
    """A prompt as the model wants to be asked: in its chat, where it has a chat template, else as text.

    Raises:
        ModelError: a file can't be read or used.
        TokenizerError: the same of tokenizer.json.
    """
    if chat_template(folder) is None:
        return as_text(prompt, folder)
    return as_turn(Prompt(prompt.template.strip()), folder)  # the turn's end marks the end, not a line break


def as_turn(prompt: Prompt, folder: Path) -> Prompt:
    """A prompt as a user's turn of the model's chat. Raises ModelError, also where it has no chat template."""
    template = chat_template(folder)
    if template is None:
        raise ModelError(f"{folder} has no chat template, neither chat_template.jinja nor in {_CONFIG}")
    return prompt.in_chat(lambda words: _render(template, words, folder))


def as_text(prompt: Prompt, folder: Path) -> Prompt:
    """A prompt behind whatever the tokenizer begins every text with. Raises ModelError, TokenizerError."""
    return Prompt(_beginning(folder) + prompt.template)


def chat_template(folder: Path) -> str | None:
    """The chat template of the checkpoint in the folder; None where it has none.

    Raises:
        ModelError: a file can't be read.
    """
    own = folder / "chat_template.jinja"
    if own.is_file():
        return read_text(own)
    found = read_json(folder / _CONFIG).get("chat_template")
    if isinstance(found, list):  # several by name
        named = {entry["name"]: entry["template"] for entry in found}
        found = named.get("default")
    return found


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is no such file. Raises ModelError."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(read_text(path))
    except ValueError as error:
        raise ModelError(f"{path} is no JSON: {reason(error)}") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path} holds no JSON object")
    return found


def read_text(path: Path) -> str:
    """The text of a file. Raises ModelError."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} can't be read: {reason(error)}") from error


def _render(template: str, words: str, folder: Path) -> str:
    """The user's words as the chat template has them, up to where the answer begins."""
    try:
        from jinja2 import TemplateError
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError as error:
        raise MissingExtra("a chat template needs jinja2: pip install jinja2") from error

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    turns = [{"role": "user", "content": words}]
    try:
        return environment.from_string(template).render(
            messages=turns, add_generation_prompt=True, enable_thinking=False, **_control_tokens(folder)
        )
    except (TemplateError, TypeError, ValueError, LookupError) as error:
        raise ModelError(f"the chat template in {folder} can't be used: {reason(error)}") from error


def _to_json(value: Any, indent: int | None = None) -> str:
    """As chat templates expect it: without the escapes for HTML that Jinja's own filter makes."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)


def _control_tokens(folder: Path) -> dict[str, str]:
    """`bos_token` and the like, by their names."""
    config = read_json(folder / "special_tokens_map.json") | read_json(folder / _CONFIG)
    return {name: spelled for name, value in config.items() if name.endswith("_token") and (spelled := _spelled(value))}


def _spelled(token: Any) -> str | None:
    """A token is written as its text, or as an object with more about it."""
    content = token.get("content") if isinstance(token, Mapping) else token
    return content if isinstance(content, str) else None


def _beginning(folder: Path) -> str:
    """The control tokens that the tokenizer puts in front of a text, as they are spelled; mostly one, or none."""
    tokenizer = hugging_face(folder / "tokenizer.json")
    ids = tokenizer.encode("", add_special_tokens=True).ids
    text = tokenizer.encode("a", add_special_tokens=True)
    first = text.special_tokens_mask.index(0) if 0 in text.special_tokens_mask else len(ids)
    return "".join(text.tokens[:first])
