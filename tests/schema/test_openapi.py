"""Every answer is one that the OpenAPI document tells of: Schemathesis sends what it allows, and what it does not.

It takes a minute or two, so `make test-schema` runs it and `make test` does not.
"""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.sample import index_sample
from app.main import create_app
from app.settings import Settings
from tests.app.serving import served
from tests.compat.chat_server import ChatServer

CONFIG = Path(__file__).with_name("schemathesis.toml")
KEY = "the-key-of-the-environment"
COMMAND = (sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()")


def test_schemathesis_finds_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No undocumented status, media type or shape; nothing wrong, or without a key, that is accepted; no surprise."""
    with served(ChatServer().app) as (host, port):
        settings = Settings(
            state_dir=tmp_path,
            embedder="none",
            keys_required=True,
            api_key=KEY,
            chat_model_url=f"http://{host}:{port}",
            deadline_seconds=10,
            fetch_seconds=1,
        )
        index_sample(settings)
        with caplog.at_level(logging.ERROR), served(create_app(settings)) as (host, port):
            url = f"http://{host}:{port}/openapi.json"
            header = ("--header", f"Authorization: Bearer {KEY}")
            arguments = ("--config-file", str(CONFIG), "run", url, *header, "--continue-on-failure", "--no-color")
            found = subprocess.run(
                [*COMMAND, *arguments, "--seed", "1"], cwd=tmp_path, capture_output=True, text=True, check=False
            )

    assert 0 == found.returncode, found.stdout + found.stderr
    assert [] == [record.getMessage() for record in caplog.records if record.name == "secateurs"]
