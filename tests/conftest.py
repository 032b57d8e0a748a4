"""Fixtures of all tests, and the bounds within which they run: no state of the user's, no internet."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import needs

# Set before the first import of a model library, which reads them then.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
if "PYTEST_XDIST_WORKER" in os.environ:
    # There are as many test processes as cores already.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline anywhere: how long an example takes says more about the machine than about the code.
settings.register_profile("dev", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
# The same examples in every run, so that a change fails for what it changed; "dev" looks for new ones.
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, max_examples=100, database=None)
settings.register_profile("thorough", settings.get_profile("dev"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(scope="session", autouse=True)
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests and what they start see none of the user's settings, and a state folder that goes away."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("SECATEURS_") and name not in {"SECATEURS_DATA", "SECATEURS_TESTS_NEED_ALL"}:
                patch.delenv(name)
        patch.setenv("SECATEURS_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        patch.setenv("SECATEURS_KEYS_REQUIRED", "false")  # tests of keys ask for them
        yield


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The data folder: real pages and questions that nobody of this project wrote."""
    return needs.data_folder()


@pytest.fixture(scope="session")
def redis_server() -> Path:
    """The program redis-server."""
    return needs.program("redis-server", package="redis-server")


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The program of a Chromium browser."""
    return needs.program("chromium", "chromium-browser", "google-chrome", package="chromium")
