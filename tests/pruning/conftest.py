"""Tokenizers for the tests of the core."""

import pytest

from pruning import TokenCounter
from tests.pruning import tokenizing


@pytest.fixture(scope="session", params=tokenizing.KINDS)
def tokenizer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TokenCounter, tokenizing.Count]:
    """A counter under test, and an independent count by the same tokenizer."""
    if request.param == "tekken":
        return TokenCounter.load(), tokenizing.tekken()
    if request.param == "word_piece":
        path = tokenizing.word_piece_file()
    else:
        path = tokenizing.train(request.param, tmp_path_factory.mktemp("tokenizer"))
    return TokenCounter.load(str(path)), tokenizing.count_by_file(path)
