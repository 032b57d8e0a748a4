"""Reading tokenizers: Tekken out of mistral-common, tiktoken's encodings, Hugging Face's tokenizer.json."""

import base64
import importlib.util
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pruning.errors import MissingExtra, TokenizerError, UnknownTokenizer, reason

if TYPE_CHECKING:
    import tiktoken
    import tokenizers

_TEKKEN_ENTRY = re.compile(rb'"rank":\s*(\d+),\s*"token_bytes":\s*"([^"]*)"')
_SPELLED_GAPS = dict.fromkeys(range(0x100, 0x121), " ")


def tekken() -> "tiktoken.Encoding":
    """The newest Tekken inside mistral-common, read without importing that package: 0.3 s in all."""
    package = importlib.util.find_spec("mistral_common")
    if package is None or not package.submodule_search_locations:
        raise MissingExtra("the tokenizer tekken comes with mistral-common: pip install mistral-common")
    folder = Path(package.submodule_search_locations[0]) / "data"
    for path in sorted(folder.glob("tekken_*.json"), reverse=True):
        with library_errors(path.name):
            return _read_tekken(path.read_bytes())
    raise TokenizerError(f"no tekken_*.json in {folder}: install another version of mistral-common")


def _read_tekken(data: bytes) -> "tiktoken.Encoding":
    """Reads the config as JSON and the vocabulary by a pattern: 0.06 s instead of 0.45 s."""
    import tiktoken

    opening = data[: data.index(b'"vocab"')].decode()
    config, _ = json.JSONDecoder().raw_decode(opening, opening.index("{", opening.index('"config"')))
    size = config["default_vocab_size"] - config["default_num_special_tokens"]
    entries = ((int(rank), base64.b64decode(token)) for rank, token in _TEKKEN_ENTRY.findall(data))
    ranks = {token: rank for rank, token in entries if rank < size}
    if len(ranks) != size:
        raise ValueError(f"{len(ranks)} tokens where {size} are announced")
    return tiktoken.Encoding("tekken", pat_str=config["pattern"], mergeable_ranks=ranks, special_tokens={})


def tiktoken_encoding(encoding: str) -> "tiktoken.Encoding":
    """An encoding by name; tiktoken fetches its file once, into TIKTOKEN_CACHE_DIR where that is set."""
    import tiktoken

    known = tiktoken.list_encoding_names()
    if encoding not in known:
        raise UnknownTokenizer(f"tiktoken knows no encoding {encoding!r}, but {', '.join(known)}")
    with library_errors(f"tiktoken:{encoding}", "offline, put its file into TIKTOKEN_CACHE_DIR"):
        return tiktoken.get_encoding(encoding)


def hugging_face(path: Path) -> "tokenizers.Tokenizer":
    try:
        import tokenizers
    except ImportError as error:
        raise MissingExtra(f"{path.name} is read by tokenizers: pip install tokenizers") from error
    try:
        with library_errors(str(path)):
            return tokenizers.Tokenizer.from_file(str(path))
    except TokenizerError as error:
        raise UnknownTokenizer(str(error)) from error


@contextmanager
def library_errors(name: str, advice: str = "name another tokenizer") -> Iterator[None]:
    """Turns whatever a tokenizer library raises into one line.

    A panic of their Rust code arrives as a BaseException that is no Exception: it would end a server's task.
    """
    try:
        yield
    except TokenizerError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise TokenizerError(f"the tokenizer {name} failed: {reason(error)}; {advice}") from error


def byte_vocabulary(file: dict[str, Any]) -> list[bytes] | None:
    """The tokens of a byte-level BPE, as bytes, of which only the length and the gaps (bytes up to 32) are right.

    None for every kind that may shrink or drop text: by a normalizer, a splitter that removes, an added
    token that swallows the spaces around it, a byte without a token.
    """
    vocabulary = file["model"]["vocab"]
    steps = _steps(file["pre_tokenizer"])
    added = [token for token in file["added_tokens"] if not token["special"]]
    lossless = (
        file["model"]["type"] == "BPE"
        and file["normalizer"] is None
        and any(step["type"] == "ByteLevel" for step in steps)
        and all(step["type"] == "ByteLevel" or step.get("behavior", "Removed") != "Removed" for step in steps)
        and not any(token["lstrip"] or token["rstrip"] for token in added)
        and sum(len(token) == 1 for token in vocabulary) >= 256
    )
    if not lossless:
        return None
    # Such a vocabulary spells each byte as one character, the bytes up to 32 as U+0100 to U+0120.
    spelled = [token.translate(_SPELLED_GAPS).encode("ascii", "replace") for token in vocabulary]
    return spelled + [token["content"].encode() for token in added]


def _steps(pre_tokenizer: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A pre-tokenizer as the list of its steps."""
    if pre_tokenizer is None:
        return []
    if pre_tokenizer["type"] == "Sequence":
        return [step for child in pre_tokenizer["pretokenizers"] for step in _steps(child)]
    return [pre_tokenizer]
