"""Build both images without a Docker engine, run the service from them, and print what came of it as JSON.

    sudo apt-get install buildah debootstrap redis-server
    make image-check

The base is a Debian made by debootstrap, with Python and nothing else. The service runs as in a container: from the
image's root file system, read-only but for its volume, as the image's user, as process 1 of a PID namespace.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

ROOT = Path(__file__).resolve().parent.parent
BASE = "localhost/secateurs-base"
QUESTION = {"query": "How is the token budget counted?", "max_tokens": 512}
START_SECONDS, STOP_SECONDS = 120, 60
# Mounts are the new namespace's own, so they go with it.
CONTAINER = """
set -e
mount --bind "$1" "$1"
mount --bind "$2" "$1$3"
mount --bind /dev "$1/dev"
mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
mount -t proc proc "$1/proc"
mount -o remount,bind,ro "$1"
exec chroot --userspec="$4" "$1" /bin/sh -c 'cd "$0" && exec "$@"' "$3" "${@:5}"
"""


def main() -> None:
    """Build, run, ask, stop; the last line of stdout is the JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "image-check", help="folder for images (4 GB)")
    arguments = parser.parse_args()
    arguments.work = arguments.work.resolve()
    missing = [tool for tool in ("buildah", "debootstrap", "redis-server", "unshare") if not shutil.which(tool)]
    if missing or os.geteuid():
        raise SystemExit(f"image-check needs root and {', '.join(missing) or 'nothing else'}")
    builder = Builder(arguments.work)
    builder.make_base()
    figures: dict[str, Any] = {"base_mb": builder.megabytes(BASE)}
    for variant in ("full", "slim"):
        image = builder.build(variant)
        figures[f"{variant}_mb"] = builder.megabytes(image) - figures["base_mb"]
        with builder.mounted(image) as root:
            figures |= check(variant, root, builder.config(image), arguments.work)
            if variant == "full":
                figures["composed"] = check_composed(root, builder.config(image), arguments.work)
    answered = all(figures[f"{variant}_answered"] for variant in ("full", "slim"))
    clean = all(figures[f"{variant}_sigterm_clean"] for variant in ("full", "slim"))
    sys.stdout.write(json.dumps(figures | {"answered": answered, "sigterm_clean": clean}) + "\n")
    if not (answered and clean and figures["composed"]):
        raise SystemExit(1)


@dataclass(frozen=True)
class Builder:
    """Buildah, with a storage of its own below `work`."""

    work: Path

    def make_base(self) -> None:
        """A minimal Debian with Python, of this machine's release."""
        folder = self.work / "base"
        if not (folder / "usr/bin/python3").exists():
            shutil.rmtree(folder, ignore_errors=True)
            self.work.mkdir(parents=True, exist_ok=True)
            packages = "--include=python3,python3-venv,ca-certificates"
            _run("debootstrap", "--variant=minbase", packages, _release(), str(folder))
        if BASE not in self._buildah("images", "--format", "{{.Name}}"):
            container = self._buildah("from", "scratch")
            _run("cp", "--archive", f"{folder}/.", self._buildah("mount", container))
            self._buildah("commit", "--quiet", container, BASE)
            self._buildah("rm", container)

    def build(self, variant: str) -> str:
        """The image of that variant, with pip configured as on this machine."""
        tag = f"localhost/secateurs:{variant}"
        volumes = [f"--volume={path}:{path}:ro" for path in _pip_reads()]
        arguments = [f"--build-arg=BASE={BASE}", f"--build-arg=VARIANT={variant}", f"--tag={tag}"]
        how = ["--quiet", "--isolation=chroot", "--network=host", "--format=docker"]
        self._buildah("build-using-dockerfile", *how, *volumes, *arguments, str(ROOT))
        return tag

    def config(self, image: str) -> dict[str, Any]:
        """What the image says of how it runs: Env, User, Entrypoint, Cmd, WorkingDir, Healthcheck."""
        config: dict[str, Any] = json.loads(self._buildah("inspect", "--type", "image", image))["Docker"]["config"]
        return config

    def megabytes(self, image: str) -> int:
        """Its size, uncompressed, in 10^6 bytes."""
        with self.mounted(image) as root:
            return int(_run("du", "--summarize", "--block-size=1000000", str(root)).split()[0])

    @contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        """The image's root file system."""
        container = self._buildah("from", "--pull-never", image)
        try:
            yield Path(self._buildah("mount", container))
        finally:
            self._buildah("rm", container)

    def _buildah(self, *arguments: str) -> str:
        store = [f"--root={self.work}/store", f"--runroot={self.work}/run", "--storage-driver=vfs"]
        return _run("buildah", *store, *arguments)


def check(variant: str, root: Path, config: Mapping[str, Any], work: Path) -> dict[str, bool]:
    """Whether the service answers, and whether it finishes what it has begun when it is told to stop."""
    volume = work / f"volume-{variant}"
    shutil.rmtree(volume, ignore_errors=True)
    volume.mkdir()
    with container(root, volume, config) as (process, address):
        answer = httpx.post(f"{address}/v1/search", json=QUESTION, timeout=60)
        answered = answer.is_success and "token" in answer.json()["content"]
        healthy = _healthcheck(process, config)
        sigterm_clean = _stopped_while_asked(process, address)
    return {f"{variant}_answered": answered and healthy, f"{variant}_sigterm_clean": sigterm_clean}


