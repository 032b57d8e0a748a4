"""What must lie on our side to ask a served model: its tokenizer and its prompt, from a folder or from the hub."""

import re
from pathlib import Path

from pruning.checkpoint import prompt_of
from pruning.errors import ModelError, SecateursError, reason
from pruning.model_tokenizer import ModelTokenizer
from pruning.prompt import Prompt

# What is fetched of a repository on the hub: all that says how text becomes tokens, and no weights.
_TOKENIZER_FILES = ("tokenizer*.json", "special_tokens_map.json", "chat_template*", "secateurs_prompt.json")

# An owner and a name.
REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w.-]+")


def read_checkpoint(wanted: str) -> tuple[ModelTokenizer, Prompt]:
    """The tokenizer and the prompt of a checkpoint, by its path or its name on the hub. Raises ModelError."""
    path = Path(wanted)
    try:
        if not path.exists():
            path = _fetched(wanted)
        return ModelTokenizer.load(path), prompt_of(path if path.is_dir() else path.parent)
    except SecateursError as error:
        raise ModelError(str(error)) from error


def _fetched(name: str) -> Path:
    """The tokenizer's files of a repository on the Hugging Face hub, or in its cache. Raises ModelError."""
    advice = "name the folder of the served model's tokenizer.json"
    if not REPOSITORY.fullmatch(name):  # a path on the server's machine, perhaps
        raise ModelError(f"there is no {name} here: {advice}")
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, allow_patterns=list(_TOKENIZER_FILES)))
    except Exception as error:  # each way to fetch files has its own
        raise ModelError(f"the tokenizer of {name} can't be fetched: {reason(error)}; {advice}") from error
