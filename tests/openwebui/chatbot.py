"""An Open WebUI of the test's own, used as a browser uses it."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

# Without a model of its own, updates, logins and questions to anybody but the service.
ALONE = {
    "USE_SLIM_DOCKER": "true",
    "OFFLINE_MODE": "true",
    "WEBUI_AUTH": "False",
    "WEBUI_SECRET_KEY": "test",
    "ENABLE_OLLAMA_API": "False",
    "ENABLE_VERSION_UPDATE_CHECK": "False",
    "ANONYMIZED_TELEMETRY": "false",
    "PYTHONPATH": "",
}
# Its start took 30 seconds on an idle machine of two cores, and 150 on a busy one.
SECONDS = 600


@contextmanager
def open_webui(folder: Path, **settings: str) -> Iterator["Chatbot"]:
    """One that keeps its data in the folder."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(os.environ["OPEN_WEBUI_PYTHON"]).parent / "open-webui"), "serve", "--host", "127.0.0.1"]
    environment = {**os.environ, **ALONE, "DATA_DIR": str(folder / "data"), **settings}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*command, "--port", str(port)], cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as client:
            wait_until(lambda: _healthy(client, process, folder / "log"))
            token = client.post("/api/v1/auths/signin", json={"email": "", "password": ""}).json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield Chatbot(client)
    finally:
        process.terminate()
        process.wait(60)


def _healthy(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return client.get("/health").is_success
    except httpx.HTTPError:
        return False


def wait_until(holds: Callable[[], Any]) -> Any:
    """What it gives, once that is true."""
    end = time.monotonic() + SECONDS
    while not (value := holds()):
        assert time.monotonic() < end
        time.sleep(0.2)
    return value


class Chatbot:
    """Its pages' requests."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def models(self) -> list[str]:
        """What a user can choose from."""
        return [model["id"] for model in self.client.get("/api/models").raise_for_status().json()["data"]]

    def ask(self, question: str, model: str, chat: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        """Type a question, in a new chat or a given one, and wait for the answer: the chat as it is kept then."""
        return self.wait(self.send(question, model, chat, **options))

    def send(self, question: str, model: str, chat: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        """Type a question, and don't wait."""
        before = _thread(chat)
        parent = before[-1]["id"] if before else None
        asked = {"id": str(uuid4()), "role": "user", "content": question, "parentId": parent, "models": [model]}
        body = {
            "model": model,
            "stream": True,
            "messages": [{"role": each["role"], "content": each["content"]} for each in (*before, asked)],
            "session_id": str(uuid4()),
            "chat_id": chat["id"] if chat else None,
            "parent_id": parent,
            "id": str(uuid4()),
            "user_message": asked,
            "background_tasks": {"title_generation": True, "tags_generation": True, "follow_up_generation": True},
            **options,
        }
        return dict(self.client.post("/api/chat/completions", json=body).raise_for_status().json())

    def wait(self, sent: dict[str, Any]) -> dict[str, Any]:
        """The chat, once its last answer is complete."""

        def complete() -> dict[str, Any] | None:
            chat = self.chat(sent["chat_id"])
            return chat if last(chat).get("done") else None

        return dict(wait_until(complete))

    def chat(self, number: str) -> dict[str, Any]:
        """A chat as it is kept."""
        return dict(self.client.get(f"/api/v1/chats/{number}").raise_for_status().json())

    def stop(self, sent: dict[str, Any]) -> None:
        """Give up an answer that is under way."""
        for task in sent["task_ids"]:
            self.client.post(f"/api/tasks/stop/{task}").raise_for_status()


def last(chat: dict[str, Any]) -> dict[str, Any]:
    """The last answer."""
    return _thread(chat)[-1]


def _thread(chat: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The messages from the first to the current one."""
    if chat is None:
        return []
    history = chat["chat"]["history"]
    thread, current = [], history["currentId"]
    while current:
        thread.append(history["messages"][current])
        current = thread[-1].get("parentId")
    return thread[::-1]
