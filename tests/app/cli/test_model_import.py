"""`secateurs model import`: checkpoints as they are released, and folders that are none."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from pruning.checkpoint import as_text, as_turn, prompt_of
from pruning.local.causal import CausalPathModel
from pruning.prompt import PROMPT_FILE, Prompt
from tests.pruning.local import tiny_models
from tests.pruning.test_modeling_file import RELEASED

Captured = pytest.CaptureFixture[str]
THEIRS = Prompt("Page: ```{html}```\n*Asked*: **{question}**\n Name a path, as <html 1><p>Words...")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint like the released ones: native weights, and code that nobody needs to run."""
    folder = tiny_models.save(tmp_path / "HTML-Pruner")
    configure(folder, auto_map={"AutoModelForSeq2SeqLM": "modeling_llama.LlamaForHTMLTreeGeneration"})
    (folder / "modeling_llama.py").write_text(f"raise SystemExit('run')\n{RELEASED}")
    (folder / "configuration_llama.py").write_text("raise SystemExit('run')\n")
    return folder


def configure(folder: Path, **values: Any) -> None:
    """Change the configuration of a checkpoint; None removes a value."""
    config = json.loads((folder / "config.json").read_text()) | values
    config = {name: value for name, value in config.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(config))


def test_a_released_checkpoint(checkpoint: Path, capfd: Captured) -> None:
    """Its prompt lies beside the weights as a turn of its chat; vLLM's command is on stdout, and nothing else."""
    assert 0 == main(["model", "import", str(checkpoint)])

    out, err = capfd.readouterr()
    assert as_turn(THEIRS, checkpoint) == prompt_of(checkpoint)
    assert [
        *("vllm", "serve", str(checkpoint), "--served-model-name", "HTML-Pruner", "--port", "8001"),
        *("--max-model-len", "4096", "--enable-prefix-caching"),
    ] == shlex.split(out)
    assert err == (
        f"secateurs: the prompt of modeling_llama.py is written to {checkpoint / PROMPT_FILE}\n"
        f"secateurs: then: SECATEURS_PATH_MODEL=http://127.0.0.1:8001 SECATEURS_PATH_MODEL_TOKENIZER={checkpoint} "
        "secateurs serve\n"
    )


def test_an_imported_checkpoint_is_asked_by_its_prompt(checkpoint: Path) -> None:
    """In this process too."""
    main(["model", "import", str(checkpoint)])
    assert as_turn(THEIRS, checkpoint) == CausalPathModel(checkpoint).prompt


def test_importing_twice_is_importing_once(checkpoint: Path) -> None:
    """What was written before is not read as what is to be written."""
    main(["model", "import", str(checkpoint)])
    once = (checkpoint / PROMPT_FILE).read_text()
    main(["model", "import", str(checkpoint)])
    assert once == (checkpoint / PROMPT_FILE).read_text()


@pytest.mark.parametrize("architectures", [["LlamaForHTMLTreeGeneration"], [], None])
def test_a_copy_that_names_the_tree_class(checkpoint: Path, architectures: list[str] | None, capfd: Captured) -> None:
    """vLLM is told which class it has for such weights."""
    configure(checkpoint, architectures=architectures)
    assert 0 == main(["model", "import", str(checkpoint)])

    words = shlex.split(capfd.readouterr().out)
    assert {"architectures": ["LlamaForCausalLM"]} == json.loads(words[words.index("--hf-overrides") + 1])


@pytest.mark.parametrize(("options", "expected"), [([], "32768"), (["--context", "9999"], "9999")])
def test_the_context_that_vllm_sets_memory_aside_for(
    checkpoint: Path, options: list[str], expected: str, capfd: Captured
) -> None:
    """Not all that a model can read: 128k tokens of Phi-3.8B would take 50 GB."""
    configure(checkpoint, max_position_embeddings=131_072)
    assert 0 == main(["model", "import", str(checkpoint), *options])

    words = shlex.split(capfd.readouterr().out)
    assert expected == words[words.index("--max-model-len") + 1]


