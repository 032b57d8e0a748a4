"""Where the tokenizer and the prompt of a served model come from."""

from pathlib import Path

import huggingface_hub.constants
import pytest

from app.models.asking import read_checkpoint
from pruning.checkpoint import prompt_of
from pruning.errors import ModelError
from pruning.prompt import Prompt
from tests.pruning.local import tiny_models

OURS = Prompt("{html} {question}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint with a prompt of its own."""
    folder = tiny_models.save(tmp_path / "model")
    OURS.save(folder)
    return folder


@pytest.mark.parametrize("name", ["", "tokenizer.json"])
def test_a_folder_or_the_file_in_it(folder: Path, name: str) -> None:
    """The prompt lies beside the tokenizer in both cases."""
    tokenizer, prompt = read_checkpoint(str(folder / name))

    assert OURS == prompt == prompt_of(folder)
    assert tiny_models.tokenizer().encode("<p>", add_special_tokens=False).ids == tokenizer.encode("<p>")


def test_a_name_on_the_hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from the cache where it lies there; tests reach no hub."""
    snapshot = tmp_path / "hub/models--owner--model/snapshots/abc"
    snapshot.parent.mkdir(parents=True)
    folder.rename(snapshot)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs/main").write_text("abc")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    assert OURS == read_checkpoint("owner/model")[1]
    with pytest.raises(ModelError, match=r"^the tokenizer of owner/other can't be fetched: [^\n]+; name the folder"):
        read_checkpoint("owner/other")


@pytest.mark.parametrize("name", ["model", "./model", "/models/x", "a/b/c", "../no/such/model"])
def test_what_is_no_name_is_not_fetched(name: str) -> None:
    """A path on the server's machine is not taken for somebody's repository."""
    with pytest.raises(ModelError, match=f"^there is no {name} here: name the folder"):
        read_checkpoint(name)


def test_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    """A model's error, since the step that needs the model fails with it."""
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        read_checkpoint(str(tmp_path))
