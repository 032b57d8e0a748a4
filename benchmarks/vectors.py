"""The embedding model of all systems, each text embedded once ever: its vectors are kept in a file."""

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pruning.local.sentence_transformer import SentenceTransformerEmbedder

_LONGEST = 4000  # characters; far more than the model reads of one window


class KeptVectors:
    """An `Embedder` for this project, and by call what the peers expect: texts -> unit vectors."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._model = SentenceTransformerEmbedder()
        self.name = self._model.name
        self._store = sqlite3.connect(path)
        self._store.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (len(texts), dimensions)."""
        short = [" ".join(text.split())[:_LONGEST] for text in texts]
        keys = [hashlib.sha1(text.encode("utf-8", "replace"), usedforsecurity=False).digest() for text in short]
        known = {key: vector for key in set(keys) if (vector := self._known(key)) is not None}
        missing = {key: text for key, text in zip(keys, short, strict=True) if key not in known}
        if missing:
            vectors = self._model.embed_passages(list(missing.values())).astype(np.float16)
            known |= zip(missing, vectors, strict=True)
            rows = [(key, known[key].tobytes()) for key in missing]
            with self._store:
                self._store.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
        return np.stack([known[key] for key in keys]).astype(np.float32)

    def similarities(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """As `Embedder` says."""
        windows = self._model.windows(passages)
        return windows.best(self(windows.texts) @ self([question])[0]) if passages else np.zeros(0, np.float32)

    def _known(self, key: bytes) -> np.ndarray | None:
        found = self._store.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
        return np.frombuffer(found[0], np.float16) if found else None
