"""The arrows of the house: who may import whom, read from the source of every module."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import ROOT

# From top to bottom. A part may import what stands below it, never what stands beside or above it.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"app.cli", "app.cluster"}),
    frozenset({"app.main"}),
    frozenset({"app.api", "app.mcp", "app.web"}),
    frozenset({"app.configuration"}),
    frozenset({"app.auth", "app.hangup", "app.limits", "app.observability", "app.security_headers"}),
    frozenset({"app.logs", "app.metrics", "app.tracing"}),
    frozenset({"app.chat"}),
    frozenset({"app.pipeline"}),
    frozenset({"app.admission", "app.deadline", "app.pages", "app.reading"}),
    frozenset({"app.parts", "app.slots"}),
    frozenset({"app.messages"}),
    frozenset({"app.failures"}),
    frozenset({"app.errors"}),
    frozenset({"app.search", "app.fetch", "app.models"}),
    frozenset({"app.convert", "app.cache"}),
    frozenset({"app.store"}),
    frozenset(
        {"app.arrivals", "app.breaker", "app.clock", "app.http_answers", "app.http_client", "app.seam", "app.settings"}
    ),
    frozenset({"app.mistakes"}),
    frozenset({"app.account", "app.release", "app.wording"}),
    frozenset({"app"}),
    frozenset({"pruning"}),
    # The client knows the service by its HTTP API alone.
    frozenset({"secateurs"}),
)
PLACE = {part: number for number, layer in enumerate(LAYERS) for part in layer}
# The core knows no network, no settings, no event loop.
NOT_IN_PRUNING = frozenset(
    {"aiohttp", "anyio", "asyncio", "fastapi", "http", "httpcore", "httpx", "httpx2", "pydantic_settings", "redis"}
    | {"requests", "socket", "ssl", "starlette", "urllib.request", "urllib3", "uvicorn"}
)
PACKAGES = ("app", "pruning", "secateurs")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """The dotted name of the module in this file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(source: str, known: frozenset[str]) -> Iterator[str]:
    """Every module that the source imports, wherever in it; `from a import b` is `a.b` if that is one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, "the linter bans relative imports"
            joined = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else node.module for name in joined)


def part_of(module: str) -> str | None:
    """The part of the plan that a module belongs to: `app.search` for `app.search.local`; None: not ours."""
    first, *rest = module.split(".")
    if first == "app" and rest:
        return f"app.{rest[0]}"
    return first if first in PACKAGES else None


def wrong_arrows(importer: str, source: str, known: frozenset[str]) -> list[str]:
    """Each import of the source that points upwards or sideways, as `importer -> imported`."""
    part = part_of(importer)
    assert part is not None
    targets = sorted({(module, target) for module in imports_of(source, known) if (target := part_of(module))})
    return [f"{importer} -> {module}" for module, target in targets if target != part and PLACE[target] <= PLACE[part]]


@pytest.fixture(scope="module")
def known() -> frozenset[str]:
    """The names of all our modules."""
    return frozenset(map(name_of, MODULES))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_arrows_point_one_way(path: Path, known: frozenset[str]) -> None:
    """Nothing points back: api, mcp, web, cli, cluster -> pipeline -> search, fetch, models -> pruning."""
    assert [] == wrong_arrows(name_of(path), path.read_text(), known)


def test_every_part_has_a_place_in_the_plan() -> None:
    """A new part of the service is put into a layer before it is imported."""
    assert set() == {part_of(name_of(path)) for path in MODULES} - set(PLACE)


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(name_of(path)) == "pruning"], ids=name_of)
def test_the_core_knows_no_network(path: Path, known: frozenset[str]) -> None:
    """`pruning` imports neither httpx nor fastapi, nor anything else that reaches out."""
    imported = set(imports_of(path.read_text(), known))
    heads = {module.split(".")[0] for module in imported}

    assert set() == (imported | heads) & NOT_IN_PRUNING


def test_the_client_stands_apart(known: frozenset[str]) -> None:
    """It is for other programs; the service asks no service."""
    imported = {path: set(imports_of(path.read_text(), known)) for path in MODULES}

    assert {"secateurs"} == {part_of(name_of(path)) for path in MODULES if "secateurs.client" in imported[path]}


def test_importing_the_core_is_light() -> None:
    """`import pruning` needs neither the service's packages nor loads the ones of in-process models."""
    script = "import sys, pruning; print(*sys.modules, sep='\\n')"

    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    heavy = {"fastapi", "httpx", "pydantic_settings", "sentence_transformers", "torch", "transformers"}
    assert set() == heavy & set(loaded.stdout.split())


def test_no_module_is_called_utils() -> None:
    """A name that says nothing gathers everything."""
    assert [] == [name_of(path) for path in MODULES if path.stem in {"utils", "util", "helpers", "common", "misc"}]


@pytest.mark.parametrize(
    ("importer", "source", "expected"),
    [
        ("app.api.search", "from app.pipeline import Pipeline", []),
        ("app.pipeline", "from app.api import search", ["app.pipeline -> app.api.search"]),
        ("app.pipeline", "def f():\n    import app.api.search", ["app.pipeline -> app.api.search"]),
        ("app.search.local", "from app import fetch", ["app.search.local -> app.fetch"]),
        ("app.search.local", "from app.search import Hit", []),
        ("app.settings", "from app.pipeline import Pipeline", ["app.settings -> app.pipeline"]),
        ("pruning.prune", "from app.settings import Settings", ["pruning.prune -> app.settings"]),
        ("pruning.prune", "import app", ["pruning.prune -> app"]),
    ],
)
def test_a_wrong_arrow_is_seen(importer: str, source: str, expected: list[str]) -> None:
    """The reader of imports finds them at the top and inside functions, in either form."""
    known = frozenset({"app.api", "app.api.search", "app.fetch", "app.pipeline", "app.search", "app.settings"})

    assert expected == wrong_arrows(importer, source, known)
