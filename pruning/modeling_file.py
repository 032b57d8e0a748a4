"""The prompt that stands in a checkpoint's own `modeling_*.py`, read by parsing the file, never by running it.

The released HTML-Pruner models write it as

    template = "…{input_html}…{question}…"
    return template.format(input_html="\\n".join(htmls), question=query)

inside the method that scores a page. Read are expressions of strings that have two places to fill, one for the HTML and
one for the question, told apart by the names that fill them (see source_strings.py). What else a file does is not
looked at.
"""

import ast
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from pruning.errors import ModelError, reason
from pruning.prompt import Prompt
from pruning.source_strings import Parts, Place, read_format, read_strings

_HTML = re.compile(r"html|page|document|\bdocs?\b", re.IGNORECASE)
_QUESTION = re.compile(r"question|query", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """What a modeling file tells.

    Attributes:
        prompt: the one that it has; None where it has none.
        in_chat: whether the file puts words into the model's chat template.
        scores_html: whether the file is one of those that score a page, which should have a prompt.
    """

    prompt: Prompt | None
    in_chat: bool
    scores_html: bool


def read_modeling_file(source: str, name: str) -> Found:
    """Look for the prompt in a modeling file.

    Args:
        source: Python.
        name: of the file, for messages.

    Raises:
        ModelError: it is no Python, or has several prompts.
    """
    try:
        module = ast.parse(source)
        templates = _filled(module) or _unfilled(module)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ModelError(f"{name} is no Python that can be read: {reason(error)}") from error
    names = {str(getattr(node, "attr", None) or getattr(node, "name", None)) for node in ast.walk(module)}
    if len(templates) > 1:
        raise ModelError(
            f"{name} has {len(templates)} prompts, and nothing tells which is the one: {_begin(templates)}"
        )
    return Found(
        prompt=Prompt(templates[0]) if templates else None,
        in_chat="apply_chat_template" in names,
        scores_html=any(re.search(r"html_?tree", found, re.IGNORECASE) for found in names),
    )


def _filled(module: ast.Module) -> list[str]:
    """The prompts that the file fills: expressions that are no part of another prompt."""
    found = {
        template
        for parts, users in read_strings(module)
        if (template := _template(parts)) and not any(map(_template, users))
    }
    return sorted(found)


def _unfilled(module: ast.Module) -> list[str]:
    """The strings that would be prompts, were they formatted: the file may do so far from them."""
    texts = {node.value for node in ast.walk(module) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return sorted(filter(None, (_template(read_format(text, {}) or []) for text in texts)))


def _begin(templates: Iterable[str]) -> str:
    return ", ".join(repr(textwrap.shorten(template, 40)) for template in templates)


def _template(parts: Parts) -> str | None:
    """The parts as a prompt's template; None where it would not be one."""
    written = []
    for part in parts:
        if isinstance(part, str):
            written.append(part)
            continue
        is_html, is_question = bool(_HTML.search(part.names)), bool(_QUESTION.search(part.names))
        if is_html == is_question:
            return None
        written.append("{html}" if is_html else "{question}")
    template = "".join(written)
    places = [part for part in parts if isinstance(part, Place)]
    return template if len(places) == 2 and template.count("{html}") == template.count("{question}") == 1 else None
