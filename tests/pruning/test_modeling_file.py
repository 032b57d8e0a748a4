"""The prompt in a checkpoint's modeling file: every way to write it that we know, and files that have none."""

import time

import pytest

from pruning.errors import ModelError
from pruning.modeling_file import Found, read_modeling_file
from pruning.prompt import Prompt

# The shape of the released files: a template in a function in the method, formatted there, and said in a chat.
RELEASED = '''
import torch
from transformers import LlamaPreTrainedModel

logger = logging.get_logger(__name__)


class LlamaForHTMLTreeGeneration(LlamaPreTrainedModel):
    """Scores the paths of a page. `{html}` and `{question}` are places of the prompt."""

    def forward(self, query_states, key_states):
        if query_states.size() != key_states.size():
            raise ValueError(f"query is {query_states.size()}, and {key_states} the key")

    @torch.inference_mode()
    def generate_html_tree(self, tokenizer, query, htmls, **kwargs):
        def apply_html_tree_template(query, htmls):
            template = """Page: ```{input_html}```\\n*Asked*: **{question}**\\n Name a path, as <html 1><p>Words..."""
            return template.format(input_html="\\n".join(htmls), question=query)

        for index, _htmls in enumerate(htmls):
            model_input = apply_html_tree_template(query, _htmls)
            inputs = tokenizer.apply_chat_template([{"role": "user", "content": model_input}], tokenize=True)
            probs = torch.gather(self(inputs).logits[:, 0, :], -1, inputs)
'''


def test_the_released_shape() -> None:
    """Template and arguments have other names than ours, and the file speaks of a chat."""
    text = "Page: ```{html}```\n*Asked*: **{question}**\n Name a path, as <html 1><p>Words..."
    assert Found(Prompt(text), in_chat=True, scores_html=True) == read_modeling_file(RELEASED, "modeling_x.py")


WAYS = {
    "f-string": 'def f(html, question):\n    return f"A {html} B {question} C"',
    "in pieces": 'def f(html, question):\n    return (f"A {html} "\n        f"B {question} C")',
    "f-string and plus": 'def f(html, question):\n    return f"A {html} B " + question + " C"',
    "plus": 'def f(html, query):\n    return "A " + html + " B " + query + " C"',
    "plus equals": 'def f(html, query):\n    p = f"A {html}"\n    p += f" B {query}"\n    p += " C"\n    return p',
    "expressions": "def f(self, pages, q):\n    return f\"A {self.join(pages)} B {q['question'].strip()} C\"",
    "format by place": 'def f(html, question):\n    return "A {} B {} C".format(html, question)',
    "format by number": 'def f(html, question):\n    return "A {1} B {0} C".format(question, html)',
    "format by name": 'def f(a, b):\n    return "A {html} B {question} C".format(html=a, question=b)',
    "format by other names": 'def f(html, question):\n    return "A {a} B {b} C".format(a=html, b=question)',
    "format of a mapping": 'def f(values):\n    return "A {html} B {question} C".format(**values)',
    "percent": 'def f(html, question):\n    return "A %s B %s C" % (html, question)',
    "percent by name": 'def f(x):\n    return "A %(html)s B %(question)s C" % {"html": x, "question": x}',
    "replace": 'P = "A [H] B [Q] C"\ndef f(html, query):\n    return P.replace("[H]", html).replace("[Q]", query)',
    "of the module": 'P = "A {} B {} C"\ndef f(html, question):\n    return P.format(html, question)',
    "of the class": 'class M:\n P: str = "A {} B {} C"\n def f(self, html, query):\n  self.P.format(html, query)',
    "of an instance": 'def f(self, html, query):\n    self.p = "A {} B {} C"\n    return self.p.format(html, query)',
    "of a name of a name": 'P = " B "\nQ = P\ndef f(html, query):\n    return f"A {html}{Q}{query} C"',
    "stripped": 'P = """\nA {} B {} C\n"""\ndef f(html, query):\n    return P.strip().format(html, query)',
    "stripped by its name": 'def f(html, query):\n    p = f" A {html} B {query} C\\n"\n    return p.strip()',
    "stripped at the end": 'def f(html, query):\n    return f"A {html} B {query} C\\n".rstrip()',
    "formatted elsewhere": 'PROMPT = "A {html} B {question} C"',
    "assigned in passing": 'def f(html, query):\n    if p := f"A {html} B {query} C":\n        return p',
    "by a coroutine": 'async def f(html, query):\n    return f"A {html} B {query} C"',
}


