"""The examples of the API's documentation; `tests/app/api/test_docs.py` sends each and compares the answers' shape."""

from typing import Any

from app.api.v1_models import CleanBody, PruneBody, SearchBody, Strict


def _of(model: type[Strict], summary: str) -> dict[str, Any]:
    (example,) = model.model_json_schema()["examples"]
    return {"default": {"summary": summary, "value": example}}


SEARCH = _of(SearchBody, "A question")
PRUNE = _of(PruneBody, "A page and a question")
CLEAN = _of(CleanBody, "A page")


def _answered(value: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"example": value}}}


ANSWER = _answered(
    {
        "query": "When does the shop open on Sunday?",
        "content": '<section data-source="1" data-url="https://shop.example/hours"><h1>Hours</h1>\n'
        "<p>Sunday: 10 to 14.</section>",
        "format": "html",
        "tokens": 41,
        "tokenizer": "tekken",
        "results": [
            {
                "id": 1,
                "url": "https://shop.example/hours",
                "title": None,
                "snippet": None,
                "content": "<h1>Hours</h1><p>Sunday: 10 to 14.",
                "tokens": 16,
                "score": 0.61,
                "published": None,
                "author": None,
                "language": None,
                "status": "ok",
                "error": None,
            }
        ],
        "steps": [
            {
                "name": "embed",
                "model": "all-MiniLM-L6-v2",
                "milliseconds": 14.2,
                "blocks_in": 3,
                "blocks_out": 2,
                "tokens_in": 30,
                "tokens_out": 16,
            }
        ],
        "removed": {},
        "trace": None,
        "degraded": [],
        "took_ms": 17.9,
    }
)

CLEANED = _answered(
    {
        "content": "<p>What a reader sees.",
        "tokens": 9,
        "tokenizer": "tekken",
        "removed": {"hidden": 1, "script": 1},
    }
)
