"""The pins hold the declared ranges, nothing installed is unpinned, and the wheel carries what it needs."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.needs import ROOT

PINS = {name: ROOT / f"requirements/{name}.txt" for name in ("base", "local", "dev")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Those that the project consists of.
PACKAGES = ("app", "pruning", "secateurs")
# What the CUDA builds of torch bring along: torch pins it itself, and other builds do without.
OF_TORCH = ("cuda-", "nvidia-", "triton")


def lines(path: Path) -> list[str]:
    """The lines of a requirement file that say something."""
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def pins(*files: str) -> dict[str, Requirement]:
    """The pinned requirements of these files, by canonical name."""
    found = [Requirement(line) for file in files for line in lines(PINS[file]) if not line.startswith("-r ")]
    return {canonicalize_name(pin.name): pin for pin in found}


def applies(requirement: Requirement, extras: set[str]) -> bool:
    """Whether the requirement holds on this machine, given the extras asked for."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


def needed_by(requirements: list[str]) -> set[str]:
    """The names of all installed distributions that these requirements need, directly or not."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(requirement, {""}) for requirement in map(Requirement, requirements)]
    while waiting:
        requirement, extras = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen or name.startswith(OF_TORCH) or not applies(requirement, extras):
            continue
        seen.add(key)
        further = metadata.requires(name) or []
        waiting += [(Requirement(line), requirement.extras | {""}) for line in further]
    return {name for name, _ in seen}


@pytest.mark.parametrize(
    ("declared", "files"),
    [
        (PROJECT["dependencies"], ("base",)),
        (PROJECT["optional-dependencies"]["local"], ("base", "local")),
        (PROJECT["optional-dependencies"]["dev"], ("base", "local", "dev")),
    ],
    ids=["base", "local", "dev"],
)
def test_everything_needed_is_pinned(declared: list[str], files: tuple[str, ...]) -> None:
    """Two installations from the same commit are the same, however much later."""
    assert set() == needed_by(declared) - pins(*files).keys()


def imported_at_once(path: Path) -> set[str]:
    """The packages that a module can't be imported without."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - set(PACKAGES)


def test_the_base_is_enough_to_start() -> None:
    """What is imported at once comes with the declared dependencies; only models in process may need more."""
    modules = [path for part in PACKAGES for path in (ROOT / part).rglob("*.py")]
    needed = {name for path in modules if path.parent.name != "local" for name in imported_at_once(path)}
    brought = needed_by(PROJECT["dependencies"])
    distributions = metadata.packages_distributions()

    assert set() == {name for name in needed if not brought & set(map(canonicalize_name, distributions[name]))}


def test_nothing_else_is_pinned() -> None:
    """A pin that nothing needs any more is removed."""
    extras = PROJECT["optional-dependencies"]
    needed = needed_by([*PROJECT["dependencies"], *extras["local"], *extras["dev"], "setuptools"])

    assert set() == pins("base", "local", "dev").keys() - needed


def test_the_pins_are_within_the_declared_ranges() -> None:
    """What is tested is what the package says that it works with."""
    extras = PROJECT["optional-dependencies"]
    pinned = pins("base", "local", "dev")
    declared = map(Requirement, [*PROJECT["dependencies"], *extras["local"], *extras["dev"]])

    outside = [
        str(requirement)
        for requirement in declared
        for pin in pinned[canonicalize_name(requirement.name)].specifier
        if not requirement.specifier.contains(pin.version)
    ]

    assert [] == outside


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.stem)
def test_a_pin_is_a_name_and_a_version(path: Path) -> None:
    """No addresses, hashes or indexes: where packages come from is the reader's choice."""
    others = [line for line in lines(path) if not re.fullmatch(r"-r [a-z]+\.txt|[a-z0-9-]+==[0-9][0-9a-z.]*", line)]

    assert [] == others


def test_the_wheel_carries_what_it_serves(tmp_path: Path) -> None:
    """Installed without the repository, the service still has its sample site, its pages and its types."""
    source = tmp_path / "source"
    for part in PACKAGES:
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    script = f"from setuptools import build_meta; print(build_meta.build_wheel({str(tmp_path)!r}))"

    built = subprocess.run([sys.executable, "-c", script], cwd=source, capture_output=True, text=True, check=True)

    with zipfile.ZipFile(tmp_path / built.stdout.split()[-1]) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = {str(path.relative_to(source)) for part in PACKAGES for path in files_of(source / part)}
    assert expected == packed


def files_of(folder: Path) -> list[Path]:
    """All files under the folder."""
    return [path for path in folder.rglob("*") if path.is_file()]
