"""`secateurs key`: made, listed, revoked."""

import asyncio
from pathlib import Path

import pytest

from app.auth import KeyFile, KeyLimits, KeyRing
from app.cli import main
from app.settings import Settings
from app.store import SqliteStore


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of the commands."""
    monkeypatch.setenv("SECATEURS_STATE_DIR", str(tmp_path))
    return tmp_path


def test_add_list_revoke(state: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The key alone is on stdout, so that a shell can take it; the list has no keys, but what is used of them."""
    assert 0 == main(["key", "add", "chatbot", "--rate", "60/minute", "--quota", "100/month"])
    out, err = capfd.readouterr()
    key = KeyRing.of(Settings(state_dir=state)).find(out.strip().encode())
    assert key is not None
    assert (
        f"secateurs: shown only now; {state}/keys.json has its hash. Send it as `Authorization: Bearer KEY`.\n" == err
    )
    assert 0 == main(["key", "add", "plain"])
    capfd.readouterr()

    async def use() -> None:
        store = SqliteStore(state / "store.sqlite3", 1_000_000)
        for _ in range(3):
            await KeyLimits(lambda: store).count(key)
        await store.aclose()

    asyncio.run(use())
    assert 0 == main(["key", "list"])
    listed = capfd.readouterr().out
    assert [
        ["name", "since", "rate", "quota", "used"],
        ["chatbot", f"{key.created}", "60/minute", "100/month", "3"],
        ["plain", f"{key.created}", "-", "-", "-"],
    ] == [line.split() for line in listed.splitlines()]
    assert 0 == main(["key", "revoke", "chatbot"])
    assert ["plain"] == [key.name for key in KeyFile(state / "keys.json").read()]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["add", "a b"], "name: a key's name has 1 to 64 letters, digits, dots, hyphens and underscores"),
        (["add", "a", "--rate", "often"], "rate: 'often' should be a number of requests and a unit, such as 60/minute"),
        (["add", "a", "--quota", "5/hour"], "quota: 5/hour should be for each day or month"),
        (["revoke", "a"], "there is no key a in "),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], told: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Which says what would be right."""
    assert 2 == main(["key", *arguments])
    out, err = capfd.readouterr()
    assert ("", 1) == (out, err.count("\n"))
    assert err.startswith(f"secateurs: {told}")


def test_a_folder_that_cannot_be_written(
    state: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Such as a mounted secret's: one line."""
    (state / "file").write_text("")
    monkeypatch.setenv("SECATEURS_KEYS_FILE", str(state / "file" / "keys.json"))
    assert 2 == main(["key", "add", "a"])
    assert 1 == capfd.readouterr().err.count("\n")


def test_a_store_that_is_down(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """What is used can't be told then; the keys can."""
    assert 0 == main(["key", "add", "a", "--quota", "5/day"])
    monkeypatch.setenv("SECATEURS_STORE_URL", "redis://127.0.0.1:1/0")
    capfd.readouterr()
    assert 0 == main(["key", "list"])
    assert capfd.readouterr().out.endswith("  5/day  ?\n")
