"""`secateurs cache`: what it tells, and that it empties."""

from pathlib import Path

import pytest

from app.cli import main


def test_stats_and_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """What a command has read is in the cache, until it is cleared; the folder is that of the settings."""
    monkeypatch.setenv("SECATEURS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SECATEURS_EMBEDDER", "none")
    (tmp_path / "page.html").write_text("<p>Sunday: 10 to 14.")
    assert 0 == main(["prune", str(tmp_path / "page.html"), "-q", "Sunday"])
    capfd.readouterr()

    told = [capfd.readouterr().out for action in ("stats", "clear", "stats") if 0 == main(["cache", action])]

    file = tmp_path / "cache" / "store.sqlite3"
    assert told[0].startswith("1 entries, ")
    assert told[0].endswith(f" of 1,000,000,000 bytes: {file}\n")
    assert [f"1 entries forgotten: {file}\n", f"0 entries, 0 of 1,000,000,000 bytes: {file}\n"] == told[1:]


def test_a_server_that_is_down(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Is told in one line without its password; no empty cache is made up."""
    monkeypatch.setenv("SECATEURS_STORE_URL", "redis://:secret@127.0.0.1:1/0")
    assert 2 == main(["cache", "stats"])
    told = capfd.readouterr().err
    assert told.startswith("secateurs: the store redis://127.0.0.1:1/0 can't be used: ")
    assert "secret" not in told
