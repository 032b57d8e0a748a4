"""Models that are to run in this process: folders, and names that a hub knows or does not."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import huggingface_hub
import pytest

from app.models.hub import check_model
from pruning.errors import ModelError

KNOWN = ("/api/models/acme/known", "/api/models/sentence-transformers/bare")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """A hub with two models."""

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path.partition("?")[0] in KNOWN
            self.send_response(200 if known else 404)
            if not known:
                self.send_header("X-Error-Code", "RepoNotFound")
            body = json.dumps({"id": "acme/known", "siblings": []}).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        api = huggingface_hub.HfApi(endpoint=f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        yield server
        server.shutdown()


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "acme/known", "bare"])
def test_a_model_that_there_is(hub: ThreadingHTTPServer, name: str) -> None:
    """The one of the package, and those of the hub, also of the owner that is meant without one."""
    check_model(name, owner="sentence-transformers")


@pytest.mark.parametrize("name", ["acme/knwon", "all-MiniLM-L6v2"])
def test_a_name_that_the_hub_does_not_know(hub: ThreadingHTTPServer, name: str) -> None:
    """It never will, so that is an error at once."""
    with pytest.raises(ModelError, match=f"there is no folder {name}, and no model of that name on the Hugging Face"):
        check_model(name, owner="sentence-transformers")


def test_a_hub_that_is_down_says_nothing(hub: ThreadingHTTPServer) -> None:
    """It may be up when the model is loaded."""
    hub.shutdown()
    hub.server_close()
    check_model("acme/knwon")


def test_a_hub_that_must_not_be_asked(hub: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What isn't in the cache then can't be had."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="acme/known is not in the Hugging Face cache, and HF_HUB_OFFLINE forbids"):
        check_model("acme/known")


def test_folders(tmp_path: Path) -> None:
    """One that isn't there, one without a model, and one with."""
    with pytest.raises(ModelError, match="there is no folder /no/such/model, and no model"):
        check_model("/no/such/model")
    with pytest.raises(ModelError, match=r"holds no model: there is no config.json in it$"):
        check_model(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    check_model(str(tmp_path))