def test_a_prompt_that_is_no_turn(checkpoint: Path) -> None:
    """Where the file speaks of no chat, the prompt is text."""
    (checkpoint / "modeling_llama.py").write_text(RELEASED.replace("apply_chat_template", "tokenize"))
    assert 0 == main(["model", "import", str(checkpoint)])
    assert as_text(THEIRS, checkpoint) == prompt_of(checkpoint)


@pytest.mark.parametrize("code", [None, "class Phi3ForCausalLM:\n    pass\n"])
def test_a_model_without_a_prompt_of_its_own(checkpoint: Path, code: str | None, capfd: Captured) -> None:
    """It is asked by ours, and nothing is written."""
    (checkpoint / "modeling_llama.py").unlink()
    if code:
        (checkpoint / "modeling_phi3.py").write_text(code)
    before = sorted(checkpoint.iterdir())
    assert 0 == main(["model", "import", str(checkpoint)])

    assert "secateurs: it has no prompt of its own, and will be asked by ours\n" in capfd.readouterr().err
    assert before == sorted(checkpoint.iterdir())


def test_a_prompt_that_was_written_by_hand_stays(checkpoint: Path, capfd: Captured) -> None:
    """Where no file tells another one."""
    (checkpoint / "modeling_llama.py").unlink()
    THEIRS.save(checkpoint)
    assert 0 == main(["model", "import", str(checkpoint)])

    assert f"secateurs: the prompt is that of {checkpoint / PROMPT_FILE}\n" in capfd.readouterr().err
    assert THEIRS == prompt_of(checkpoint)


def break_by(name: str, content: str | None) -> Any:
    """A change to a checkpoint: a file's content, or that it is gone."""

    def change(folder: Path) -> None:
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_text(content)

    return change


OTHER = 'def f(html, question):\n    return f"{html} {question}"'
BROKEN = {
    "no configuration": (break_by("config.json", None), [], "holds no checkpoint: it has no config.json"),
    "no JSON": (break_by("config.json", "{"), [], "config.json is no JSON"),
    "no tokenizer": (break_by("tokenizer.json", None), [], "tokenizer.json"),
    "no chat template": (break_by("chat_template.jinja", None), [], "has no chat template"),
    "a broken chat template": (break_by("chat_template.jinja", "{% for"), [], "can't be used"),
    "no Python": (break_by("modeling_llama.py", "def f(:"), [], "modeling_llama.py is no Python"),
    "no prompt": (
        break_by("modeling_llama.py", "def generate_html_tree(self): pass"),
        [],
        "modeling_llama.py scores HTML, but no prompt was found in it",
    ),
    "two prompts": (break_by("modeling_llama.py", f"{RELEASED}\n{OTHER}"), [], "has 2 prompts"),
    "two files": (break_by("modeling_x.py", OTHER), [], "several prompts, in modeling_llama.py, modeling_x.py"),
    "an unknown class": (
        lambda folder: configure(folder, architectures=["TreeModel"], model_type="tree"),
        [],
        "names ['TreeModel'] for a tree model; known are llama, mistral",
    ),
    "no context": (lambda folder: None, ["--context", "0"], "--context must be 1 or more, not 0"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_can_not_be_imported_is_an_error_of_one_line(checkpoint: Path, case: str, capfd: Captured) -> None:
    """It names the file, and nothing is written or printed that could be used."""
    change, options, said = BROKEN[case]
    change(checkpoint)

    assert 2 == main(["model", "import", str(checkpoint), *options])

    out, err = capfd.readouterr()
    assert "" == out
    assert said in err
    assert err.startswith("secateurs: ")
    assert 1 == len(err.splitlines())
    assert not (checkpoint / PROMPT_FILE).exists()


@pytest.mark.parametrize("folder", ["no/such/folder", "file"])
def test_a_folder_is_needed(tmp_path: Path, folder: str, capfd: Captured) -> None:
    """Neither nothing nor a file will do."""
    (tmp_path / "file").touch()
    assert 2 == main(["model", "import", str(tmp_path / folder)])
    assert f"secateurs: {tmp_path / folder} is no folder\n" == capfd.readouterr().err
