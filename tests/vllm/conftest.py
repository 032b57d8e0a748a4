"""These tests start a real vLLM, by the Python of `VLLM_PYTHON`; without it, as in `make test`, none is collected."""

import os

collect_ignore_glob = [] if "VLLM_PYTHON" in os.environ else ["test_*.py"]
