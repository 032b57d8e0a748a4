"""`secateurs model import`: a released checkpoint, made usable without running a line of its code."""

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from pruning.checkpoint import as_text, as_turn, read_json, read_text
from pruning.errors import InvalidInput, ModelError
from pruning.model_tokenizer import ModelTokenizer
from pruning.modeling_file import read_modeling_file
from pruning.prompt import PROMPT_FILE, Prompt

# The classes that vLLM and transformers bring along, by the `model_type` of a configuration.
_CLASSES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
_PORT = 8001  # beside our own


def import_checkpoint(arguments: argparse.Namespace) -> None:
    """Save the prompt and print vLLM's command; what was done stands on stderr.

    Raises ModelError, TokenizerError, InvalidInput, OSError.
    """
    folder = arguments.folder.resolve()
    if not folder.is_dir():
        raise InvalidInput(f"{arguments.folder} is no folder")
    config = read_json(folder / "config.json")
    if not config:
        raise ModelError(f"{folder} holds no checkpoint: it has no config.json")
    ModelTokenizer.load(folder)
    command = vllm_command(folder, config, arguments.context)
    _tell(_import_prompt(folder))
    sys.stdout.write(f"{command}\n")
    sys.stdout.flush()
    url = f"http://127.0.0.1:{_PORT}"
    _tell(f"then: SECATEURS_PATH_MODEL={url} SECATEURS_PATH_MODEL_TOKENIZER={shlex.quote(str(folder))} secateurs serve")


def vllm_command(folder: Path, config: dict[str, Any], context: int) -> str:
    """The command that serves the checkpoint.

    Args:
        folder: of the checkpoint.
        config: what stands in its config.json.
        context: tokens to read at most: vLLM sets aside memory for as many.

    Raises:
        ModelError: the configuration is of a kind that is not known.
        InvalidInput: a context that can't be.
    """
    if context < 1:
        raise InvalidInput(f"--context must be 1 or more, not {context}")
    own = config.get("max_position_embeddings")
    longest = min(context, own) if isinstance(own, int) else context
    words = ["vllm", "serve", str(folder), "--served-model-name", folder.name, "--port", str(_PORT)]
    # Without it vLLM takes all that the model can read, or stops models with LongRoPE at their original length.
    words += ["--max-model-len", str(longest), "--enable-prefix-caching"]
    named = config.get("architectures") or []
    native = _CLASSES.get(str(config.get("model_type")))
    if len(named) != 1 or not str(named[0]).endswith("ForCausalLM"):
        if native is None:
            raise ModelError(
                f"{folder}/config.json names {named or 'no class'} for a {config.get('model_type')} model; "
                f"known are {', '.join(_CLASSES)}"
            )
        words += ["--hf-overrides", json.dumps({"architectures": [native]})]
    return shlex.join(words)


def _import_prompt(folder: Path) -> str:
    """Write the prompt that a modeling file in the folder has, and say what was done."""
    read = {path.name: read_modeling_file(read_text(path), path.name) for path in sorted(folder.glob("modeling_*.py"))}
    having = {name: found for name, found in read.items() if found.prompt}
    prompts = {found.prompt for found in having.values()}
    if len(prompts) > 1:
        raise ModelError(f"{folder} has several prompts, in {', '.join(having)}: keep one of these files")
    for name, found in having.items():
        assert found.prompt is not None
        (as_turn if found.in_chat else as_text)(found.prompt, folder).save(folder)
        return f"the prompt of {name} is written to {folder / PROMPT_FILE}"
    for name, found in read.items():
        if found.scores_html:
            raise ModelError(
                f"{name} scores HTML, but no prompt was found in it: write it into {folder / PROMPT_FILE}, "
                'as {"template": "… {html} … {question} …"}'
            )
    return (
        f"the prompt is that of {folder / PROMPT_FILE}"
        if Prompt.beside(folder)
        else "it has no prompt of its own, and will be asked by ours"
    )


def _tell(what: str) -> None:
    sys.stderr.write(f"secateurs: {what}\n")
