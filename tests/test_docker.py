"""The Dockerfile and the compose files: the linters find nothing, and what they name exists."""

import re
import subprocess
import sys
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


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "docker/chromium/Dockerfile"])
def test_hadolint_finds_nothing(dockerfile: str) -> None:
    """The rules that images are commonly held to; exceptions stand in the file."""
    hadolint = Path(sys.executable).parent / "hadolint"
    found = subprocess.run([hadolint, dockerfile], cwd=ROOT, capture_output=True, text=True)
    assert (0, "") == (found.returncode, found.stdout)


def test_what_is_copied_into_the_image_exists() -> None:
    """And is not hidden from the build by .dockerignore."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    shown = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert names == shown
    assert all((ROOT / name).exists() for name in names)


def test_each_variant_of_the_image_has_its_pins() -> None:
    """`full` is what `make install` installs, `slim` all of it that needs no torch."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    sets = dict(re.findall(r"(\w+)\) set=(\w+) ;;", dockerfile))

    assert {"full": "local", "slim": "base"} == sets
    assert all((ROOT / "requirements" / f"{name}.txt").exists() for name in sets.values())
    assert sets.keys() <= set(re.findall(r"^FROM runtime AS (\w+)", dockerfile, re.MULTILINE))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_compose_files_keep_to_their_schema(path: Path) -> None:
    """The Compose Specification's own, which comes with the checker."""
    checker = Path(sys.executable).parent / "check-jsonschema"
    command = [checker, "--builtin-schema", "vendor.compose-spec", path]
    found = subprocess.run(command, capture_output=True, text=True)
    assert 0 == found.returncode, found.stdout


def interpolated(value: str) -> str:
    """The value with the defaults of its variables; one that has none is an address."""
    return re.sub(r"\$\{\w+:[?].*\}", "http://model.example/v1", re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_settings_in_compose_files_exist(path: Path) -> None:
    """Each is one, with a value that is accepted."""
    environment = services(path)["secateurs"]["environment"]
    named = {name.removeprefix(PREFIX).lower(): interpolated(value) for name, value in environment.items()}

    assert all(name.startswith(PREFIX) for name in environment)
    assert named.keys() <= Settings.model_fields.keys()
    Settings(**{name: value for name, value in named.items() if value})  # empty is not set, as in an environment


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


def test_the_browser_has_no_way_out_but_the_proxy() -> None:
    """Its one network leads to the service alone, which is told where the two meet."""
    path = ROOT / "docker/compose.browser.yaml"
    both = services(path)
    settings = both["secateurs"]["environment"]
    proxy = f"http://{both['chromium']['environment']['PROXY_HOST']}:3128"

    assert {"browser": {"internal": True}} == yaml.safe_load(path.read_text())["networks"]
    assert ["browser"] == both["chromium"]["networks"]
    assert "ports" not in both["chromium"]
    assert ("http://chromium:9222", "0.0.0.0:3128", proxy) == tuple(settings.values())


def test_only_the_service_publishes_a_port() -> None:
    """Whoever reaches another container came from the service, or from what is put beside it for people to look at."""
    publishing = {name for path in FILES for name, service in services(path).items() if "ports" in service}
    assert {"secateurs", "open-webui", "grafana"} == publishing


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_containers_give_up_what_they_do_not_need(path: Path) -> None:
    """Capabilities, and ways to new privileges. An overlay adds to a service of the main file."""
    main = services(ROOT / "docker/compose.yaml")
    for name, service in services(path).items():
        own = service | {key: main[name].get(key) for key in ("cap_drop", "security_opt") if name in main}
        assert (["ALL"], ["no-new-privileges:true"]) == (own["cap_drop"], own["security_opt"]), name


def test_the_web_and_the_inner_networks_are_apart() -> None:
    """A network is a way out, or holds what the service alone may reach; the store and the browser have no way out."""
    files = [yaml.safe_load(path.read_text()) for path in FILES]
    networks = {name: network for file in files for name, network in file.get("networks", {}).items()}
    members: dict[str, set[str]] = {}
    for file in files:
        for name, service in file["services"].items():
            assert service.get("networks"), name
            members[name] = members.get(name, set()) | set(service["networks"])

    assert {"outside"} == {name for name, network in networks.items() if not (network or {}).get("internal")}
    assert ({"store"}, {"browser"}) == (members["redis"], members["chromium"])
    for name, own in members.items():
        shared = {other for other in members if other != name and (members[other] & own) - {"outside"}}
        others = {"embedder", "vllm"} if name in {"embedder", "vllm"} else {"prometheus", "grafana"}
        assert name == "secateurs" or shared <= {"secateurs"} | others, name
        assert name != "grafana" or shared == {"prometheus"}


def test_the_example_of_settings_names_what_the_files_ask_for() -> None:
    """Each variable of the compose files, and no other."""
    asked = set(re.findall(r"\$\{([A-Z_]+)", "".join(path.read_text() for path in FILES)))
    named = set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / "docker/.env.example").read_text(), re.MULTILINE))
    assert asked == named
