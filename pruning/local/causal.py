"""The causal language model of this process: any Llama, Qwen2, Qwen3, Phi-3 or Mistral that transformers loads."""

import threading
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pruning.checkpoint import prompt_of
from pruning.errors import ModelError, reason
from pruning.generative import PathLogprobs
from pruning.local.sentence_transformer import extra, quiet
from pruning.local.tree_pass import KINDS, layer_kinds, tree_logits
from pruning.model_tokenizer import ModelTokenizer
from pruning.prompt import Prompt

# Those that are tested. Others may do things that no mask can express, and would be wrong without a word.
FAMILIES = ("llama", "mistral", "phi3", "qwen2", "qwen3")

# What is fetched of a repository: no other formats of the weights, and no code.
_FILES = ("*.json", "*.jinja", "*.safetensors")


class CausalPathModel:
    """A causal language model that scores paths. It is a `PathModel`; threads take turns.

    Nothing is loaded before it is needed: the configuration and the tokenizer when the first prompt is planned, the
    weights at the first answer, or by `load`. No code that lies in a checkpoint's folder is run.
    """

    def __init__(
        self,
        model_name_or_path: str | Path,
        *,
        device: str | None = None,
        dtype: str | None = None,
        prompt: Prompt | None = None,
        context_length: int | None = None,
    ) -> None:
        """Name the model.

        Args:
            model_name_or_path: a folder, or a name on the Hugging Face hub (only in its cache when HF_HUB_OFFLINE is
                set). It needs a tokenizer.json.
            device: "cpu", "cuda" …; None takes the best there is.
            dtype: "float32", "bfloat16" …; None is float32 on a CPU and the checkpoint's own elsewhere.
            prompt: the whole template. None takes the one beside the weights, else our own as the model's chat
                template has a user say it.
            context_length: ids to read at most; None, or more than the model can, is all that it can.
        """
        self._wanted = str(model_name_or_path)
        self._local = Path(model_name_or_path).is_dir()
        self.name = Path(model_name_or_path).resolve().name if self._local else self._wanted
        self._device = device
        self._dtype = dtype
        self._prompt = prompt
        self._context_length = context_length
        self._loading = threading.RLock()
        self._turn = threading.Lock()

    @property
    def context_length(self) -> int:
        """See `PathReader`."""
        with self._loading:
            longest = int(self._config.max_position_embeddings)
        return min(self._context_length or longest, longest)

    @property
    def tokenizer(self) -> ModelTokenizer:
        """See `PathReader`."""
        with self._loading:
            return self._tokenizer

    @property
    def prompt(self) -> Prompt:
        """See `PathReader`."""
        with self._loading:
            return self._template

    def load(self) -> None:
        """Load everything, so that no request waits for that.

        Raises:
            MissingExtra: the extra "local" is not installed.
            ModelError: no such model, its files can't be read or fetched, or it is of a family that is not known.
        """
        with self._loading:
            _ = self._tokenizer, self._template, self._model

    def logprobs(self, need: PathLogprobs, *, deadline: float | None = None) -> list[np.ndarray]:
        """See `PathModel`. The deadline is looked at before each forward pass, and while waiting for a turn."""
        if not self._turn.acquire(timeout=-1 if deadline is None else max(deadline - time.monotonic(), 0)):
            raise self._too_slow(need)
        try:
            self._check_length(need)
            with self._loading:
                model = self._model
            return tree_logits(model, need, self._checks(need, deadline))
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise ModelError(f"the language model {self.name} failed: {reason(error)}") from error
        finally:
            self._turn.release()

    def _check_length(self, need: PathLogprobs) -> None:
        longest = len(need.context) + max(map(len, need.prefixes), default=0)
        if longest > self.context_length:
            raise ModelError(f"{longest} tokens are more than {self.name} reads: {self.context_length}")

    def _checks(self, need: PathLogprobs, deadline: float | None) -> Callable[[], None]:
        def check() -> None:
            if deadline is not None and time.monotonic() > deadline:
                raise self._too_slow(need)

        return check

    def _too_slow(self, need: PathLogprobs) -> ModelError:
        return ModelError(f"the language model {self.name} was too slow: {len(need.context)} tokens to read")

    @cached_property
    def _folder(self) -> Path:
        if self._local:
            return Path(self._wanted)
        hub = extra("huggingface_hub")
        try:
            with quiet():
                return Path(hub.snapshot_download(self._wanted, allow_patterns=_FILES))
        except Exception as error:  # each way to fetch files has its own
            raise self._unloadable(error) from error

    @cached_property
    def _config(self) -> Any:
        config = self._pretrained("AutoConfig")
        if config.model_type not in FAMILIES or not layer_kinds(config)[0] <= KINDS:
            raise ModelError(
                f"{self.name} is a {config.model_type} model, which this process can't read trees with: "
                f"take one of {', '.join(FAMILIES)}, or serve it by vLLM"
            )
        return config

    @cached_property
    def _tokenizer(self) -> ModelTokenizer:
        return ModelTokenizer.load(self._folder)

    @cached_property
    def _template(self) -> Prompt:
        return self._prompt or prompt_of(self._folder)

    @cached_property
    def _model(self) -> Any:
        import torch

        device = torch.device(self._device or ("cuda" if torch.cuda.is_available() else "cpu"))
        dtype = self._dtype or ("float32" if device.type == "cpu" else "auto")
        model = self._pretrained("AutoModelForCausalLM", config=self._config, dtype=dtype, attn_implementation="sdpa")
        return model.to(device).eval()

    def _pretrained(self, kind: str, **options: Any) -> Any:
        loader = getattr(extra("transformers"), kind)
        try:
            with quiet():
                return loader.from_pretrained(self._folder, local_files_only=True, trust_remote_code=False, **options)
        except Exception as error:  # each kind of file has its own
            raise self._unloadable(error) from error

    def _unloadable(self, error: Exception) -> ModelError:
        return ModelError(f"the language model {self._wanted} can't be loaded: {reason(error)}")
