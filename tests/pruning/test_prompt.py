"""Prompt templates: slots, files, and what becomes control tokens."""

import re
from pathlib import Path

import pytest

from pruning.errors import InvalidInput, ModelError
from pruning.prompt import PROMPT_FILE, Prompt


class Spelling:
    """A tokenizer with an id for each character; those of a template are negative."""

    def encode(self, text: str) -> list[int]:
        """As the protocol says."""
        return [ord(character) for character in text]

    def encode_template(self, text: str) -> list[int]:
        """As the protocol says."""
        return [-ord(character) for character in text]


def test_slots_are_filled_as_plain_text() -> None:
    """What fills a slot is encoded by itself, whatever it holds; other braces of a template are its own."""
    ids = Prompt('{"a": "{question}"}{html}!').ids(Spelling(), "<p>{question}</p>", "{html}%s{}")

    assert '{"a": "' + '"}' + "!" == "".join(chr(-token) for token in ids if token < 0)
    assert "{html}%s{}" + "<p>{question}</p>" == "".join(chr(token) for token in ids if token > 0)
    assert '{"a": "{html}%s{}"}<p>{question}</p>!' == "".join(chr(abs(token)) for token in ids)


@pytest.mark.parametrize(
    "template", ["", "{html}", "{question}", "{html}{html}{question}", "{question}{html}{question}"]
)
def test_each_slot_is_there_once(template: str) -> None:
    """A template that would leave something out, or write a page twice, is refused."""
    with pytest.raises(InvalidInput, match="each once"):
        Prompt(template)


def test_our_own_prompt() -> None:
    """It is data of the package, and shows paths of the numbered HTML, not of one page only: models copy examples."""
    paths = re.findall(r"(?:<\w+>){2,}", Prompt.default().template)

    assert ["<html0><body><div2><p>", "<html1><body><table><tr3>"] == paths


def test_slots_of_our_own_prompt_stand_on_lines_of_their_own() -> None:
    """Most tokenizers take a word's space along with the word: behind a lone space it would be read as a rare token."""
    template = Prompt.default().template

    assert ["\n\n{html}\n", "\n{question}\n"] == re.findall(r"\s+\{\w+\}\s", template)


def test_as_a_turn_of_a_chat() -> None:
    """A chat template is applied to the template, before anything of others is in it."""
    prompt = Prompt("{html} {question}").in_chat(lambda words: f"<|user|>{words}<|end|>")

    assert Prompt("<|user|>{html} {question}<|end|>") == prompt


def test_a_chat_template_that_drops_words_is_refused() -> None:
    """A chat template that leaves the question out would be silently useless."""
    with pytest.raises(InvalidInput, match="each once"):
        Prompt.default().in_chat(lambda words: words[:100])


def test_beside_the_weights(tmp_path: Path) -> None:
    """What is saved in a folder is found there, to the character."""
    prompt = Prompt("ü {question}\n\t'\"\\ 漢 {html}\n")

    assert None is Prompt.beside(tmp_path)
    prompt.save(tmp_path)

    assert prompt == Prompt.beside(tmp_path)


@pytest.mark.parametrize("written", ["", "[]", "{}", '{"template": 1}', '{"template": "{html}"}', '{"template"'])
def test_a_file_that_holds_no_prompt(tmp_path: Path, written: str) -> None:
    """A broken file is told, and not replaced by another prompt."""
    (tmp_path / PROMPT_FILE).write_text(written)

    with pytest.raises(ModelError, match="holds no prompt template"):
        Prompt.beside(tmp_path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are told the same way."""
    (tmp_path / PROMPT_FILE).write_bytes(b"\xff\xfe{")

    with pytest.raises(ModelError, match="holds no prompt template"):
        Prompt.beside(tmp_path)
