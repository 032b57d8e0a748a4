"""Search engines as small servers of ours: each holds requests to its engine's wire format, and each can break."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

KEY = "k-3141-secret"


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """An answer, or a fault in its place: `hang` sends nothing, `reset` breaks off, `truncate` after half the body."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fault: Literal["hang", "reset", "truncate"] | None = None

    def bytes(self) -> bytes:
        """The body as it is sent."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Answer = Callable[[Request], Reply]


class EngineServer:
    """Serves one engine over real sockets, in the test's own event loop."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.seen: list[Request] = []
        self.connections = 0
        self._writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def url(self) -> AsyncIterator[str]:
        """Its address."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()[:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            server.close()
            self.drop()

    def drop(self) -> None:
        """Close every connection, as servers do with idle ones."""
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *rows = head.strip().split("\r\n")
        method, target, _ = line.split()
        headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        params = dict(parse_qsl(parts.query, keep_blank_values=True))
        request = Request(method, parts.path, params, headers, _read(headers, body))
        self.seen.append(request)
        return await self._reply(self.answer(request), writer)

    async def _reply(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        if reply.fault == "hang":
            await asyncio.Event().wait()
        if reply.fault == "reset":
            writer.transport.abort()
            return False
        body = reply.bytes()
        head = [f"HTTP/1.1 {reply.status} Said", f"content-length: {len(body)}", "content-type: application/json"]
        head += [f"{name}: {value}" for name, value in reply.headers.items()]
        sent = body[: len(body) // 2] if reply.fault == "truncate" else body
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + sent)
        await writer.drain()
        return reply.fault is None


def _read(headers: dict[str, str], body: bytes) -> Any:
    """A form or JSON."""
    if "urlencoded" in headers.get("content-type", ""):
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    return json.loads(body) if body else None


def rows(first: int, count: int, **names: str) -> list[dict[str, Any]]:
    """Results of an engine that has 45 in all; `names` are its names for url, title and snippet."""
    numbers = range(first, min(first + count, 45))
    made = ({"url": f"https://a.org/{n}", "title": f"Page {n}", "snippet": f"About {n}."} for n in numbers)
    return [{names.get(name, name): value for name, value in row.items()} for row in made]


def refusal(status: int, **body: Any) -> Reply:
    """A refusal in words."""
    return Reply(body, status)


def brave(request: Request) -> Reply:
    """GET with X-Subscription-Token; at most 400 characters, 50 words, 20 results, 10 pages; no parameter unknown."""
    params = request.params
    if request.headers.get("x-subscription-token") != KEY:
        return refusal(422, error={"detail": "The provided subscription token is invalid."})
    known = {"q", "count", "offset", "text_decorations", "search_lang", "freshness", "safesearch"}
    wrong = [
        request.method != "GET",
        bool(params.keys() - known),
        not 0 < len(params["q"]) <= 400,
        len(params["q"].split()) > 50,
        not 1 <= int(params["count"]) <= 20,
        not 0 <= int(params["offset"]) <= 9,
        params.get("search_lang", "en") not in {"en", "de", "pt-br", "jp", "zh-hant"},
        params.get("freshness", "pd") not in {"pd", "pw", "pm", "py"},
        params.get("safesearch", "off") not in {"off", "moderate", "strict"},
    ]
    if any(wrong):
        return refusal(422, error={"detail": f"Unable to validate request parameter(s): {wrong}"})
    count = int(params["count"])
    found = rows(count * int(params["offset"]), count, snippet="description")
    return Reply({"type": "search", "web": {"type": "search", "results": found}} if found else {"type": "search"})


def serper(request: Request) -> Reply:
    """POST with X-API-KEY."""
    if request.headers.get("x-api-key") != KEY:
        return refusal(403, message="Unauthorized.", statusCode=403)
    body = request.body
    if request.method != "POST" or body.keys() - {"q", "num", "page", "hl", "gl", "tbs"} or not body["q"]:
        return refusal(400, message=f"Bad request: {body}")
    num = body.get("num", 10)
    return Reply({"searchParameters": body, "organic": rows(num * (body["page"] - 1), num, url="link")})


def exa(request: Request) -> Reply:
    """POST with x-api-key; at most 100 results."""
    if request.headers.get("x-api-key") != KEY:
        return refusal(401, error="Invalid API key", requestId="1")
    body = request.body
    known = {"query", "numResults", "includeDomains", "excludeDomains", "startPublishedDate", "contents", "moderation"}
    if request.method != "POST" or body.keys() - known or not 1 <= body["numResults"] <= 100:
        return refusal(400, error=f"Validation error: {body}")
    text = body["contents"]["text"]
    limit = None if text is True else text["maxCharacters"]
    found = rows(0, body["numResults"])
    for row in found:
        row["text"] = f"{row.pop('snippet')}\n\nMore < of it."[:limit]
    return Reply({"results": found})


def tavily(request: Request) -> Reply:
    """POST with a bearer token; at most 400 characters and 20 results."""
    if request.headers.get("authorization") != f"Bearer {KEY}":
        return refusal(401, detail={"error": "Unauthorized: missing or invalid API key."})
    body = request.body
    known = {"query", "max_results", "include_domains", "exclude_domains", "time_range", "include_raw_content"}
    if request.method != "POST" or body.keys() - known or not 0 <= body["max_results"] <= 20:
        return refusal(400, detail={"error": f"Bad request: {body}"})
    if len(body["query"]) > 400:
        return refusal(400, detail={"error": "Query is too long. Max query length is 400 characters."})
    found = rows(0, body["max_results"], snippet="content")
    for row in found:
        row |= {"score": 0.5, "raw_content": f"All of {row['title']}." if body["include_raw_content"] else None}
    return Reply({"query": body["query"], "answer": None, "results": found, "response_time": 0.1})


def searxng(request: Request) -> Reply:
    """GET /search with format=json, as a server answers whose settings allow it."""
    params = request.params
    known = {"q", "format", "pageno", "language", "time_range", "safesearch"}
    if request.method != "GET" or request.path != "/search" or params.keys() - known or params["format"] != "json":
        return refusal(400, error=f"wrong: {request}")
    if not params["q"] or int(params["pageno"]) < 1 or params.get("safesearch", "0") not in "012":
        return refusal(400, error=f"wrong: {params}")
    found = rows(10 * (int(params["pageno"]) - 1), 10, snippet="content")
    return Reply({"query": params["q"], "number_of_results": 0, "results": found, "unresponsive_engines": []})


ENGINES: dict[str, Answer] = {"brave": brave, "serper": serper, "exa": exa, "tavily": tavily, "searxng": searxng}
