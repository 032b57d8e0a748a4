"""`secateurs serve`: from the first start to the shutdown, as a process of its own."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.cli import main
from app.cli.sample import SITE, URL, index_sample
from app.cli.serve import announcement
from app.search import LocalIndex
from app.search.store import Store
from app.settings import Settings
from tests.needs import ROOT


@contextmanager
def serving(state: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service on a free port, and what it printed when it was ready."""
    environment = os.environ | {"SECATEURS_STATE_DIR": str(state), "SECATEURS_EMBEDDER": "none"} | settings
    command = [sys.executable, "-m", "app.cli", "serve", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process, "".join(process.stdout.readline() for _ in range(4))
    finally:
        process.kill()
        process.communicate()


def stop(process: subprocess.Popen[str], how: signal.Signals) -> str:
    """Send the signal; what stood on stderr when the process has ended."""
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    return err


def address(printed: str) -> str:
    """The address in what was printed."""
    found = re.search(r"http://127\.0\.0\.1:\d+", printed)
    assert found, printed
    return found[0]


def test_the_first_start(tmp_path: Path) -> None:
    """The sample site is indexed, and the command that is printed works as printed, with the model."""
    with serving(tmp_path / "state", SECATEURS_EMBEDDER="all-MiniLM-L6-v2") as (process, printed):
        (command,) = [line for line in printed.splitlines() if line.startswith("curl ")]
        asked = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
        err = stop(process, signal.SIGTERM)

    answer = json.loads(asked.stdout)
    assert [] == answer["degraded"]
    assert 0 < answer["tokens"] <= 512
    assert "budget" in answer["content"]
    listening, warning, request = err.splitlines()
    assert "WARNING secateurs no API key is asked for (SECATEURS_KEYS_REQUIRED=false)" in warning
    assert listening.startswith("INFO secateurs listening on http://127.0.0.1:")
    assert re.match(r"INFO secateurs POST /v1/search 200 search;dur=.* request=[0-9a-f]{32}$", request)


def test_a_start_with_keys(tmp_path: Path) -> None:
    """What is printed works as printed, once the shell has the key that it says how to make."""
    with serving(tmp_path / "state", SECATEURS_KEYS_REQUIRED="true") as (process, printed):
        first, command = printed.splitlines()[2:4]
        assert "KEY=$(secateurs key add me)" == first
        made = f'secateurs() {{ {sys.executable} -m app.cli "$@"; }}\n{first}\n{command}'
        environment = os.environ | {"SECATEURS_STATE_DIR": str(tmp_path / "state")}
        without = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
        asked = subprocess.run(
            ["bash", "-c", made], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        err = stop(process, signal.SIGTERM)

    assert "/problems/invalid-api-key" == json.loads(without.stdout)["type"]
    assert 0 < json.loads(asked.stdout)["tokens"] <= 512
    assert "WARNING secateurs there is no API key in " in err


def test_a_damaged_file_of_keys_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The start stops; nobody would be let in."""
    (tmp_path / "keys.json").write_text("[]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECATEURS_STATE_DIR", str(tmp_path))
        patch.setenv("SECATEURS_KEYS_REQUIRED", "true")
        assert 2 == main(["serve", "--port", "0"])

    _, err = capfd.readouterr()
    told = f"secateurs: SECATEURS_KEYS_FILE: the file of keys {tmp_path}/keys.json is wrong: "
    assert (1, told) == (err.count("\n"), err[: len(told)])


def test_metrics_at_an_address_of_their_own(tmp_path: Path) -> None:
    """The log says where; on the service's own port there are none. Both end with a signal."""
    with serving(tmp_path / "state", SECATEURS_METRICS="127.0.0.1:0") as (process, printed):
        assert process.stderr is not None
        said = (re.search(r"metrics on (http://127\.0\.0\.1:\d+/metrics)", line) for line in process.stderr)
        where = next(filter(None, said))[1]
        assert "secateurs_build_info" in httpx.get(where).text
        assert 404 == httpx.get(f"{address(printed)}/metrics").status_code
        stop(process, signal.SIGTERM)
        assert 0 == process.returncode


def test_the_metrics_port_in_use_is_one_line(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """As that of the service."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.MonkeyPatch.context() as patch:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        patch.setenv("SECATEURS_METRICS", where)
        patch.setenv("SECATEURS_STATE_DIR", str(tmp_path))
        assert 2 == main(["serve", "--port", "0"])
    told = f"secateurs: SECATEURS_METRICS: can't listen on {where}: another program does already\n"
    assert capfd.readouterr().err.endswith(told)


def test_the_printed_command_survives_a_shell() -> None:
    """What is printed is one command, quoted for a shell."""
    (command,) = [line for line in announcement("http://127.0.0.1:1").splitlines() if line.startswith("curl ")]
    assert command.startswith("curl -s http://127.0.0.1:1/v1/search -H 'Content-Type: application/json' -d '{")
    assert 6 == command.count("'") + 2


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_after_what_is_in_flight(tmp_path: Path, how: signal.Signals) -> None:
    """A request that has begun is answered, then the process ends, without a traceback."""
    body = json.dumps({"html": "<p>still answered"}).encode()
    about = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    head = f"POST /v1/clean HTTP/1.1\r\n{about}\r\n\r\n"
    with serving(tmp_path / "state") as (process, printed):
        port = int(address(printed).rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(head.encode() + body[:5])
            assert 200 == httpx.get(f"{address(printed)}/healthz").status_code  # so the head has been read
            process.send_signal(how)
            while _accepts(port):
                pass
            connection.sendall(body[5:])
            answer = connection.makefile("rb").read()
        _, err = process.communicate(timeout=60)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"still answered" in answer
    assert process.returncode in (0, -how)
    assert "Traceback" not in err


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_port_in_use_is_one_line(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing is loaded for a service that can't listen."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECATEURS_STATE_DIR", str(tmp_path))
        taken_port = taken.getsockname()[1]
        assert 2 == main(["serve", "--port", str(taken_port)])

    out, err = capfd.readouterr()
    assert "" == out
    wanted = "another program does already; choose another with --port or SECATEURS_PORT"
    assert f"secateurs: can't listen on port {taken_port} of 127.0.0.1: {wanted}\n" == err


@pytest.mark.parametrize(("host", "why"), [("192.0.2.1", "no such address"), ("no.such.invalid", "not known")])
def test_an_address_of_another_machine_is_one_line(host: str, why: str, capfd: pytest.CaptureFixture[str]) -> None:
    """What can be listened on is this machine's own."""
    assert 2 == main(["serve", "--host", host, "--port", "0"])
    out, err = capfd.readouterr()
    assert ("", 1, True) == (out, err.count("\n"), why in err)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("PROVIDER", "brave", "SECATEURS_PROVIDER: the search provider brave needs a key: set SECATEURS_BRAVE_KEY"),
        (
            "TOKENIZER",
            "none-such",
            "SECATEURS_TOKENIZER: unknown tokenizer 'none-such': "
            'name "tekken", "tiktoken:ENCODING" or the path of a tokenizer.json',
        ),
        (
            "SEARXNG_URL",
            "localhost:8080",
            "SECATEURS_SEARXNG_URL: must be an address that begins with http:// or https:// and a host",
        ),
        (
            "API_KEY",
            "hunter2",
            "SECATEURS_API_KEY: a key has 20 to 512 letters, digits and signs, no spaces: "
            "`openssl rand -hex 32` makes one",
        ),
    ],
)
def test_a_wrong_setting_is_one_line(
    variable: str,
    value: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """The start stops with what to set, without a traceback."""
    monkeypatch.setenv("SECATEURS_STATE_DIR", str(tmp_path))
    monkeypatch.setenv(f"SECATEURS_{variable}", value)
    assert 2 == main(["serve", "--port", "0"])
    assert ("", f"secateurs: {told}\n") == capfd.readouterr()


def test_what_is_not_ready_is_not_announced(tmp_path: Path) -> None:
    """What can't be had for now is told in the log, and `is ready` is not printed before it can be."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    environment = {
        "SECATEURS_STATE_DIR": str(tmp_path),
        "SECATEURS_EMBEDDER": "none",
        "SECATEURS_TOKENIZER": url,
        "SECATEURS_PROVIDR": "local",
    }
    command = [sys.executable, "-m", "app.cli", "serve", "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | environment, stdout=pipe, stderr=pipe, text=True
    ) as process:
        assert process.stderr is not None
        warned = process.stderr.readline()
        told = next(line for line in process.stderr if "not ready" in line)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    assert ("", True) == (out, "can't be reached" in told)
    assert "SECATEURS_PROVIDR: there is no such setting; did you mean SECATEURS_PROVIDER?" in warned


class TestSampleSite:
    """The sample site in the index."""

    def pages(self, settings: Settings) -> dict[str, str | None]:
        """The folders of the index."""
        with Store.for_writing(settings.index_file()) as store:
            return {str(folder.path): folder.url_prefix for folder in store.folders()}

    def count(self, settings: Settings) -> int:
        """The pages of the index."""
        with Store.for_reading(settings.index_file()) as store:
            return store.page_count()

    def test_there_is_none(self, tmp_path: Path) -> None:
        """Without an index the sample site is indexed."""
        settings = Settings(state_dir=tmp_path / "new")
        index_sample(settings)
        assert {str(SITE): URL} == self.pages(settings)
        assert len(list(SITE.rglob("*.html"))) == self.count(settings)

    def test_it_is_brought_up_to_date(self, tmp_path: Path) -> None:
        """An index of another release is made anew, with the other folders that are in it."""
        settings = Settings(state_dir=tmp_path)
        index_sample(settings)
        own = tmp_path / "own"
        own.mkdir()
        (own / "page.html").write_text("<p>mine")
        LocalIndex(settings.index_file()).index(own)
        with sqlite3.connect(settings.index_file()) as connection:
            connection.execute("PRAGMA user_version = 1")
        connection.close()

        index_sample(settings)

        assert {str(SITE): URL, str(own): None} == self.pages(settings)
        assert len(list(SITE.rglob("*.html"))) + 1 == self.count(settings)

    def test_an_own_index_is_left_alone(self, tmp_path: Path) -> None:
        """Who has indexed folders of one's own finds nothing else in the index."""
        settings = Settings(state_dir=tmp_path)
        (tmp_path / "own").mkdir()
        (tmp_path / "own" / "page.html").write_text("<p>mine")
        LocalIndex(settings.index_file()).index(tmp_path / "own")

        index_sample(settings)

        assert {str(tmp_path / "own"): None} == self.pages(settings)

    def test_that_of_another_installation_is_replaced(self, tmp_path: Path) -> None:
        """Two checkouts with one state folder: each finds its own pages, once."""
        settings = Settings(state_dir=tmp_path)
        shutil.copytree(SITE, tmp_path / "other")
        LocalIndex(settings.index_file()).index(tmp_path / "other", URL)

        index_sample(settings)

        assert {str(SITE): URL} == self.pages(settings)

    def test_a_broken_index_is_left_to_its_owner(self, tmp_path: Path) -> None:
        """The service starts; searching says what is wrong."""
        settings = Settings(state_dir=tmp_path)
        settings.index_file().write_bytes(b"no database at all" * 100)
        index_sample(settings)
        assert b"no database" == settings.index_file().read_bytes()[:11]
