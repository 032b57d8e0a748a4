"""`secateurs config`: all that is wrong, a line each, and nothing that is secret."""

import os
import socket
from pathlib import Path

import pytest

from app.cli import main
from app.settings import Settings
from tests.app.serving import served
from tests.compat.chat_server import ChatServer

IN_ORDER = "The settings are in order.\n"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No settings but a state folder, a free port and no model."""
    for name in os.environ:
        if name.startswith("SECATEURS_"):
            monkeypatch.delenv(name)
    for name, value in (("STATE_DIR", str(tmp_path / "state")), ("PORT", "0"), ("EMBEDDER", "none")):
        monkeypatch.setenv(f"SECATEURS_{name}", value)
    return monkeypatch


def told(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """The exit code of `config check` and the lines that it wrote."""
    code = main(["config", "check", *arguments])
    out, err = capfd.readouterr()
    assert "" == err
    return code, out.splitlines()


def test_settings_that_are_in_order(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One line, and nothing is made."""
    assert (0, [IN_ORDER.strip()]) == told(capfd)
    assert not (tmp_path / "state").exists()


def test_everything_that_is_wrong_is_told_at_once(
    capfd: pytest.CaptureFixture[str], environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A line each: the variable, what is wrong, what to do. What only follows from one of them is not told."""
    (tmp_path / "file").write_text("")
    given = {
        "PORT": "eighty",
        "PROVIDR": "local",
        "PROVIDER": "multi",
        "MULTI": "brave,bing,searxng",
        "SEARXNG_URL": "localhost:8080",
        "STEPS": "embed,generate",
        "SUB_QUESTIONS": "3",
        "TOKENIZER": "none-such",
        "TOKENIZERS": "tiktoken:none-such",
        "EMBEDDER": "/no/model",
        "CHAT_PROMPT": "/no/prompt.txt",
        "STATE_DIR": str(tmp_path / "file"),
        "STORE_URL": "mysql://:hunter2hunter2@host/0",
        "BROWSER_URL": "ftp://chromium",
        "PATH_MODEL_TOKENIZER": "/no/tokenizer",
    }
    for name, value in given.items():
        environment.setenv(f"SECATEURS_{name}", value)

    code, lines = told(capfd)

    assert 1 == code
    expected = {
        "SECATEURS_PORT: must be a whole number",
        "SECATEURS_SEARXNG_URL: must be an address that begins with http:// or https:// and a host",
        "SECATEURS_PROVIDR: there is no such setting; did you mean SECATEURS_PROVIDER?",
        "SECATEURS_MULTI: the search provider brave needs a key: set SECATEURS_BRAVE_KEY",
        "SECATEURS_STEPS: the step generate needs a model: set SECATEURS_PATH_MODEL",
        "SECATEURS_SUB_QUESTIONS: they need a chat model: set SECATEURS_CHAT_MODEL_URL",
        "SECATEURS_CHAT_PROMPT: it does nothing without SECATEURS_CHAT_MODEL_URL: set that, or leave this out",
        f"SECATEURS_STATE_DIR: {tmp_path / 'file'} is no folder",
    }
    assert expected <= set(lines)
    begun = [line.partition(":")[0].removeprefix("SECATEURS_") for line in lines]
    twice = ["CHAT_PROMPT", "MULTI", "PATH_MODEL_TOKENIZER"]  # no file, and no server to need it; two wrong members
    assert sorted([*(set(given) - {"PROVIDER"}), *twice, "CACHE_DIR"]) == sorted(begun)
    assert "hunter2" not in "".join(lines)


def test_a_file_of_keys_that_is_not_there(
    capfd: pytest.CaptureFixture[str], environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where one is named: perhaps it was not mounted, and every request would be refused."""
    file = tmp_path / "keys.json"
    environment.setenv("SECATEURS_KEYS_FILE", str(file))
    assert (1, [f"SECATEURS_KEYS_FILE: there is no {file} yet: `secateurs key add NAME` makes it"]) == told(capfd)

    assert 0 == main(["key", "add", "me"])
    capfd.readouterr()
    assert (0, [IN_ORDER.strip()]) == told(capfd)


def test_a_port_that_another_program_has(capfd: pytest.CaptureFixture[str], environment: pytest.MonkeyPatch) -> None:
    """It is told; that the service itself has it is not."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment.setenv("SECATEURS_PORT", str(port))
        taken.close()
        with socket.create_server(("127.0.0.1", port)):
            code, (line,) = told(capfd)
    assert (1, True) == (code, line.startswith(f"SECATEURS_PORT: can't listen on port {port} of 127.0.0.1: another"))


def test_servers_that_answer_and_servers_that_do_not(
    capfd: pytest.CaptureFixture[str], environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without `--connect` nobody is asked; with it each server that is down or refuses is named."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    down = {
        "EMBEDDER": nobody,
        "TOKENIZER": nobody,
        "PATH_MODEL": nobody,
        "CHAT_MODEL_URL": nobody,
        "PROVIDER": "searxng",
        "SEARXNG_URL": nobody,
        "STORE_URL": nobody.replace("http://", "redis://:hunter2hunter2@"),
        "BROWSER_URL": nobody,
    }
    for name, value in down.items():
        environment.setenv(f"SECATEURS_{name}", value)
    assert (0, [IN_ORDER.strip()]) == told(capfd)

    code, lines = told(capfd, "--connect")

    named = [line.partition(":")[0].removeprefix("SECATEURS_") for line in lines]
    assert (1, sorted(set(down) - {"PROVIDER"})) == (code, sorted(named))
    assert "hunter2" not in "".join(lines)


def test_a_chat_model_that_its_server_does_not_have(
    capfd: pytest.CaptureFixture[str], environment: pytest.MonkeyPatch
) -> None:
    """The server's list is asked, which costs nothing."""
    with served(ChatServer().app) as (host, port):
        environment.setenv("SECATEURS_CHAT_MODEL_URL", f"http://{host}:{port}")
        environment.setenv("SECATEURS_CHAT_MODEL", "tiny")
        assert (0, [IN_ORDER.strip()]) == told(capfd, "--connect")
        environment.setenv("SECATEURS_CHAT_MODEL", "large")
        assert (
            1,
            [f"SECATEURS_CHAT_MODEL_URL: the chat model at {host}:{port} has no model 'large', but tiny"],
        ) == told(capfd, "--connect")


def test_all_settings_are_shown_without_secrets(
    capfd: pytest.CaptureFixture[str], environment: pytest.MonkeyPatch
) -> None:
    """A line each; passwords in addresses are left out, too."""
    for name, value in (("BRAVE_KEY", "hunter2"), ("SEARXNG_URL", "http://me:at@home@host/"), ("FETCH_ROBOTS", "0")):
        environment.setenv(f"SECATEURS_{name}", value)
    assert 0 == main(["config", "show"])
    out, _ = capfd.readouterr()
    lines = out.splitlines()
    assert [f"SECATEURS_{name.upper()}" for name in Settings.model_fields] == [line.split("=")[0] for line in lines]
    shown = {"SECATEURS_BRAVE_KEY=…", "SECATEURS_SEARXNG_URL=http://…@host/", "SECATEURS_FETCH_ROBOTS=false"}
    assert shown | {"SECATEURS_FETCH_PORTS=80,443,8080,8443", "SECATEURS_CACHE_DIR="} <= set(lines)
    assert "hunter2" not in out
    assert "home@" not in out
