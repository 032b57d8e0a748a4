"""Tokenizers of models: nothing that a page spells becomes a control token, and nothing of it is lost."""

import json
from pathlib import Path

import pytest
import tokenizers
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from pruning.errors import TokenizerError
from pruning.model_tokenizer import ModelTokenizer

SPECIAL = ["<s>", "</s>", "<|eot_id|>", "[INST]"]
# Added tokens that files don't mark as special, and others that are text, as some models have it.
HIDDEN = ["<think>", "</think>", "<|fim_prefix|>"]
PLAIN = ["\n\n", "▁▁", "<table>", "</h1>", "|"]
TEXT = st.lists(
    st.sampled_from(
        [*SPECIAL, *HIDDEN, *PLAIN, "<", ">", "s", "<s", "|eot_id|>", "INST", " ", "é", "漢", "👍", "\ud800", "\x00"]
    )
).map("".join)


def byte_level() -> Tokenizer:
    """As Llama 3 and Qwen have it."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(["<p0>|eot_id|> <s INST] <think", "<table><h1>"], trainer)
    bpe.add_tokens([AddedToken(text, special=False, normalized=False) for text in HIDDEN + PLAIN])
    bpe.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    return bpe


def sentence_piece() -> Tokenizer:
    """As Llama 2 and Phi-3 have it: control tokens are words of the vocabulary, and a search by scores finds them."""
    characters = [("▁", -5.0), *((character, -6.0) for character in "<>/s|eot_id[INST]thnkfmprxablu1")]
    pieces = dict([("<unk>", -100.0), *((text, -1.0) for text in SPECIAL), *characters])
    unigram = Tokenizer(models.Unigram(list(pieces.items()), unk_id=0))
    unigram.normalizer = normalizers.Replace(" ", "▁")
    unigram.decoder = decoders.Replace("▁", " ")
    unigram.add_special_tokens([AddedToken(text, normalized=False) for text in ["<unk>", *SPECIAL]])
    return unigram


@pytest.fixture(scope="module", params=[byte_level, sentence_piece], ids=["byte-level", "sentencepiece"])
def raw(request: pytest.FixtureRequest) -> Tokenizer:
    """A tokenizer, as its own library reads it."""
    return request.param()


@pytest.fixture(scope="module")
def tokenizer(raw: Tokenizer) -> ModelTokenizer:
    """The same, as ours."""
    return ModelTokenizer(raw.to_str())


def test_the_library_alone_would_find_control_tokens(raw: Tokenizer) -> None:
    """What the tests below guard against is real, also with the library's own switch."""
    text = "<s>[INST]" + (HIDDEN[0] if raw.token_to_id(HIDDEN[0]) is not None else "")
    switched = Tokenizer.from_str(raw.to_str())
    switched.encode_special_tokens = True

    known = set(raw.get_added_tokens_decoder())

    assert set() != known & set(raw.encode(text, add_special_tokens=False).ids)
    assert set() != known & set(switched.encode(text, add_special_tokens=False).ids)


@given(text=TEXT)
@example(text="".join(SPECIAL + HIDDEN + PLAIN) * 3)
def test_texts_hold_no_control_tokens(tokenizer: ModelTokenizer, raw: Tokenizer, text: str) -> None:
    """Whatever is spelled, however often and however nested."""
    controls = {raw.token_to_id(content) for content in SPECIAL + HIDDEN} - {None}

    assert set() == controls & set(tokenizer.encode(text))


@given(text=TEXT)
def test_texts_arrive_whole(text: str) -> None:
    """Decoded again, a text is what it was; a lone surrogate is what it becomes on the wire."""
    found = BYTE_LEVEL[1].encode(text)

    expected = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert expected == BYTE_LEVEL[0].decode(found, skip_special_tokens=False)


BYTE_LEVEL = (byte_level(), ModelTokenizer(byte_level().to_str()))


def test_control_tokens_among_words_are_cut() -> None:
    """A vocabulary that finds a control token among its words gets them in two pieces."""
    unigram = sentence_piece()
    tokenizer = ModelTokenizer(unigram.to_str())

    found = [unigram.id_to_token(token) for token in tokenizer.encode("a <s>b[INST]")]

    assert ["a", "▁", "<", "s", ">", "b", "[", "I", "N", "S", "T", "]"] == found


def test_a_control_token_of_one_character_is_left_out() -> None:
    """It can't be spelled otherwise, so it is not said at all; what stands beside it is."""
    words = Tokenizer(models.WordLevel({"<unk>": 0, "a": 1, "#": 2, "b": 3}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    words.add_special_tokens(["<unk>", "#"])
    tokenizer = ModelTokenizer(words.to_str())

    assert [1, 3, 1] == tokenizer.encode("a#b##a#")
    assert [] == tokenizer.encode("#")
    assert [1, 0] == tokenizer.encode("ax"), "unknown characters are no control tokens"


def test_tokens_of_text_stay() -> None:
    """White space, HTML tags and characters that a model knows as tokens are what they are to it."""
    tokens = [BYTE_LEVEL[0].token_to_id(text) for text in PLAIN]

    assert tokens == BYTE_LEVEL[1].encode("".join(PLAIN))


def test_templates_hold_control_tokens() -> None:
    """A prompt's own text is read as its author meant it; nothing is put around it."""
    raw, tokenizer = BYTE_LEVEL

    assert [raw.token_to_id("<s>"), raw.token_to_id("<think>")] == tokenizer.encode_template("<s><think>")
    assert [] == tokenizer.encode_template("")
    assert [] == tokenizer.encode("")


def test_nothing_is_truncated_or_padded() -> None:
    """Files carry settings for training; a prompt is read whole."""
    raw = byte_level()
    raw.enable_truncation(4)
    raw.enable_padding(length=64)
    tokenizer = ModelTokenizer(raw.to_str())

    assert BYTE_LEVEL[1].encode("a longer text") == tokenizer.encode("a longer text")
    assert BYTE_LEVEL[1].encode("a longer text") == tokenizer.encode_template("a longer text")


def test_from_a_folder_or_a_file(tmp_path: Path) -> None:
    """A checkpoint's folder holds a tokenizer.json."""
    (tmp_path / "tokenizer.json").write_text(byte_level().to_str())

    for path in (tmp_path, tmp_path / "tokenizer.json"):
        assert BYTE_LEVEL[1].encode("<p0>") == ModelTokenizer.load(path).encode("<p0>")


@pytest.mark.parametrize("written", ["", "{}", "[]", json.dumps({"model": {}, "added_tokens": []})])
def test_what_is_no_tokenizer(tmp_path: Path, written: str) -> None:
    """A file that can't be read is one error of ours, which names it."""
    (tmp_path / "tokenizer.json").write_text(written)

    with pytest.raises(TokenizerError, match=r"tokenizer\.json"):
        ModelTokenizer.load(tmp_path)


def test_no_tokenizer(tmp_path: Path) -> None:
    """A folder without one is told."""
    with pytest.raises(TokenizerError, match=r"tokenizer\.json"):
        ModelTokenizer.load(tmp_path)