@pytest.mark.parametrize("way", WAYS)
def test_a_prompt_can_be_written_in_many_ways(way: str) -> None:
    """It is the same prompt."""
    assert Prompt("A {html} B {question} C") == read_modeling_file(WAYS[way], "modeling_x.py").prompt


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('f"{{a}} {html} {question}"', "{a} {html} {question}"),
        ('"{{a}} {} {{}} {}".format(html, question)', "{a} {html} {} {question}"),
        ('"100%% {} %s".replace("%s", "x") % ()', None),
        ('"100%% %s {} %s" % (html, question)', "100% {html} {} {question}"),
        ('f"{question} {html}"', "{question} {html}"),
        ('"\\n".join([html, question])', None),
        ('f"{html} {question!r}"', None),
        ('f"{html} {question:>10}"', None),
        ('f"{html} {html} {question}"', None),
        ('f"{html} {question} {style}"', None),
        ('f"{html_of_question} {question}"', None),
        ('"{html} {"', None),
        ('"{html:d} {question}"', None),
        ('"%s %d" % (html, question)', None),
        ('"%s %s" % html', None),
        ('"%(html)s %(question)s" % question', None),
        ("html + question", None),
        ("template.format(html=html, question=question)", None),
    ],
)
def test_what_is_a_prompt_and_what_is_none(source: str, expected: str | None) -> None:
    """One place for the HTML, one for the question, and nothing that would be written otherwise than it is."""
    found = read_modeling_file(source, "modeling_x.py").prompt
    assert expected == (found and found.template)


def test_a_name_that_is_assigned_twice_says_nothing() -> None:
    """Which of them the file takes can't be seen."""
    source = 'if x:\n    P = "A {} {}"\nelse:\n    P = "B {} {}"\ndef f(html, query):\n    return P.format(html, query)'
    assert Found(None, in_chat=False, scores_html=False) == read_modeling_file(source, "modeling_x.py")


def test_names_belong_to_their_function() -> None:
    """Another function's name of the same spelling is another one."""
    source = """
def other():
    template = "{style} {question}"

def f(html, question):
    template = "{} or {}"
    return template.format(html, question)
"""
    assert Prompt("{html} or {question}") == read_modeling_file(source, "modeling_x.py").prompt


def test_several_prompts_are_an_error() -> None:
    """Nothing tells which one the model was trained with."""
    source = (
        'def f(html, query):\n    return f"A {html} B {query}"\n\ndef g(html, query):\n    return f"{query}? {html}"'
    )
    with pytest.raises(ModelError) as caught:
        read_modeling_file(source, "modeling_x.py")
    assert (
        "modeling_x.py has 2 prompts, and nothing tells which is the one: 'A {html} B {question}', '{question}? {html}'"
        == str(caught.value)
    )


@pytest.mark.parametrize("source", ["def f(:", "\0", "x = " + "(" * 5000, "x = " + "1+" * 100_000 + "1"])
def test_what_is_no_python_is_an_error(source: str) -> None:
    """In one line, whatever the parser says."""
    with pytest.raises(ModelError, match=r"^modeling_x.py is no Python that can be read: [^\n]+$"):
        read_modeling_file(source, "modeling_x.py")


@pytest.mark.parametrize(
    "source",
    [
        "".join(f"a{n} = a{n + 1} + a{n + 1}\n" for n in range(60)) + 'a60 = "{html} {question}"',
        "x = x + 'a'\ny = z\nz = y + 'b'\n",
        'a = "x" * 10**12\n',
    ],
)
def test_a_file_can_not_make_the_reader_work_forever(source: str) -> None:
    """Doublings of doublings, names that lead to themselves, and what would be long if it were run."""
    started = time.monotonic()
    read_modeling_file(source, "modeling_x.py")
    assert time.monotonic() - started < 60


def test_nothing_of_the_file_is_run(capfd: pytest.CaptureFixture[str]) -> None:
    """It is data."""
    read_modeling_file('print("run")\nraise SystemExit\n' + RELEASED, "modeling_x.py")
    assert ("", "") == capfd.readouterr()
