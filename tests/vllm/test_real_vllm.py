"""The generative step against a real vLLM: parity, its limits, its cache, and its death. `make test-vllm` runs them."""

import asyncio
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Phi3Config, PreTrainedTokenizerFast

from app.models.vllm import VllmPathModel
from app.seam import drive
from pruning import BlockTree, Options, Page, Pruned, TokenCounter, prune_steps
from pruning.errors import ModelError
from pruning.generative import PathLogprobs, plan_paths, score_paths
from pruning.local.causal import CausalPathModel
from tests.pruning.local import tiny_models
from tests.pruning.test_modeling_file import RELEASED

CONTEXT = 8192
# vLLM's attention on CPUs takes heads of 32 and more.
SIZE = {
    "vocab_size": 512,
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.2,  # large, so that different contexts give very different probabilities
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
# Phi-3's factors for each half of a head, and the length where it goes over from short ones to long ones.
BORDER = 128
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10_000.0,
    "factor": CONTEXT / BORDER,
    "short_factor": [1.0 + n / 40 for n in range(16)],
    "long_factor": [1.0 + n / 4 for n in range(16)],
    "original_max_position_embeddings": BORDER,
}
CONFIGS = {
    "llama": (LlamaConfig(**SIZE), "LlamaForHTMLTreeGeneration"),
    "phi3": (
        Phi3Config(**SIZE, original_max_position_embeddings=BORDER, rope_parameters=LONGROPE),
        "PHI3ForHTMLTreeGeneration",
    ),
}
PAGE = "<title>Hedges</title>" + "".join(
    f"<div><h2>Part {n}</h2><p>Hedge {n} is pruned twice a year, in June and in September.</p>"
    f"<ul><li>roses {n}<li>birds {n}<li>snow {n}</ul></div>"
    for n in range(20)
)


@dataclass(frozen=True)
class Served:
    """A vLLM that is up, and the checkpoint that it serves."""

    folder: Path
    url: str
    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        """It and its engine, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)


def save(folder: Path, family: str) -> Path:
    """A checkpoint like the released ones, of a copy that names the tree class."""
    config, tree_class = CONFIGS[family]
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tiny_models.tokenizer(), bos_token=tiny_models.BOS, eos_token=tiny_models.END
    )
    tokenizer.chat_template = tiny_models.CHAT
    tokenizer.save_pretrained(folder)
    named = json.loads((folder / "config.json").read_text()) | {
        "architectures": [tree_class],
        "auto_map": {"AutoModelForSeq2SeqLM": f"modeling_{family}.{tree_class}"},
    }
    (folder / "config.json").write_text(json.dumps(named))
    (folder / f"modeling_{family}.py").write_text(f"raise SystemExit('run')\n{RELEASED}")
    return folder


def in_process(served: Served, need: PathLogprobs) -> CausalPathModel:
    """The same model in this process, with the same of LongRoPE's factors.

    vLLM takes the long ones for every prompt, if it is started for prompts that need them. Up to where these begin,
    transformers takes the short ones, as in training, and so do we: there, a copy that has no short ones is compared.
    """
    config = json.loads((served.folder / "config.json").read_text())
    rope = config["rope_parameters"]
    if "short_factor" not in rope or len(need.context) + max(map(len, need.prefixes)) > BORDER:
        return CausalPathModel(served.folder)
    copy = served.folder.with_name("long")
    shutil.copytree(served.folder, copy, dirs_exist_ok=True)
    rope["short_factor"] = rope["long_factor"]
    (copy / "config.json").write_text(json.dumps(config))
    return CausalPathModel(copy)


@contextmanager
def serving(folder: Path, options: list[str], log: Path) -> Iterator[Served]:
    """vLLM over the checkpoint, once it is up."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # `vllm serve` is missing in the CPU build.
    command = [os.environ["VLLM_PYTHON"], "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder), *options]
    command += ["--host", "127.0.0.1", "--port", str(port), "--dtype", "float32", "--enforce-eager"]
    offline = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": "2"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=os.environ | offline, stdout=output, stderr=output, start_new_session=True
        )
    served = Served(folder, f"http://127.0.0.1:{port}", process)
    try:
        wait_until_up(served, log)
        yield served
    finally:
        if process.poll() is None:
            served.kill()
        process.wait()


def wait_until_up(served: Served, log: Path) -> None:
    """Some 100 s; fails with the end of vLLM's output where it dies."""
    for _ in range(600):
        assert served.process.poll() is None, log.read_text()[-4000:]
        try:
            if httpx.get(f"{served.url}/health").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(1)
    pytest.fail(log.read_text()[-4000:])


