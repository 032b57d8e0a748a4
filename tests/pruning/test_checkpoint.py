"""What a checkpoint's folder says about how its model is asked: beside transformers, which reads the same files."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from pruning.checkpoint import as_asked, as_text, as_turn, chat_template, prompt_of
from pruning.errors import ModelError, TokenizerError
from pruning.prompt import Prompt
from tests.pruning.local import tiny_models

OURS = Prompt("Pages: {html} Asked: {question}")
# With what such templates do: defaults, blocks on lines of their own, trimmed words, loops that are left.
TURNS = """{%- if not date is defined %}
    {%- set date = strftime_now("%d %b %Y") if strftime_now is defined else "26 Jul 2024" %}
{%- endif %}
{{- bos_token }}
{%- for message in messages %}
    {%- if message['role'] not in ['user', 'assistant'] %}
        {{- raise_exception('unknown role') }}
    {%- endif %}
    {{- '<|user|>' + date + ' ' + message['content'] | trim + eos_token }}
    {%- break %}
{%- endfor %}
{%- if tools %}{{ tools | tojson }}{% endif %}
{%- if add_generation_prompt %}
<|user|>assistant
{% endif %}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a tokenizer, and no more."""
    tiny_models.tokenizer().save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def configure(folder: Path, **values: Any) -> None:
    """Write these values, beside the control tokens, as a tokenizer's configuration."""
    tokens = {"bos_token": tiny_models.BOS, "eos_token": {"__type": "AddedToken", "content": tiny_models.END}}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens | values))


@pytest.mark.parametrize("template", [tiny_models.CHAT, TURNS.replace("strftime_now", "no_such_function")])
def test_a_turn_is_what_transformers_makes_of_it(folder: Path, template: str) -> None:
    """Character by character."""
    configure(folder, chat_template=template)
    theirs = PreTrainedTokenizerFast.from_pretrained(folder)
    turns = [{"role": "user", "content": OURS.template}]

    assert (
        theirs.apply_chat_template(turns, tokenize=False, add_generation_prompt=True) == as_turn(OURS, folder).template
    )


def test_a_prompt_is_the_same_every_day(folder: Path) -> None:
    """Templates that would say the date take the one that they have for want of a clock."""
    configure(folder, chat_template=TURNS)
    assert "<s><|user|>26 Jul 2024 Pages: {html} Asked: {question}<|eot_id|><|user|>assistant\n" == (
        as_turn(OURS, folder).template
    )


def test_where_a_chat_template_is_found(folder: Path) -> None:
    """In a file of its own, in the configuration, or there under the name "default" among others."""
    assert None is chat_template(folder)
    configure(folder, chat_template=[{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}])
    assert "D" == chat_template(folder)
    configure(folder, chat_template="C")
    assert "C" == chat_template(folder)
    (folder / "chat_template.jinja").write_text("F")
    assert "F" == chat_template(folder)


def test_without_a_chat_the_prompt_stands_behind_what_a_text_begins_with(folder: Path) -> None:
    """Models expect their first token there, and were trained with it."""
    configure(folder)
    assert "<s>Pages: {html} Asked: {question}" == as_text(OURS, folder).template
    assert as_text(OURS, folder) == as_asked(OURS, folder)


def test_some_texts_begin_with_nothing(folder: Path) -> None:
    """Not every tokenizer adds a token."""
    file = json.loads((folder / "tokenizer.json").read_text()) | {"post_processor": None}
    (folder / "tokenizer.json").write_text(json.dumps(file))

    assert OURS == as_asked(OURS, folder)


def test_the_prompt_of_a_folder(folder: Path) -> None:
    """What was saved there, as it is; else our own, as the model wants to be asked."""
    configure(folder, chat_template=tiny_models.CHAT)
    assert as_turn(Prompt(Prompt.default().template.strip()), folder) == prompt_of(folder)
    OURS.save(folder)
    assert OURS == prompt_of(folder)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for", "can't be used"),
        ("{{ nothing.of.this }}", "can't be used"),
        ("{{ raise_exception('only for tools') }}", "can't be used: only for tools"),
        ("{{ messages[7].content }}", "can't be used"),
        ("{{ messages.append(1) }}", "can't be used"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "can't be used"),
        ("Hello!", "{html}"),
    ],
)
def test_a_template_that_can_not_be_used_is_an_error(folder: Path, template: str, said: str) -> None:
    """In one line; a template can't reach out of its sandbox."""
    configure(folder, chat_template=template)
    with pytest.raises((ModelError, ValueError)) as caught:
        as_turn(OURS, folder)
    assert said in str(caught.value)
    assert 1 == len(str(caught.value).splitlines())


@pytest.mark.parametrize("content", ["{", "[]", b"\xff"])
def test_a_configuration_that_can_not_be_read_is_an_error(folder: Path, content: str | bytes) -> None:
    """It names the file."""
    (folder / "tokenizer_config.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ModelError, match=r"tokenizer_config\.json"):
        prompt_of(folder)


def test_a_turn_needs_a_chat_template(folder: Path) -> None:
    """Where the prompt is known to be said in a chat."""
    with pytest.raises(ModelError, match="has no chat template"):
        as_turn(OURS, folder)


def test_a_folder_without_a_tokenizer_is_an_error(tmp_path: Path) -> None:
    """It says so."""
    with pytest.raises(TokenizerError, match=r"tokenizer\.json"):
        prompt_of(tmp_path)
