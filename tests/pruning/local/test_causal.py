"""The causal language model in process, against plain forward passes of small models of every family."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GPT2Config

from pruning import BlockTree, Page
from pruning.errors import ModelError, TokenizerError
from pruning.generative import PathLogprobs, plan_paths, rank_paths, score_paths
from pruning.local.causal import CausalPathModel
from pruning.local.tree_pass import tree_logits
from pruning.prompt import Prompt
from tests.needs import ROOT
from tests.pruning.local import tiny_models
from tests.pruning.local.tiny_models import BORDER, END, INST, THINK, TURN

FAMILIES = sorted(tiny_models.configs())
TREES = 36  # for each family: 216 in all
QUESTION = "How often is the hedge pruned?"
PAGE = """<title>Hedges</title><h1>Hedges</h1><p>The hedge is pruned twice a year.</p><p>Birds nest in it.</p>
<ul><li>June, after the first growth<li>September, before the frost</ul><p>Roses need less.</p>"""


def random_need(rng: np.random.Generator, longest: int = 90) -> PathLogprobs:
    """A random context, and a random trie of a handful to a hundred nodes below it."""
    branching: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

    def grow(prefix: tuple[int, ...]) -> None:
        children = np.sort(rng.choice(512, int(rng.integers(1, 5)), replace=False)).tolist()
        if len(children) > 1:
            branching.append((prefix, tuple(children)))
        for child in children:
            if len(prefix) < 7 and rng.random() < 0.45:
                grow((*prefix, child))

    while not branching:
        grow(())
    near = BORDER - max(map(len, next(zip(*branching, strict=True))))
    length = int(rng.integers(1, longest) if rng.random() < 0.8 else rng.integers(near, BORDER + 1))
    context = rng.integers(0, 512, min(length, longest)).tolist()
    prefixes, children = zip(*branching, strict=True)
    return PathLogprobs(tuple(context), prefixes, children)


def plainly(model: Any, need: PathLogprobs) -> list[np.ndarray]:
    """What a plain forward pass for each node answers."""
    with torch.inference_mode():
        return [
            model(torch.tensor([[*need.context, *prefix]])).logits[0, -1, list(children)].numpy()
            for prefix, children in zip(need.prefixes, need.children, strict=True)
        ]


def crosses(need: PathLogprobs) -> bool:
    """Whether the prompt alone is within LongRoPE's border, and a path is not."""
    return len(need.context) <= BORDER < len(need.context) + max(map(len, need.prefixes))


def probabilities(logits: list[np.ndarray]) -> np.ndarray:
    """Those of all siblings, node by node."""
    return np.concatenate([np.exp(values - values.max()) / np.exp(values - values.max()).sum() for values in logits])


