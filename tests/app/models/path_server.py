"""A server that speaks vLLM's wire format and computes real probabilities from a small model, one forward per prompt.

It refuses what vLLM refuses, and what its tests need to break it can be put in its place.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from tests.app.models.at_a_time import AtATime
from tests.app.serving import served

NAME = "pruner"
MOST_PROMPTS = 1024
MOST_CHILDREN = 128

Body = dict[str, Any]


class PathServer:
    """Serves the checkpoint of a folder, its answers last prompt first, and records what it is asked.

    `fault` may answer in place of /v1/completions: it is given the request's number, from 1, and its body.
    `listed` is the list of models; `delay`, which may be changed, is what an answer takes at least, in seconds.
    """

    def __init__(
        self,
        folder: Path,
        fault: Callable[[int, Body], Response | None] | None = None,
        *,
        max_model_len: int = 4096,
        delay: float = 0.0,
    ) -> None:
        self.bodies: list[Body] = []
        self.keys: list[str | None] = []
        self.at_a_time = AtATime()
        self.max_model_len = max_model_len
        self.listed: list[Body] = [
            {"id": NAME, "object": "model", "root": str(folder), "parent": None, "max_model_len": max_model_len}
        ]
        self.tokenizer: Tokenizer | None = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self._fault = fault
        self.delay = delay
        self.app = Starlette(
            routes=[
                Route("/health", self._health),
                Route("/v1/models", self._models),
                Route("/tokenize", self._tokenize, methods=["POST"]),
                Route("/v1/completions", self._completions, methods=["POST"]),
            ]
        )

    @contextmanager
    def url(self) -> Iterator[str]:
        """Serve, under this address."""
        with served(self.app) as (host, port):
            yield f"http://{host}:{port}"

    async def _health(self, request: Request) -> Response:
        return Response()

    async def _models(self, request: Request) -> Response:
        self.keys.append(request.headers.get("authorization"))
        return JSONResponse({"object": "list", "data": self.listed})

    async def _tokenize(self, request: Request) -> Response:
        if self.tokenizer is None:
            return JSONResponse({"detail": "Not Found"}, 404)
        body = await request.json()
        ids = self.tokenizer.encode(body["prompt"], add_special_tokens=body["add_special_tokens"]).ids
        return JSONResponse({"count": len(ids), "max_model_len": self.max_model_len, "tokens": ids})

    async def _completions(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        answer = self._fault(len(self.bodies), body) if self._fault else None
        wrong = self._wrong(body)
        if answer is not None or wrong:
            error = {"message": wrong, "type": "BadRequestError", "param": None, "code": 400}
            return answer or JSONResponse({"error": error}, 400)
        async with self.at_a_time.one():
            await asyncio.sleep(self.delay)
            choices = await run_in_threadpool(self._choices, body["prompt"], body["logprob_token_ids"])
        return JSONResponse({"object": "text_completion", "model": NAME, "choices": choices[::-1]})

    def _wrong(self, body: Body) -> str:
        """What vLLM would say to a request that it does not serve."""
        prompts, ids = body["prompt"], body["logprob_token_ids"]
        longest = max(map(len, prompts))
        if len(prompts) > MOST_PROMPTS:
            return f"prompt list length {len(prompts)} exceeds the maximum allowed count of {MOST_PROMPTS}."
        if len(ids) > MOST_CHILDREN:
            return f"logprob_token_ids has {len(ids)} ids, at most {MOST_CHILDREN} are allowed."
        if longest + body["max_tokens"] > self.max_model_len:
            return f"This model's maximum context length is {self.max_model_len} tokens. Your prompt has {longest}."
        known = body["model"] in {entry["id"] for entry in self.listed}
        return "" if known else f"The model `{body['model']}` does not exist."

    def _choices(self, prompts: list[list[int]], ids: list[int]) -> list[Body]:
        """A choice for each prompt; those of one length are computed together."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for index, prompt in enumerate(prompts):
            by_length[len(prompt)].append(index)
        choices: dict[int, Body] = {}
        for together in by_length.values():
            with torch.inference_mode():
                logits = self._model(torch.tensor([prompts[index] for index in together]), logits_to_keep=1).logits
            rows = torch.log_softmax(logits[:, -1].double(), dim=-1)
            choices |= {index: _choice(index, row, ids) for index, row in zip(together, rows, strict=True)}
        return [choices[index] for index in range(len(prompts))]


def _choice(index: int, logprobs: torch.Tensor, ids: list[int]) -> Body:
    """As vLLM writes it: the sampled token first, then those asked for."""
    sampled = int(logprobs.argmax())
    top = {f"token_id:{token}": float(logprobs[token]) for token in (sampled, *ids)}
    said = {"tokens": [f"token_id:{sampled}"], "token_logprobs": [float(logprobs[sampled])], "top_logprobs": [top]}
    return {"index": index, "text": "", "logprobs": said, "finish_reason": "length"}


if __name__ == "__main__":
    uvicorn.run(PathServer(Path(sys.argv[1]), delay=float(sys.argv[3])).app, port=int(sys.argv[2]), log_level="warning")
