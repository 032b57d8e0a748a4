"""The requests that ask a vLLM server about a tree of paths, and what its answers say. No I/O."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pruning.errors import reason
from pruning.generative import PathLogprobs

# vLLM's own limits on one request (VLLM_MAX_COMPLETION_PROMPTS, MAX_LOGPROB_TOKEN_IDS).
MOST_PROMPTS = 1024
MOST_CHILDREN = 128
# Ids of all prompts together, some 6 MB of JSON: more would hold the server's own event loop for too long.
MOST_IDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A node's children, or a part of them: `need.children[node][first:end]`."""

    node: int
    first: int
    end: int


@dataclass(slots=True)
class Request:
    """What one request asks: a prompt for each of `asked`, and for each prompt all of `children`."""

    asked: list[Asked] = field(default_factory=list)
    children: frozenset[int] = frozenset()


def split(need: PathLogprobs) -> list[Request]:
    """As few requests as a first fit finds: each node goes into the first that has room for it and its children.

    A node with more children than one request may name is asked about in parts. That is no loss: what comes back is
    normalised over the whole vocabulary, so parts compare.
    """
    most_prompts = max(1, min(MOST_PROMPTS, MOST_IDS // (len(need.context) + max(map(len, need.prefixes), default=0))))
    requests: list[Request] = []
    for node, children in enumerate(need.children):
        for first in range(0, len(children), MOST_CHILDREN):
            asked = Asked(node, first, min(first + MOST_CHILDREN, len(children)))
            wanted = frozenset(children[asked.first : asked.end])
            request = next((one for one in requests if _has_room(one, wanted, most_prompts)), None)
            if request is None:
                requests.append(request := Request())
            request.asked.append(asked)
            request.children |= wanted
    return requests


def _has_room(request: Request, wanted: frozenset[int], most_prompts: int) -> bool:
    return len(request.asked) < most_prompts and len(request.children | wanted) <= MOST_CHILDREN


def body(need: PathLogprobs, request: Request, model: str) -> bytes:
    """The request's JSON. The ids of the context, by far the most of it, are written once and copied."""
    options = {
        "model": model,
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": 1,
        "logprob_token_ids": sorted(request.children),
        "return_tokens_as_token_ids": True,
    }
    context = ",".join(map(str, need.context))
    prompts = (f"[{context}{''.join(f',{token}' for token in need.prefixes[asked.node])}]" for asked in request.asked)
    return f'{json.dumps(options)[:-1]}, "prompt": [{",".join(prompts)}]}}'.encode()


def read(need: PathLogprobs, request: Request, answer: bytes) -> list[np.ndarray]:
    """What an answer says of each of `request.asked`: float64 (children,). Raises ValueError where it says it not."""
    try:
        placed = {
            int(choice["index"]): choice["logprobs"]["top_logprobs"][0] for choice in json.loads(answer)["choices"]
        }
        found = [
            _values(placed[place], need.children[asked.node][asked.first : asked.end])
            for place, asked in enumerate(request.asked)
        ]
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"no log-probabilities of the {len(request.children)} tokens asked for: {reason(error)}"
        ) from error
    if len(placed) != len(request.asked) or not all(np.isfinite(values).all() for values in found):
        raise ValueError(f"no finite log-probabilities for {len(request.asked)} prompts")
    return found


def _values(by_token: dict[str, float], children: Sequence[int]) -> np.ndarray:
    return np.array([by_token[f"token_id:{token}"] for token in children], np.float64)


def joined(
    need: PathLogprobs, requests: Sequence[Request], answers: Sequence[Sequence[np.ndarray]]
) -> list[np.ndarray]:
    """All answers as one for the whole need."""
    whole = [np.empty(len(children)) for children in need.children]
    for request, answer in zip(requests, answers, strict=True):
        for asked, values in zip(request.asked, answer, strict=True):
            whole[asked.node][asked.first : asked.end] = values
    return whole