def check_composed(root: Path, config: Mapping[str, Any], work: Path) -> bool:
    """Redis and the service, as the compose file starts them; nothing stands where SearXNG would.

    The index answers, its vectors are in Redis, and the search engine that is down is an error that names it.
    """
    services = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]
    redis_port, volume = _free_port(), work / "volume-composed"
    shutil.rmtree(volume, ignore_errors=True)
    volume.mkdir()
    written = services["secateurs"]["environment"].items()
    settings = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(value)) for name, value in written}
    settings["SECATEURS_KEYS_REQUIRED"] = "false"
    settings["SECATEURS_STORE_URL"] = settings["SECATEURS_STORE_URL"].replace("redis:6379", f"127.0.0.1:{redis_port}")
    settings["SECATEURS_SEARXNG_URL"] = f"http://127.0.0.1:{_free_port()}"
    redis = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", word) for word in services["redis"]["command"]]
    with _running([*redis, "--port", str(redis_port)]), container(root, volume, config, settings) as (_, address):
        local = httpx.post(f"{address}/v1/search", json=QUESTION | {"provider": "local"}, timeout=60)
        down = httpx.post(f"{address}/v1/search", json=QUESTION, timeout=60)
        kept = int(_run("redis-cli", "-p", str(redis_port), "dbsize"))
    sys.stderr.write(f"local: {local.status_code}, searxng: {down.status_code} {down.text}, keys in Redis: {kept}\n")
    return local.is_success and "token" in local.json()["content"] and "searxng" in down.json()["detail"] and kept > 0


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    """A program beside the service."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def container(
    root: Path, volume: Path, config: Mapping[str, Any], settings: Mapping[str, str] | None = None
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The service, running from the image, and its address."""
    user = config["User"]
    os.chown(volume, *map(int, user.split(":")))
    environment = dict(entry.split("=", 1) for entry in config["Env"])
    environment |= {"SECATEURS_KEYS_REQUIRED": "false"}  # asked from this machine alone
    environment |= {"SECATEURS_HOST": "127.0.0.1", "SECATEURS_PORT": str(_free_port()), **(settings or {})}
    command = [*config["Entrypoint"], *config["Cmd"]]
    written = [f"{name}={value}" for name, value in environment.items()]
    namespace = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", CONTAINER, "container"]
    inside = [str(root), str(volume), config["WorkingDir"], user, "/usr/bin/env", "-i", *written, *command]
    process = subprocess.Popen([*namespace, *inside], text=True)
    address = f"http://127.0.0.1:{environment['SECATEURS_PORT']}"
    try:
        _wait_until_ready(process, address)
        yield process, address
    finally:
        # With process 1 the namespace ends. unshare's --kill-child does not reach it: it has changed its user since.
        if process.poll() is None:
            os.kill(_first_process(process), signal.SIGKILL)
        process.wait()


def _wait_until_ready(process: "subprocess.Popen[str]", address: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"the service ended with {process.returncode} before it was ready")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{address}/readyz", timeout=5).is_success:
                return
        time.sleep(0.2)
    raise SystemExit(f"the service was not ready within {START_SECONDS} s")


def _stopped_while_asked(process: "subprocess.Popen[str]", address: str) -> bool:
    """Send SIGTERM to process 1 in the middle of a request; the request must be answered, the exit code be 0."""
    page = "".join(f"<p>Paragraph {number} about hedges, roses and other things." for number in range(40_000))
    statuses: list[int] = []

    def ask() -> None:
        body = {"query": "roses", "pages": [{"html": page}]}
        statuses.append(httpx.post(f"{address}/v1/prune", json=body, timeout=STOP_SECONDS).status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.5)
    in_the_middle = not statuses
    os.kill(_first_process(process), signal.SIGTERM)
    asking.join()
    try:
        code = process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    sys.stderr.write(f"SIGTERM in the middle: {in_the_middle}; answers: {statuses}; exit code: {code}\n")
    return in_the_middle and statuses == [200] and code == 0


def _healthcheck(process: "subprocess.Popen[str]", config: Mapping[str, Any]) -> bool:
    """Run the image's health check where the engine would: beside the service."""
    _kind, *command = config["Healthcheck"]["Test"]
    service = _first_process(process)
    environment = Path(f"/proc/{service}/environ").read_text().rstrip("\0").split("\0")
    inside = ["nsenter", f"--target={service}", "--mount", "--root", "--wd", "/usr/bin/env", "-i", *environment]
    return subprocess.run([*inside, *command]).returncode == 0


def _first_process(process: "subprocess.Popen[str]") -> int:
    """The service's number out here; inside it is 1."""
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])


def _pip_reads() -> list[Path]:
    """Configuration files of this machine's pip, and the folders of packages that they name."""
    configured = _run(sys.executable, "-m", "pip", "config", "debug")
    named = set(re.split(r"[\s=',]+", configured))
    # An index in a folder links to files beside it.
    folders = {Path(url.removeprefix("file://")).parent for url in named if url.startswith("file://")}
    return sorted(path for path in folders | set(map(Path, named)) if path.is_absolute() and path.exists())


def _release() -> str:
    """The name of this machine's Debian or Ubuntu."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["VERSION_CODENAME"].strip('"')


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _run(*command: str) -> str:
    """Its output, stripped; what it says on the way goes to stderr. Raises SystemExit when it fails."""
    sys.stderr.write(f"+ {' '.join(command[:6])}\n")
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}")
    return done.stdout.strip()


if __name__ == "__main__":
    main()
