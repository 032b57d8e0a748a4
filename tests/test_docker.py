"""The compose files: they parse, and what they set exists."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import PREFIX, Settings
from tests.needs import ROOT

FILES = sorted((ROOT / "docker").glob("compose*.yaml"))


def services(path: Path) -> dict[str, dict[str, Any]]:
    """The services of a compose file."""
    return yaml.safe_load(path.read_text())["services"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_settings_in_compose_files_exist(path: Path) -> None:
    """Each is one, with a value that is accepted."""
    environment = services(path)["secateurs"]["environment"]
    named = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items()}

    assert all(name.startswith(PREFIX) for name in environment)
    assert named.keys() <= Settings.model_fields.keys()
    Settings(**named)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_images_are_pinned(path: Path) -> None:
    """To a version; our own is whichever was built."""
    others = [service["image"] for name, service in services(path).items() if name != "secateurs"]
    assert [] == [image for image in others if ":" not in image or image.endswith(":latest")]


def test_vllm_is_started_as_the_generative_step_needs_it() -> None:
    """With its prefix cache, a bounded context and memory, and a health check; the names agree."""
    gpu = services(ROOT / "docker/compose.gpu.yaml")
    flags = {flag.split("=")[0]: flag.partition("=")[2] for flag in gpu["vllm"]["command"]}
    settings = gpu["secateurs"]["environment"]

    assert {"--enable-prefix-caching", "--gpu-memory-utilization"} <= flags.keys()
    assert settings["SECATEURS_PATH_MODEL_CONTEXT"] == flags["--max-model-len"]
    assert settings["SECATEURS_PATH_MODEL_NAME"] == flags["--served-model-name"]
    assert gpu["vllm"]["volumes"] == gpu["secateurs"]["volumes"]
    assert "/health" in gpu["vllm"]["healthcheck"]["test"][-1]
