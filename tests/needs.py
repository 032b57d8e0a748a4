"""What some tests need of the machine: the data folder and programs of Debian. Absent, they skip and say so.

Under `.ci/run` nothing may be absent: there the same tests fail. A test asks by a fixture of `conftest.py`
(`data_dir`, `redis_server`, `chromium`) or, for its parameters, by `data_files()`.
"""

import os
import shutil
from pathlib import Path
from typing import Any, NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[1]


def data_folder() -> Path:
    """The folder of real pages and questions; skips or fails the calling test where it is absent."""
    folder = _data_folder()
    return folder if folder.is_dir() else _absent(_no_data(folder))


def data_files(*patterns: str) -> list[Any]:
    """The data folder's files that match the glob patterns, as parameters for `pytest.mark.parametrize`.

    A pattern that matches nothing in a folder that is there raises `FileNotFoundError`: it is misspelt.
    """
    folder = _data_folder()
    if not folder.is_dir():
        if _all_needed():
            raise FileNotFoundError(_no_data(folder))
        return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason=_no_data(folder)))]
    return [_parameter(folder, path) for pattern in patterns for path in _matches(folder, pattern)]


def program(*names: str, package: str) -> Path:
    """The path of the first program found of these names; skips or fails the calling test where none is."""
    found = next(filter(None, map(shutil.which, names)), None)
    return Path(found) if found else _absent(f"needs {names[0]}, of the Debian package {package}")


def _data_folder() -> Path:
    return Path(os.environ.get("SECATEURS_DATA") or ROOT.parent / "shared" / "data")


def _no_data(folder: Path) -> str:
    return f"needs the data folder: {folder} is absent, SECATEURS_DATA names another one"


def _matches(folder: Path, pattern: str) -> list[Path]:
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise FileNotFoundError(f"no file matches {pattern} in {folder}")
    return paths


def _parameter(folder: Path, path: Path) -> Any:
    return pytest.param(path, id=str(path.relative_to(folder)))


def _all_needed() -> bool:
    return os.environ.get("SECATEURS_TESTS_NEED_ALL") == "1"


def _absent(what: str) -> NoReturn:
    if _all_needed():
        pytest.fail(what, pytrace=False)
    pytest.skip(what)
