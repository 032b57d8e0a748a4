"""These tests start a real Open WebUI, by the Python of `OPEN_WEBUI_PYTHON`; without it, none is collected."""

import os

collect_ignore_glob = [] if "OPEN_WEBUI_PYTHON" in os.environ else ["test_*.py"]
