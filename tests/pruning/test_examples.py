"""The examples in the core's docstrings give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import pruning

MODULES = [module.name for module in pkgutil.walk_packages(pruning.__path__, "pruning.") if ".local" not in module.name]
WITH_EXAMPLES = {"pruning.lexical"}


@pytest.mark.parametrize("name", ["pruning", *MODULES])
def test_examples_in_docstrings_are_right(name: str) -> None:
    """Of each module that needs no model."""
    found = doctest.testmod(importlib.import_module(name))

    assert 0 == found.failed
    assert name not in WITH_EXAMPLES or found.attempted
