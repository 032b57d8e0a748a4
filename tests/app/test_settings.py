"""The settings: where they come from, and that every one is documented."""

from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from app.settings import PREFIX, Settings, load_settings
from pruning.errors import InvalidInput

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def documented(name: str) -> str:
    """The row that a setting should have in the table."""
    field = Settings.model_fields[name]
    default = field.default
    if default is PydanticUndefined:
        shown = "the user's data folder"
    elif default in (None, ()):
        shown = "none"
    elif isinstance(default, tuple):
        shown = f"`{','.join(map(str, default))}`"
    else:
        shown = f"`{default}`"
    return f"| `{PREFIX}{name.upper()}` | {shown} | {field.description} |"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    """Each setting has its row in the documentation, with its default and its description."""
    assert documented(name) in DOCS.read_text().splitlines()


def test_no_setting_is_documented_that_does_not_exist() -> None:
    """The documentation names no variable that nothing reads."""
    rows = [line.split("`")[1] for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    assert [f"{PREFIX}{name.upper()}" for name in Settings.model_fields] == rows


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting is read from the environment."""
    monkeypatch.setenv("SECATEURS_PORT", "1234")
    assert 1234 == load_settings().port


def test_overrides_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command line says beats the environment."""
    monkeypatch.setenv("SECATEURS_PORT", "1234")
    assert 99 == load_settings(port=99).port


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list is split at commas, spaces around them go."""
    monkeypatch.setenv("SECATEURS_TOKENIZERS", "tiktoken:o200k_base, /models/x/tokenizer.json,")
    assert ("tiktoken:o200k_base", "/models/x/tokenizer.json") == load_settings().tokenizers


def test_steps_are_those_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first, or both in their order."""
    monkeypatch.setenv("SECATEURS_STEPS", "embed, generate")
    assert ("embed", "generate") == load_settings().steps
    monkeypatch.setenv("SECATEURS_STEPS", "generate")
    with pytest.raises(InvalidInput, match=r"^SECATEURS_STEPS: must be embed or embed,generate$"):
        load_settings()


@pytest.mark.parametrize("address", ["localhost:8080", "ftp://a.org/", "http://"])
def test_an_address_is_one_of_http(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One, or each of a list."""
    for name in ("SEARXNG_URL", "URLS"):
        monkeypatch.setenv(f"SECATEURS_{name}", address)
    with pytest.raises(InvalidInput) as caught:
        load_settings()
    told = "must be an address that begins with http:// or https:// and a host"
    assert f"SECATEURS_SEARXNG_URL: {told}; SECATEURS_URLS: {told}" == str(caught.value)


def test_wrong_values_name_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wrong variable is named, in one line that holds no value: one may be a key."""
    monkeypatch.setenv("SECATEURS_PORT", "eighty")
    monkeypatch.setenv("SECATEURS_PAGE_BYTES", "-1")
    with pytest.raises(InvalidInput) as caught:
        load_settings()
    assert "SECATEURS_PORT: must be a whole number; SECATEURS_PAGE_BYTES: must be at least 1000" == str(caught.value)


def test_the_tests_data_folder_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """SECATEURS_DATA belongs to the tests and disturbs no service."""
    monkeypatch.setenv("SECATEURS_DATA", "/somewhere")
    assert not hasattr(load_settings(), "data")
