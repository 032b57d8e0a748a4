"""How a tree of paths is parted into requests, what they say, and how their answers become one."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models import path_requests
from app.models.path_requests import MOST_CHILDREN, MOST_PROMPTS, body, joined, read, split
from pruning.generative import PathLogprobs

NEED = PathLogprobs(context=(5, 6), prefixes=((), (7,)), children=((7, 9), (8, 9)))


def need_of(sizes: list[int], *, spread: int = 1, context: int = 3) -> PathLogprobs:
    """A need with so many children at each node; those of nodes `spread` apart are others."""
    prefixes = tuple((1,) * (node % 7) for node in range(len(sizes)))
    children = tuple(
        tuple(range(1000 * (node % spread), 1000 * (node % spread) + size)) for node, size in enumerate(sizes)
    )
    return PathLogprobs((2,) * context, prefixes, children)


def answer_to(need: PathLogprobs, request: path_requests.Request) -> bytes:
    """What a server says to whom the log-probability of a token is its negative, last prompt first."""
    asked = json.loads(body(need, request, "m"))
    top = {f"token_id:{token}": -float(token) for token in asked["logprob_token_ids"]}
    choices = [{"index": n, "logprobs": {"top_logprobs": [top]}} for n in range(len(asked["prompt"]))]
    return json.dumps({"choices": choices[::-1]}).encode()


@given(sizes=st.lists(st.integers(2, 300), min_size=1, max_size=30), spread=st.integers(1, 5))
def test_every_child_is_asked_about_once_within_the_limits(sizes: list[int], spread: int) -> None:
    """Whatever the tree, and the answers joined are those of each node."""
    need = need_of(sizes, spread=spread)

    requests = split(need)

    asked = Counter((a.node, at) for request in requests for a in request.asked for at in range(a.first, a.end))
    assert Counter((node, at) for node, size in enumerate(sizes) for at in range(size)) == asked
    assert all(len(request.children) <= MOST_CHILDREN for request in requests)
    answers = [read(need, request, answer_to(need, request)) for request in requests]
    whole = joined(need, requests, answers)
    assert [[-float(token) for token in children] for children in need.children] == [row.tolist() for row in whole]


def test_nodes_with_the_same_children_share_a_request() -> None:
    """The digits behind tag names are the same everywhere: a page is one request."""
    assert 1 == len(split(need_of([100] * 500)))
    assert 2 == len(split(need_of([100] * 500, spread=2)))


def test_prompts_are_limited() -> None:
    """A tree with more nodes than one request may have prompts takes several."""
    assert [MOST_PROMPTS, 1] == [len(request.asked) for request in split(need_of([2] * (MOST_PROMPTS + 1)))]


def test_long_contexts_take_more_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no request is larger than a server reads in a moment; a prompt that is, goes alone."""
    monkeypatch.setattr(path_requests, "MOST_IDS", 250)

    assert [2, 2, 1] == [len(request.asked) for request in split(need_of([2] * 5, context=100))]
    assert [1, 1] == [len(request.asked) for request in split(need_of([2] * 2, context=400))]


def test_the_body_is_what_vllm_reads() -> None:
    """Prompts are the context and each prefix, and the tokens are those of all children."""
    (request,) = split(NEED)

    assert {
        "model": 'a "model"',
        "prompt": [[5, 6], [5, 6, 7]],
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": 1,
        "logprob_token_ids": [7, 8, 9],
        "return_tokens_as_token_ids": True,
    } == json.loads(body(NEED, request, 'a "model"'))


def choice(index: object, **values: float) -> dict[str, object]:
    """A choice as vLLM writes it."""
    top = {f"token_id:{name[1:]}": value for name, value in values.items()}
    return {"index": index, "logprobs": {"top_logprobs": [top]}}


FIRST, SECOND = choice(0, t7=-1.0, t9=-2.0), choice(1, t8=-3.0, t9=-4.0)


def test_choices_are_read_by_their_index() -> None:
    """Not by their place; what else an answer holds does not matter."""
    (request,) = split(NEED)
    answer = json.dumps({"choices": [SECOND, FIRST | {"text": "<"}], "usage": {}}).encode()

    assert [[-1.0, -2.0], [-3.0, -4.0]] == [row.tolist() for row in read(NEED, request, answer)]
    assert np.float64 == read(NEED, request, answer)[0].dtype


@pytest.mark.parametrize(
    "answer",
    [
        b"<h1>It works!</h1>",
        b"[]",
        b"{}",
        b'{"choices": null}',
        json.dumps({"choices": []}).encode(),
        json.dumps({"choices": [FIRST]}).encode(),
        json.dumps({"choices": [FIRST, SECOND, choice(2, t7=-1.0)]}).encode(),
        json.dumps({"choices": [FIRST, SECOND | {"index": 0}]}).encode(),
        json.dumps({"choices": [FIRST, SECOND | {"index": None}]}).encode(),
        json.dumps({"choices": [FIRST, choice(1, t8=-3.0)]}).encode(),
        json.dumps({"choices": [FIRST, choice(1, t8=-3.0, t9=float("nan"))]}).encode(),
        json.dumps({"choices": [FIRST, choice(1, t8=-3.0) | {"logprobs": None}]}).encode(),
        json.dumps({"choices": [FIRST, {"index": 1, "logprobs": {"top_logprobs": [None]}}]}).encode(),
        json.dumps({"choices": [FIRST, {"index": 1, "logprobs": {"top_logprobs": []}}]}).encode(),
        json.dumps({"choices": [FIRST, {"index": 1, "logprobs": {"top_logprobs": [{"<": -1.0}]}}]}).encode(),
    ],
)
def test_anything_else_is_no_answer(answer: bytes) -> None:
    """No number is made up for what a server did not say."""
    (request,) = split(NEED)
    with pytest.raises(ValueError, match=r"no |Expecting"):
        read(NEED, request, answer)