@pytest.fixture(scope="module", params=["llama", "phi3"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """vLLM over a small model, started by the options that importing it told."""
    family = str(request.param)
    folder = save(tmp_path_factory.mktemp("checkpoints") / family, family)
    printed = subprocess.run(
        [sys.executable, "-m", "app.cli", "model", "import", str(folder)], capture_output=True, text=True, check=True
    )
    words = shlex.split(printed.stdout)
    assert ["vllm", "serve", str(folder)] == words[:3]
    with serving(folder, words[3:], folder.with_suffix(".log")) as server:
        yield server


def use(served: Served, work: Callable[[VllmPathModel], Awaitable[Any]]) -> Any:
    """What `work` makes of a client that is loaded."""

    async def opened() -> Any:
        model = VllmPathModel(served.url)
        try:
            await model.load()
            return await work(model)
        finally:
            await model.aclose()

    return asyncio.run(opened())


def ask(served: Served, need: PathLogprobs) -> list[np.ndarray]:
    """vLLM's answer."""
    return use(served, lambda model: model.logprobs(need))


def probabilities(answer: list[np.ndarray]) -> np.ndarray:
    """Those of all siblings, node by node."""
    return np.concatenate([np.exp(values - values.max()) / np.exp(values - values.max()).sum() for values in answer])


def difference(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """The largest between any two probabilities."""
    return float(np.abs(probabilities(one) - probabilities(other)).max())


def random_need(nodes: int, children: int, length: int, vocabulary: int = 510) -> PathLogprobs:
    """A context of that length, and so many branching nodes below it."""
    rng = np.random.default_rng(length)
    prefixes = tuple((3 + node // 256, 3 + node % 256) for node in range(nodes))
    drawn = [tuple(np.sort(rng.choice(vocabulary, children, replace=False) + 1).tolist()) for _ in range(nodes)]
    return PathLogprobs(tuple(rng.integers(3, 510, length).tolist()), prefixes, tuple(drawn))


def test_a_page_is_scored_as_in_process(served: Served, record_property: Callable[[str, object], None]) -> None:
    """The same plan, and the same scores; other questions, other scores."""
    here = CausalPathModel(served.folder)
    tree = BlockTree.from_pages([Page(PAGE)])
    blocks = tree.cut(12)
    scores = []
    for question in ("When are hedges pruned?", "Which birds?"):
        plan = plan_paths(tree, blocks, np.zeros(len(blocks)), question, here)

        async def both(model: VllmPathModel, question: str = question) -> tuple[Any, list[np.ndarray]]:
            theirs = plan_paths(tree, blocks, np.zeros(len(blocks)), question, model.reader)
            return theirs.need, await model.logprobs(theirs.need)

        need, answer = use(served, both)
        assert plan.need == need
        off = difference(here.logprobs(need), answer)
        record_property("max_abs_dp", off)
        print(f"{len(need.context)} tokens, {len(need.prefixes)} nodes: max |Δp| {off:.1e}")
        assert off < 1e-3
        scores.append(score_paths(plan, answer).scores)
    assert np.abs(scores[0] - scores[1]).max() > 0.01


@pytest.mark.parametrize(
    "need",
    [
        random_need(5, 4, 20),
        random_need(5, 4, BORDER - 1),
        random_need(1030, 2, 50, 128),
        random_need(3, 300, 50),
        random_need(2, 4, CONTEXT - 3),
    ],
    ids=["short", "across the border", "1030 nodes", "300 children", "full context"],
)
def test_any_tree_is_scored_as_in_process(served: Served, need: PathLogprobs) -> None:
    """Within the server's limits, at them, and past them."""
    off = difference(in_process(served, need).logprobs(need), ask(served, need))
    print(f"{len(need.context)} tokens, {len(need.prefixes)} nodes: max |Δp| {off:.1e}")
    assert off < 1e-3


def test_what_is_too_long_is_refused_in_one_line(served: Served) -> None:
    """By vLLM's own words."""
    with pytest.raises(ModelError, match=r"the model server at \S+ answered with status 400; it says: [^\n]+$"):
        ask(served, random_need(2, 4, CONTEXT))


def test_the_context_is_read_once(served: Served) -> None:
    """The other prompts of the tree find it in the prefix cache, also when they come together with the first."""

    def counts() -> tuple[float, float]:
        lines = httpx.get(f"{served.url}/metrics").text.splitlines()
        names = ("vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total")
        return tuple(float(line.split()[-1]) for name in names for line in lines if line.startswith(name))

    before = counts()
    started = time.perf_counter()
    ask(served, random_need(60, 3, 4100, 100))
    seconds = time.perf_counter() - started
    queried, hit = (after - first for after, first in zip(counts(), before, strict=True))
    print(f"{queried:.0f} tokens asked about, {queried - hit:.0f} computed, {seconds:.1f} s")
    assert queried > 60 * 4100
    assert queried - hit < 3 * 4100


def test_a_death_in_the_middle_of_a_request_degrades_the_answer(served: Served) -> None:
    """The embedding step's ranking stands, and the answer says why; the last test, for it leaves no server."""
    long = "".join(f"<p>{n} " + "hedges and roses " * 12 + "</p>" for n in range(200))
    tree = BlockTree.from_pages([Page(long)])
    options = Options(steps=("embed", "generate"), max_tokens=2000)

    async def killed(model: VllmPathModel) -> Pruned:
        async def provide(need: Any) -> Any:
            if not isinstance(need, PathLogprobs):
                raise ModelError("no embedding model")
            asked = asyncio.create_task(model.logprobs(need))
            await asyncio.sleep(0.2)
            assert not asked.done()
            served.kill()
            return await asked

        steps = prune_steps(tree, "Where are the roses?", TokenCounter.load(), options, reader=model.reader)
        return await drive(steps, provide)

    pruned = use(served, killed)

    assert 0 < pruned.tokens <= 2000
    assert ("embed",) == tuple(step.name for step in pruned.steps)
    assert pruned.degraded[1].startswith(
        f"generate: the model server at {served.url.removeprefix('http://')} can't be "
    )