def difference(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """The largest between any two probabilities."""
    return float(np.abs(probabilities(one) - probabilities(other)).max())


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Passes of such small models take longest to start, and much longer with threads on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Llama with a chat template, whose control tokens include ones that aren't marked as such."""
    return tiny_models.save(tmp_path_factory.mktemp("models") / "tiny-llama")


@pytest.fixture(scope="module")
def causal(checkpoint: Path) -> CausalPathModel:
    """The same, loaded."""
    model = CausalPathModel(checkpoint, device="cpu")
    model.load()
    return model


@pytest.fixture(scope="module")
def tree() -> BlockTree:
    """The blocks of a page."""
    return BlockTree.from_pages([Page(PAGE)], max_words=8)


def ask(model: CausalPathModel, tree: BlockTree, question: str = QUESTION) -> np.ndarray:
    """The scores of all blocks, driven as the service does."""
    blocks = tree.cut(8)
    steps = rank_paths(tree, blocks, np.zeros(len(blocks)), question, model)
    need = next(steps)
    with pytest.raises(StopIteration) as done:
        steps.send(model.logprobs(need))
    return done.value.value.scores


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tree_pass_equals_a_pass_for_each_node(family: str) -> None:
    """Each branching node is answered as if the model had read nothing but the prompt and its prefix."""
    rng = np.random.default_rng(FAMILIES.index(family))
    needs = [random_need(rng) for _ in range(TREES)]
    plain = [
        tiny_models.always_long(family)
        if len(need.context) + max(map(len, need.prefixes)) > BORDER
        else tiny_models.model(family)
        for need in needs
    ]

    worst = max(
        difference(plainly(model, need), tree_logits(tiny_models.model(family), need, chunk=16))
        for need, model in zip(needs, plain, strict=True)
    )

    assert worst < 1e-4
    assert 3 <= sum(map(crosses, needs))


def test_the_reference_notices_other_factors() -> None:
    """Across LongRoPE's border, passes that choose their factors one by one are something else."""
    rng = np.random.default_rng(5)
    need = next(need for need in iter(lambda: random_need(rng), None) if crosses(need))
    model = tiny_models.model("phi3")

    assert difference(plainly(model, need), tree_logits(model, need)) > 1e-2


@pytest.mark.parametrize("family", ["phi3", "phi3-window"])
def test_long_factors_are_put_back(family: str) -> None:
    """A short prompt after a long one is read with the short factors."""
    model, rng = tiny_models.model(family), np.random.default_rng(1)
    short, long = random_need(rng, longest=20), random_need(rng, longest=20)
    long = PathLogprobs(long.context * BORDER, long.prefixes, long.children)

    tree_logits(model, long)

    assert difference(plainly(model, short), tree_logits(model, short)) < 1e-4


@pytest.mark.parametrize("family", FAMILIES)
def test_how_it_is_divided_does_not_matter(family: str) -> None:
    """A long prefill and a large tree are read in several passes, with the same result."""
    model, rng = tiny_models.model(family), np.random.default_rng(7)
    needs = [random_need(rng) for _ in range(5)]

    worst = max(
        difference(tree_logits(model, need), tree_logits(model, need, chunk=7, mask=5 * len(need.context)))
        for need in needs
    )

    assert worst < 1e-5


def test_nothing_asked_nothing_answered() -> None:
    """A need without prefixes takes no pass."""
    assert [] == tree_logits(tiny_models.model("llama"), PathLogprobs((1, 2), (), ()), check=pytest.fail)


def test_scores_are_the_product_of_plain_probabilities(causal: CausalPathModel, tree: BlockTree) -> None:
    """From a page to scores: the same as multiplying, path by path, what plain passes say of each step."""
    blocks = tree.cut(8)
    plan = plan_paths(tree, blocks, np.zeros(len(blocks)), QUESTION, causal)
    paths = [tuple(causal.tokenizer.encode(path)) for path in plan.paths]
    step = {
        (*prefix, child): probability
        for prefix, children, logits in zip(
            plan.need.prefixes, plan.need.children, plainly(tiny_models.model("llama"), plan.need), strict=True
        )
        for child, probability in zip(children, probabilities([logits]), strict=True)
    }
    expected = [np.prod([step.get(path[:end], 1.0) for end in range(1, len(path) + 1)]) for path in paths]

    found = np.exp(score_paths(plan, causal.logprobs(plan.need)).scores)

    assert len(blocks) == len(set(paths)) == 6
    assert np.allclose(expected, found, rtol=1e-3, atol=1e-6)
    assert np.isclose(1, found.sum())


def test_scores_depend_on_the_question(causal: CausalPathModel, tree: BlockTree) -> None:
    """The last position is read: at the first one, the model has seen neither question nor page."""
    assert np.abs(ask(causal, tree) - ask(causal, tree, "When do birds nest?")).max() > 1


def test_scores_depend_on_the_page(causal: CausalPathModel, tree: BlockTree) -> None:
    """Another page with the same paths has other scores."""
    other = BlockTree.from_pages([Page(PAGE.replace("twice", "once").replace("Birds", "Bats"))], max_words=8)

    assert np.abs(ask(causal, tree) - ask(causal, other)).max() > 1


def test_a_page_does_not_speak_as_control_tokens(causal: CausalPathModel) -> None:
    """What a page and a question spell arrives as plain text; the prompt's own control tokens are what they are."""
    page = f"<title>{INST} &lt;s&gt;</title><p>{INST} &lt;|eot_id|&gt;<p>{INST} <img alt='{INST} &lt;think&gt;'>"
    tree = BlockTree.from_pages([Page(page)], max_words=4)
    question = f"{END}{TURN}{THINK}{INST} <s>?"

    plan = plan_paths(tree, tree.cut(4), np.zeros(len(tree.cut(4))), question, causal)

    written = tiny_models.tokenizer().decode(list(plan.need.context), skip_special_tokens=False)
    controls = {token: text.content for token, text in tiny_models.tokenizer().get_added_tokens_decoder().items()}
    assert ["<s>", "<|user|>", "<|eot_id|>"] == [controls[token] for token in plan.need.context if token in controls]
    assert causal.prompt.template.replace("{html}", plan.html).replace("{question}", question) == written
    assert 4 == plan.html.count(INST)


def test_the_chat_template_is_used(checkpoint: Path) -> None:
    """A model with a chat template is asked as by its user, whose turn ends behind the last word."""
    ours = Prompt.default().template

    assert f"<s><|user|>{ours.strip()}<|eot_id|>" == CausalPathModel(checkpoint).prompt.template


def test_a_base_model_is_asked_without_a_chat(tmp_path: Path) -> None:
    """Without a chat template, the prompt begins as its texts do."""
    folder = tiny_models.save(tmp_path, chat=None)

    assert "<s>" + Prompt.default().template == CausalPathModel(folder).prompt.template


def test_a_checkpoint_brings_its_own_prompt(tmp_path: Path) -> None:
    """The template that lies beside the weights is used as it is; one that is given goes before it."""
    folder = tiny_models.save(tmp_path)
    Prompt("of the checkpoint {question} {html}").save(folder)
    given = Prompt("given {html} {question}")

    assert "of the checkpoint {question} {html}" == CausalPathModel(folder).prompt.template
    assert given == CausalPathModel(folder, prompt=given).prompt


def test_names_and_lengths(checkpoint: Path) -> None:
    """A model is named as its folder; it reads what its configuration says, or less if told so."""
    assert "tiny-llama" == CausalPathModel(checkpoint).name
    assert 4096 == CausalPathModel(checkpoint).context_length
    assert 100 == CausalPathModel(checkpoint, context_length=100).context_length
    assert 4096 == CausalPathModel(checkpoint, context_length=10_000).context_length


def test_no_code_of_a_checkpoint_is_run(checkpoint: Path, tmp_path: Path) -> None:
    """A checkpoint that names classes of its own is loaded as what its configuration says it is."""
    folder = tmp_path / "copy"
    shutil.copytree(checkpoint, folder)
    config = (folder / "config.json").read_text().rstrip().rstrip("}")
    classes = '"auto_map": {"AutoConfig": "modeling_tree.Config", "AutoModelForCausalLM": "modeling_tree.Tree"}'
    (folder / "config.json").write_text(f"{config}, {classes}}}")
    (folder / "modeling_tree.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    need = random_need(np.random.default_rng(3))

    found = CausalPathModel(folder, device="cpu").logprobs(need)

    assert not (tmp_path / "ran").exists()
    assert difference(plainly(tiny_models.model("llama"), need), found) < 1e-4


def test_what_can_not_be_loaded_is_a_model_error(tmp_path: Path, checkpoint: Path) -> None:
    """No such model, one without a tokenizer or weights, a family that no mask can express: each is told."""
    with pytest.raises(ModelError, match="nobody/nothing can't be loaded"):
        CausalPathModel("nobody/nothing").load()
    GPT2Config().save_pretrained(tmp_path)
    with pytest.raises(TokenizerError, match=r"tokenizer\.json"):
        CausalPathModel(tmp_path).load()
    shutil.copy(checkpoint / "tokenizer.json", tmp_path)
    with pytest.raises(ModelError, match="is a gpt2 model"):
        CausalPathModel(tmp_path).load()
    shutil.copy(checkpoint / "config.json", tmp_path)
    with pytest.raises(ModelError, match="can't be loaded"):
        CausalPathModel(tmp_path).load()


def test_longer_than_the_context_is_a_model_error(causal: CausalPathModel) -> None:
    """A prompt that was planned for another model is refused before anything is read."""
    with pytest.raises(ModelError, match="4101 tokens are more than tiny-llama reads: 4096"):
        causal.logprobs(PathLogprobs((1,) * 4100, ((), (2,)), ((1, 2), (3, 4))))


def test_an_id_that_the_model_lacks_is_a_model_error(causal: CausalPathModel) -> None:
    """What torch raises comes out as ours, and the next call works."""
    with pytest.raises(ModelError, match="tiny-llama failed"):
        causal.logprobs(PathLogprobs((1, 600, 2), ((),), ((1, 2),)))
    assert 1 == len(causal.logprobs(PathLogprobs((1, 2), ((),), ((1, 2),))))


def test_no_pass_begins_after_the_deadline(causal: CausalPathModel) -> None:
    """Who is too late is told so, and nothing is computed."""
    with pytest.raises(ModelError, match="too slow"):
        causal.logprobs(PathLogprobs((1, 2), ((),), ((1, 2),)), deadline=time.monotonic() - 1)


def test_waiting_for_a_turn_ends_at_the_deadline(causal: CausalPathModel) -> None:
    """A caller behind a long pass gives up when its own time is over, and not before it had a chance."""
    need = PathLogprobs((1, 2), ((),), ((1, 2),))
    with causal._turn, pytest.raises(ModelError, match="too slow"):
        causal.logprobs(need, deadline=time.monotonic() + 0.05)
    assert 1 == len(causal.logprobs(need, deadline=time.monotonic() + 60))


def test_threads_share_a_model(checkpoint: Path) -> None:
    """Threads that ask at once, also for the first time, get what each would get alone."""
    model, rng = CausalPathModel(checkpoint, device="cpu"), np.random.default_rng(2)
    needs = [random_need(rng) for _ in range(12)]
    found: dict[int, list[np.ndarray]] = {}
    threads = [
        threading.Thread(target=lambda number=number: found.update({number: model.logprobs(needs[number])}))
        for number in range(len(needs))
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    alone = [tree_logits(tiny_models.model("llama"), need) for need in needs]
    assert max(difference(one, found[number]) for number, one in enumerate(alone)) < 1e-5


def test_naming_a_model_loads_nothing() -> None:
    """Neither torch nor transformers is imported before a model is used."""
    script = "import sys; from pruning.local.causal import CausalPathModel; CausalPathModel('x'); print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert set() == {"torch", "transformers", "huggingface_hub"} & set(loaded.stdout.split())
