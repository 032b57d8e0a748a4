"""These tests take minutes: without `SECATEURS_TESTS_SCHEMA`, which `make test-schema` sets, none is collected."""

import os

collect_ignore_glob = [] if "SECATEURS_TESTS_SCHEMA" in os.environ else ["test_*.py"]
