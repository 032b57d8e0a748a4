"""The examples of the API's documentation and its answers; the tests hold them to the service."""

from typing import Any

from app.api.v1_models import CleanBody, PruneBody, SearchBody, Strict


def _of(model: type[Strict], summary: str) -> dict[str, Any]:
    (example,) = model.model_json_schema()["examples"]
    return {"default": {"summary": summary, "value": example}}


SEARCH = _of(SearchBody, "A question")
PRUNE = _of(PruneBody, "A page and a question")
CLEAN = _of(CleanBody, "A page")


def _result(number: int, name: str, content: str, tokens: int, score: float) -> dict[str, Any]:
    said = {"title": None, "snippet": None, "content": content, "tokens": tokens, "score": score}
    unsaid = {"published": None, "author": None, "language": None, "status": "ok"}
    well = {"error": None, "from_cache": False, "duplicate_of": None}
    return {"id": number, "url": f"https://shop.example/{name}"} | said | unsaid | well


_KEPT = "<h1>Hours</h1><p>Monday to Saturday: 8 to 18.<p>Sunday: 10 to 14.\n"
_SECTION = '<section data-source="1" data-url="https://shop.example/hours">'
_ANSWER: dict[str, Any] = {
    "query": "When does the shop open on Sunday?",
    "content": f"<!DOCTYPE html>\n{_SECTION}\n{_KEPT}</section>\n",
    "format": "html",
    "tokens": 56,
    "tokenizer": "tekken",
    "results": [
        _result(1, "hours", f"<!DOCTYPE html>\n{_KEPT}", tokens=37, score=0.5608),
        _result(2, "parking", "", tokens=0, score=0.2074),
    ],
    "steps": [
        {
            "name": "embed",
            "model": "all-MiniLM-L6-v2",
            "milliseconds": 14.2,
            "blocks_in": 2,
            "blocks_read": 2,
            "blocks_out": 1,
            "tokens_in": 42,
            "tokens_out": 56,
        }
    ],
    "removed": {},
    "trace": None,
    "degraded": [],
    "took_ms": 17.9,
}
_CLEANED: dict[str, Any] = {
    "content": "<!DOCTYPE html>\n<p>What a reader sees.\n",
    "tokens": 11,
    "tokenizer": "tekken",
    "removed": {"hidden": 1, "script": 1},
}

# By route.
ANSWERS = {"/v1/search": _ANSWER, "/v1/prune": _ANSWER, "/v1/clean": _CLEANED}
