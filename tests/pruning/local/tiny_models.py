"""Small causal language models with random weights, of every family that is supported, and checkpoints of them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import tokenizers
import torch
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

BOS, TURN, END = "<s>", "<|user|>", "<|eot_id|>"
# One that a page can spell as it is: the others begin with what is escaped in HTML.
INST = "[INST]"
# As Qwen3 lists some of its own: added to the vocabulary, but not as special.
THINK = "<think>"
CHAT = "{{ bos_token }}{% for m in messages %}<|user|>{{ m.content }}<|eot_id|>{% endfor %}"

_TEXT = [
    "<html0><body><div0><p1>The hedge is pruned twice a year, in June and in September.</p1></div0></body></html0>",
    "<text0><ul><li0><h1><h2><table><tr0><td0> Which element of the pages answers the question best? </s> eot_id user",
]
_SIZE = {
    "vocab_size": 512,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "initializer_range": 0.5,  # large, so that different contexts give very different probabilities
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 0,
}

# Where the Phi-3 models go over from short to long factors, and the widths of sliding windows.
BORDER = 48
WINDOW = 20
SHORT, LONG = [1.0, 1.1, 1.2, 1.3], [1.0, 1.7, 2.4, 3.1]


def _longrope(short: list[float]) -> dict[str, Any]:
    return {
        "rope_type": "longrope",
        "rope_theta": 10_000.0,
        "factor": 16.0,
        "short_factor": short,
        "long_factor": LONG,
        "original_max_position_embeddings": BORDER,
    }


def _phi3(short: list[float], **options: Any) -> Phi3Config:
    return Phi3Config(**_SIZE, original_max_position_embeddings=BORDER, rope_parameters=_longrope(short), **options)


@cache
def configs() -> dict[str, Any]:
    """A configuration for each family, and each kind of attention and positions in it."""
    return {
        "llama": LlamaConfig(**_SIZE),
        "mistral": MistralConfig(**_SIZE, sliding_window=WINDOW),
        "qwen2": Qwen2Config(**_SIZE, use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1),
        "qwen3": Qwen3Config(**_SIZE, head_dim=16),
        "phi3": _phi3(SHORT),
        "phi3-window": _phi3(SHORT, sliding_window=WINDOW),
    }


@cache
def model(name: str) -> Any:
    """The model of a configuration, in float32, always the same."""
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(configs()[name], attn_implementation="sdpa", dtype=torch.float32).eval()


@cache
def always_long(name: str) -> Any:
    """The same model with LongRoPE's long factors at every length, where it has such; the plainest attention."""
    config = configs()[name]
    if name.startswith("phi3"):
        config = _phi3(LONG, sliding_window=config.sliding_window)
    twin = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
    twin.load_state_dict(model(name).state_dict())
    return twin


@cache
def tokenizer() -> tokenizers.Tokenizer:
    """A byte-level BPE with control tokens, which begins each text with one."""
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=_SIZE["vocab_size"] - 1,
        special_tokens=[BOS, TURN, END, INST],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(_TEXT, trainer)
    bpe.add_tokens([tokenizers.AddedToken(THINK, special=False, normalized=False)])
    bpe.post_processor = tokenizers.processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, 0)])
    return bpe


def save(folder: Path, name: str = "llama", *, chat: str | None = CHAT) -> Path:
    """A checkpoint: the weights, the configuration and the tokenizer of a model, as one downloads them."""
    model(name).save_pretrained(folder)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer(), bos_token=BOS, eos_token=END)
    fast.chat_template = chat
    fast.save_pretrained(folder)
    assert json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    return folder
