"""Several worker processes, real ones: replaced when they die, finished when they are told to, never left behind."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import httpx

from tests.app.cli.test_serve import address, serving
from tests.waiting import PATIENCE, until

BODY = json.dumps({"html": "<p>still answered"}).encode()
ABOUT = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}"
HEAD = f"POST /v1/clean HTTP/1.1\r\n{ABOUT}\r\n\r\n"


def workers(process: subprocess.Popen[str]) -> set[int]:
    """The worker processes of a service."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return {int(child) for child in children if b"spawn_main" in _command(int(child))}


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def lives(pid: int) -> bool:
    """Whether there is a process of this id that has not ended."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def accepts(port: int) -> bool:
    """Whether a connection is taken."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except OSError:
        return False
    return True


def test_workers_are_replaced_and_finish_what_is_in_flight(tmp_path: Path) -> None:
    """A worker that is killed is replaced; at SIGTERM each finishes its requests, and nothing is left behind."""
    with serving(tmp_path / "state", SECATEURS_WORKERS="2") as (process, printed):
        port = int(address(printed).rpartition(":")[2])
        before = workers(process)
        assert 2 == len(before)
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        until(lambda: len(workers(process) - {killed}) == 2)
        last = workers(process)
        with httpx.Client(base_url=address(printed), timeout=PATIENCE) as client:
            assert 200 == client.post("/v1/clean", json={"html": "<p>one"}).status_code

        connections = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(8)]
        for connection in connections:  # one whole request on each first, so that all have been taken
            connection.sendall(HEAD.encode() + BODY)
            assert connection.recv(12) == b"HTTP/1.1 200"
            connection.sendall(HEAD.encode() + BODY[:5])
        with httpx.Client(base_url=address(printed), timeout=PATIENCE) as client:
            assert 200 == client.get("/healthz").status_code
        process.send_signal(signal.SIGTERM)
        until(lambda: not accepts(port))
        for connection in connections:
            connection.sendall(BODY[5:])
        answers = [connection.makefile("rb").read() for connection in connections]
        for connection in connections:
            connection.close()
        _, err = process.communicate(timeout=PATIENCE)

    assert [2] * 8 == [answer.count(b"still answered") for answer in answers]
    assert 0 == process.returncode
    assert f"worker {killed} ended with -9, another one is started" in err
    assert "Traceback" not in err
    assert not any(map(lives, last))


def test_no_worker_outlives_its_supervisor(tmp_path: Path) -> None:
    """Not even one that is killed."""
    with serving(tmp_path / "state", SECATEURS_WORKERS="2") as (process, printed):
        port = int(address(printed).rpartition(":")[2])
        left = workers(process)
        process.kill()
        process.wait(PATIENCE)
        until(lambda: not any(map(lives, left)))
    assert 2 == len(left)
    assert not accepts(port)


def test_what_does_not_end_is_cut_off(tmp_path: Path) -> None:
    """Who waits for something that never comes is waited for as long as the settings say."""
    with serving(tmp_path / "state", SECATEURS_SHUTDOWN_SECONDS="0.5") as (process, printed):
        port = int(address(printed).rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(HEAD.encode() + BODY[:5])
            assert 200 == httpx.get(f"{address(printed)}/healthz").status_code
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE)
            assert b"still answered" not in connection.makefile("rb").read()
    assert 0 == process.returncode


def test_whoever_sends_traffic_can_see_that_it_is_going(tmp_path: Path) -> None:
    """`/readyz` says 503 while new requests are still answered."""
    with serving(tmp_path / "state", SECATEURS_DRAIN_SECONDS="600") as (process, printed):
        with httpx.Client(base_url=address(printed), timeout=PATIENCE) as client:
            assert 200 == client.get("/readyz").status_code
            process.send_signal(signal.SIGTERM)
            until(lambda: client.get("/readyz").status_code == 503)
            assert "the service is shutting down" == client.get("/readyz").json()["detail"]
        assert 200 == httpx.post(f"{address(printed)}/v1/clean", json={"html": "<p>one"}).status_code
