"""A process that lives as long as the benchmark: it is told what to do next, and answers with the time that took.

Both systems are measured by this same loop. One line of JSON a task comes in on stdin, one answer a task goes out on
stdout; what a library prints goes to stderr instead. The file runs under the peer's Python too: standard library only.
"""

import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Task = Callable[..., Any]


# A turn ends after so many runs, or once it has lasted so long.
RUNS, TURN_SECONDS = 3, 0.5


def timed(work: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """The best run of a turn, and its result: the first run pays for what the other process left behind.

    The times are `seconds`, by the clock, and `cpu_seconds`, without those in which other programs had the processor.
    """
    gc.collect()
    best = {"seconds": float("inf"), "cpu_seconds": float("inf")}
    began = time.perf_counter()
    for _ in range(RUNS):
        start, cpu_start = time.perf_counter(), time.process_time()
        result = work()
        cpu_seconds, seconds = time.process_time() - cpu_start, time.perf_counter() - start
        best = {"seconds": min(best["seconds"], seconds), "cpu_seconds": min(best["cpu_seconds"], cpu_seconds)}
        if time.perf_counter() - began > TURN_SECONDS:
            break
    return best, result


def serve(tasks: Mapping[str, Task]) -> None:
    """Do the tasks that are asked for until nobody asks any more; a failed one answers with its error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    gc.collect()
    gc.freeze()  # imports are no garbage: no collection inside the clock looks at them again
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = tasks[request.pop("task")](**request)
        except Exception as error:  # noqa: BLE001 - whatever a system throws is its result for that page
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), file=answers, flush=True)


class Worker:
    """The other end: starts the process, asks it, and ends it when it takes too long."""

    def __init__(self, python: Path, script: Path) -> None:
        self._command = [str(python), "-W", "ignore", str(script)]
        self._environment = os.environ | {
            "PYTHONPATH": str(script.parents[1]),
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        self._process: subprocess.Popen[str] | None = None

    def ask(self, task: str, *, seconds: float = 3600, **arguments: Any) -> dict[str, Any]:
        """The answer to a task; `{"error": …}` where it failed, `{"timeout": True, …}` where it took too long."""
        process = self._started()
        assert process.stdin
        process.stdin.write(json.dumps({"task": task, **arguments}) + "\n")
        process.stdin.flush()
        return self._answer(process, seconds)

    def close(self) -> None:
        """End the process."""
        if self._process:
            self._process.kill()
            self._process.communicate()  # which closes the pipes
            self._process = None

    def _started(self) -> "subprocess.Popen[str]":
        if self._process is None:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, text=True, env=self._environment)
            if "ready" not in self._answer(self._process, 300):
                raise SystemExit(f"{' '.join(self._command)} did not start")
        return self._process

    def _answer(self, process: "subprocess.Popen[str]", seconds: float) -> dict[str, Any]:
        assert process.stdout
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        try:
            line = process.stdout.readline()
        finally:
            in_time = timer.is_alive()
            timer.cancel()
        if line:
            return dict(json.loads(line))
        self.close()
        return {"error": "the process died"} if in_time else {"error": f"over {seconds:g} s", "timeout": True}
