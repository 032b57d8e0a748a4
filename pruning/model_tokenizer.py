"""A language model's own tokenizer, from its tokenizer.json, that keeps control tokens out of what others wrote."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pruning.elements import actions
from pruning.tokenizer_files import library_errors
from pruning.tokens import without_surrogates

if TYPE_CHECKING:
    import tokenizers


class ModelTokenizer:
    """Encodes text for a model; safe to share between threads. It is a `PathTokenizer`.

    Tokenizer files know control tokens as "special" (`<s>`, `<|eot_id|>`), but list others (`<think>`, `<tool_call>`)
    among the added tokens that are not. Here every added token is a control token, except white space, HTML tags and
    single characters, which some models have as tokens of their own. Where a text spells one, it comes in pieces.
    """

    def __init__(self, file: str, *, name: str = "tokenizer.json") -> None:
        """Read a tokenizer.

        Args:
            file: the text of a tokenizer.json.
            name: what errors call it.

        Raises:
            TokenizerError: it can't be read.
        """
        self._name = name
        with library_errors(name):
            wanted = json.loads(file)
            self._template = _reader(wanted)
            controls = [token for token in wanted["added_tokens"] if _is_control(token)]
            for token in controls:
                token["special"] = True
            self._plain = _reader(wanted)
            self._plain.encode_special_tokens = True  # that is: as plain text
            unknown = wanted["model"].get("unk_token")
            self._controls = frozenset(token["id"] for token in controls if token["content"] != unknown)

    @classmethod
    def load(cls, path: Path) -> "ModelTokenizer":
        """Read the tokenizer.json at the path, or in the folder.

        Raises:
            TokenizerError: there is none, or it can't be read.
        """
        path = path / "tokenizer.json" if path.is_dir() else path
        with library_errors(str(path)):
            file = path.read_text("utf-8")
        return cls(file, name=str(path))

    def encode(self, text: str) -> list[int]:
        """See `PathTokenizer`."""
        with library_errors(self._name):
            return self._encode(without_surrogates(text))

    def encode_template(self, text: str) -> list[int]:
        """See `PathTokenizer`."""
        with library_errors(self._name):
            return list(self._template.encode(without_surrogates(text), add_special_tokens=False).ids)

    def _encode(self, text: str) -> list[int]:
        """A vocabulary may hold control tokens among its words: where it finds one in a text, the text is cut."""
        found: list[int] = []
        waiting = [text]
        while waiting:
            text = waiting.pop()
            encoding = self._plain.encode(text, add_special_tokens=False)
            ids = encoding.ids
            if self._controls.isdisjoint(ids):
                found += ids
                continue
            spans = zip(ids, encoding.offsets, strict=True)
            parts = list(_cut(text, [span for token, span in spans if token in self._controls]))
            if len(parts) > 1:
                waiting += reversed(parts)
            else:  # a single character that is a control token
                found += (token for token in ids if token not in self._controls)
        return found


def _cut(text: str, spans: list[tuple[int, int]]) -> Iterator[str]:
    """Cut each span of the text behind its first character, or out of the text if it has no more."""
    borders = {border for start, end in spans for border in ((start + 1,) if end - start > 1 else (start, end))}
    begin = 0
    for border in [*sorted(borders - {0}), len(text)]:
        if begin < border:
            yield text[begin:border]
            begin = border


def _reader(file: dict[str, Any]) -> "tokenizers.Tokenizer":
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(json.dumps(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


_HTML = frozenset(actions(links=True))


def _is_control(token: dict[str, Any]) -> bool:
    content = token["content"]
    name = content.strip("</>").lower()
    is_tag = content in (f"<{name}>", f"</{name}>") and name in _HTML
    is_space = not content.strip("▁ \t\n\r")
    return bool(token["special"]) or not (is_tag or is_space or len(content) == 1)
