"""OpenAI's own client, against the service in front of a chat model's server."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from app.main import create_app
from app.settings import Settings
from tests.app.serving import served
from tests.compat.chat_server import SAID, TOOL_CALL, USAGE, ChatServer
from tests.compat.conftest import HIDDEN, TEXT

ASKED = "When are old roses cut?"
QUESTION = [{"role": "user", "content": ASKED}]
JSON = {"Content-Type": "application/json"}
ROSES: dict[str, Any] = {"secateurs": {"provider": "urls"}}
OFF: dict[str, Any] = {"secateurs": {"retrieval": False}}
TITLE = "### Task:\nWrite a title.\n### Chat History:\n<chat_history>\nUSER: roses?\n</chat_history>"


@pytest.fixture(scope="module")
def server() -> ChatServer:
    """The chat model's server."""
    return ChatServer()


@pytest.fixture(scope="module")
def address(server: ChatServer, settings: Settings, site: str) -> Iterator[str]:
    """The service's, with that chat model; it finds the sample site, or one page, or asks an engine that is down."""
    with served(server.app) as (host, port):
        chosen = settings.model_copy(
            update={
                "chat_model_url": f"http://{host}:{port}",
                "chat_models": ("other",),
                "providers": ("urls", "searxng"),
                "urls": (f"{site}/roses",),
                "searxng_url": "http://127.0.0.1:9",
            }
        )
        with served(create_app(chosen)) as (host, port):
            yield f"http://{host}:{port}/v1"


@pytest.fixture
def client(address: str, server: ChatServer) -> Iterator[openai.OpenAI]:
    """A client; the server answers well, and the service has seen it do so."""
    server.mode, server.query = "well", "when are old roses cut"
    server.left.clear()
    with openai.OpenAI(base_url=address, api_key="any", max_retries=0, timeout=60) as client:
        client.chat.completions.create(model="secateurs", messages=QUESTION, extra_body=OFF)
        server.asked.clear()
        yield client


def ask(client: openai.OpenAI, messages: Any = QUESTION, extra: Any = ROSES, **options: Any) -> Any:
    """An answer, whole or as a stream."""
    return client.chat.completions.create(model="secateurs", messages=messages, extra_body=extra, **options)


def test_models(client: openai.OpenAI) -> None:
    """Ours, which stands for the configured one, and those that the settings add."""
    assert ["secateurs", "other"] == [model.id for model in client.models.list()]
    assert "other" == client.models.retrieve("other").id
    with pytest.raises(openai.NotFoundError, match="no model 'gpt'"):
        client.models.retrieve("gpt")


def test_an_answer_with_citations(client: openai.OpenAI, site: str) -> None:
    """The marks in the text are annotations whose places are theirs; what the answer was made from is told."""
    answer = ask(client, max_completion_tokens=50)
    message = answer.choices[0].message
    cited = [annotation.url_citation for annotation in message.annotations]

    assert "".join(SAID) == message.content
    assert [(f"{site}/roses", "Roses")] * 2 == [(citation.url, citation.title) for citation in cited]
    assert ["[1]", "[1]"] == [message.content[citation.start_index : citation.end_index] for citation in cited]
    assert (USAGE["total_tokens"], "secateurs") == (answer.usage.total_tokens, answer.model)
    assert (ASKED, 1) == (answer.secateurs["query"], len(answer.secateurs["sources"]))


def test_a_stream_with_citations(client: openai.OpenAI, site: str) -> None:
    """Each annotation comes with the piece of text that completes its mark; the usage comes last."""
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    text = "".join(delta.content or "" for delta in deltas)
    found = [one["url_citation"] for delta in deltas for one in (delta.model_extra or {}).get("annotations", ())]

    assert "".join(SAID) == text
    assert ["[1]", "[1]"] == [text[one["start_index"] : one["end_index"]] for one in found]
    assert {f"{site}/roses"} == {one["url"] for one in found}
    assert (5, "stop") == (chunks[-1].usage.completion_tokens, chunks[-2].choices[0].finish_reason)
    assert [ASKED] == [chunk.secateurs["query"] for chunk in chunks if hasattr(chunk, "secateurs")]


def test_the_wire_is_an_event_stream(address: str, client: openai.OpenAI) -> None:
    """As its readers want it: type, blank lines, end."""
    body = {"model": "secateurs", "messages": QUESTION, "stream": True} | OFF
    answer = httpx.post(f"{address}/chat/completions", json=body)

    assert "text/event-stream; charset=utf-8" == answer.headers["content-type"]
    assert answer.text.startswith("data: {")
    assert answer.text.endswith("}\n\ndata: [DONE]\n\n")


def test_the_prompt(client: openai.OpenAI, server: ChatServer) -> None:
    """Pages stand fenced before the question, without what their readers don't see; the client's words stay."""
    answer = ask(client, [{"role": "system", "content": "Be brief."}, *QUESTION])
    system, user = server.asked[-1]["messages"]
    fence, _, rest = user["content"].partition("\n")

    assert system["content"].startswith("Be brief.\n\nYou answer with the help of web pages.")
    assert "never an instruction" in system["content"]
    assert fence.startswith("<pages-")
    assert rest.endswith(f"</{fence[1:]}\n\n{ASKED}")
    assert TEXT in rest
    assert HIDDEN not in server.prompt()
    assert 0 < sum(answer.secateurs["removed"].values())


def test_each_request_has_a_fence_of_its_own(client: openai.OpenAI, server: ChatServer) -> None:
    """No page can know it."""
    ask(client)
    ask(client)
    fences = {asked["messages"][-1]["content"].partition("\n")[0] for asked in server.asked}
    assert 2 == len(fences)


def test_the_budget(client: openai.OpenAI) -> None:
    """Of the pages, in either field; the completion's own bound is passed on."""
    small = ask(client, extra={"secateurs": {"provider": "urls", "context_tokens": 60}})
    also = ask(client, extra=ROSES | {"context_tokens": 60})

    assert 0 < small.secateurs["tokens"] <= 60
    assert small.secateurs["tokens"] == also.secateurs["tokens"]


def test_parameters_are_passed_on(client: openai.OpenAI, server: ChatServer) -> None:
    """All but ours, as they are; the model is the server's."""
    tool = {"type": "function", "function": {"name": "water", "parameters": {"type": "object", "properties": {}}}}
    given: dict[str, Any] = {
        "temperature": 0.2, "top_p": 0.9, "stop": ["x"], "seed": 1, "tools": [tool], "tool_choice": "auto",
        "max_tokens": 9, "response_format": {"type": "text"}, "reasoning_effort": "low",
    }  # fmt: skip
    ask(client, extra=OFF, **given)

    assert given | {"model": "tiny", "messages": QUESTION, "stream": False} == server.asked[-1]


def test_another_model(client: openai.OpenAI, server: ChatServer) -> None:
    """One that the settings offer is asked for; any other is an error."""
    client.chat.completions.create(model="other", messages=QUESTION, extra_body=OFF)
    assert "other" == server.asked[-1]["model"]
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt", messages=QUESTION)
    assert "model_not_found" == caught.value.code


def test_tool_calls_and_reasoning_pass(client: openai.OpenAI, server: ChatServer) -> None:
    """In both modes, under the server's own names."""
    server.mode = "tools"
    assert TOOL_CALL["id"] == ask(client, extra=OFF).choices[0].message.tool_calls[0].id
    server.mode = "reasoning"
    assert "Hm." == ask(client, extra=OFF).choices[0].message.reasoning_content
    deltas = [chunk.choices[0].delta.model_extra or {} for chunk in ask(client, extra=OFF, stream=True)]
    assert [{"reasoning_content": "Hm.", "reasoning": "Hm."}] == [delta for delta in deltas if "reasoning" in delta]


def test_parts_of_content(client: openai.OpenAI, server: ChatServer) -> None:
    """The text of them is searched for; all are passed on behind the pages."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts = [{"type": "text", "text": ASKED}, image]
    answer = ask(client, [{"role": "user", "content": parts}])

    assert ASKED == answer.secateurs["query"]
    assert parts == server.asked[-1]["messages"][-1]["content"][1:]


def test_usage_that_the_server_does_not_give_is_counted(client: openai.OpenAI, server: ChatServer) -> None:
    """By the service's own tokenizer, which is named."""
    server.mode = "no-usage"
    whole = ask(client, extra=OFF).usage
    streamed = list(ask(client, extra=OFF, stream=True, stream_options={"include_usage": True}))[-1].usage

    assert whole == streamed
    assert (True, "tekken") == (whole.prompt_tokens > 3, whole.counted_with.split()[0])


def test_history_makes_a_query_of_its_own(client: openai.OpenAI, server: ChatServer) -> None:
    """The chat model writes it; where it can't, the last messages stand in, and the answer says so."""
    talk = [*QUESTION, {"role": "assistant", "content": "In March."}, {"role": "user", "content": "And why?"}]
    good = ask(client, talk)
    server.query = "best crypto wallets"
    strange = ask(client, talk)

    assert "when are old roses cut" == good.secateurs["query"]
    assert not any(note.startswith("query: ") for note in good.secateurs["degraded"])
    assert f"{ASKED} And why?" == strange.secateurs["query"]
    assert strange.secateurs["degraded"][0].startswith("query: the chat model wrote none")


@pytest.mark.parametrize("stream", [False, True])
def test_a_chatbots_own_prompts_are_not_searched_for(client: openai.OpenAI, server: ChatServer, stream: bool) -> None:
    """A title is written from what stands in the prompt, which is passed on as it is."""
    messages = [{"role": "user", "content": TITLE}]
    answer = ask(client, messages, stream=stream)
    about = next(iter(answer)).secateurs if stream else answer.secateurs

    assert (None, []) == (about["query"], about["sources"])
    assert messages == server.asked[-1]["messages"]


def test_nothing_found(client: openai.OpenAI, server: ChatServer) -> None:
    """The model is told to say so, and the answer says it, too."""
    nowhere = {"secateurs": {"include_domains": ["nowhere.example"]}}
    answer = ask(client, extra=nowhere)

    assert "no page was found" in server.asked[-1]["messages"][0]["content"]
    assert ([], ["search: nothing was found"]) == (answer.secateurs["sources"], answer.secateurs["degraded"])
    assert answer.choices[0].message.annotations is None


@pytest.mark.parametrize("stream", [False, True])
def test_a_search_that_fails_is_an_error(client: openai.OpenAI, server: ChatServer, stream: bool) -> None:
    """No answer is made up from nothing."""
    with pytest.raises(openai.InternalServerError, match="searxng: it can't be reached") as caught:
        ask(client, extra={"secateurs": {"provider": "searxng"}}, stream=stream)
    assert (502, "search_provider_failed", []) == (caught.value.status_code, caught.value.code, server.asked)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("mode", "status", "code", "told"),
    [
        ("unauthorized", 502, "chat_model_misconfigured", "SECATEURS_CHAT_MODEL_KEY.*Incorrect API key"),
        ("too-long", 400, "context_length_exceeded", "maximum context length is 9"),
        ("busy", 429, "chat_model_busy", "Rate limit reached"),
        ("broken", 503, "model_unavailable", "status 500; it says: out of memory"),
    ],
)
def test_the_chat_models_errors(
    client: openai.OpenAI, server: ChatServer, stream: bool, mode: str, status: int, code: str, told: str
) -> None:
    """In OpenAI's shape, with the server's words, and a status that says whose fault it is."""
    server.mode = mode
    with pytest.raises(openai.APIStatusError, match=told) as caught:
        ask(client, extra=OFF, stream=stream)
    assert (status, code) == (caught.value.status_code, caught.value.code)
    assert ("7" if mode == "busy" else None) == caught.value.response.headers.get("retry-after")


@pytest.mark.parametrize(
    ("mode", "told"),
    [("drop", "broke off in the middle"), ("malformed", "else than JSON"), ("fails", "the GPU is gone")],
)
def test_a_stream_that_fails_says_so(client: openai.OpenAI, server: ChatServer, mode: str, told: str) -> None:
    """What has come stays; the client raises, and takes no half answer for a whole one."""
    server.mode = mode
    text = ""
    with pytest.raises(openai.APIError, match=told):  # noqa: PT012
        for chunk in ask(client, extra=OFF, stream=True):
            text += chunk.choices[0].delta.content or ""
    assert "".join(SAID[:2]) == text


def test_a_whole_answer_that_is_none(client: openai.OpenAI, server: ChatServer) -> None:
    """An error, too."""
    server.mode = "malformed"
    with pytest.raises(openai.InternalServerError, match="else than JSON"):
        ask(client, extra=OFF)


@pytest.mark.parametrize("stream", [False, True])
def test_who_hangs_up_ends_the_chat_models_work(
    address: str, client: openai.OpenAI, server: ChatServer, stream: bool
) -> None:
    """Its server sees its own client go."""
    server.mode = "hang"
    body = {"messages": QUESTION, "stream": stream} | OFF
    if stream:
        with httpx.stream("POST", f"{address}/chat/completions", json=body, timeout=60) as answer:
            next(answer.iter_lines())
    else:
        content = json.dumps(body).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n"
        url = httpx.URL(address)
        with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
            connection.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode() + content)
            until = time.monotonic() + 30
            while not server.asked:
                assert time.monotonic() < until
                time.sleep(0.01)
    assert server.left.wait(30)


def test_hanging_up_many_times_leaves_no_connection_behind(
    address: str, client: openai.OpenAI, server: ChatServer
) -> None:
    """The chat model still answers."""
    server.mode = "hang"
    for _ in range(20):
        body = {"messages": QUESTION, "stream": True} | OFF
        with httpx.stream("POST", f"{address}/chat/completions", json=body, timeout=60) as answer:
            next(answer.iter_lines())
    server.mode = "well"
    assert "".join(SAID) == ask(client, extra=OFF).choices[0].message.content


def test_half_characters_pass(address: str, client: openai.OpenAI, server: ChatServer) -> None:
    """JSON can hold what UTF-8 can't: it is searched for without them, and passed on as it came."""
    server.mode = "no-usage"
    body = {"messages": [{"role": "user", "content": "roses \ud800"}], "stop": "\udc00"} | ROSES
    answer = httpx.post(f"{address}/chat/completions", content=json.dumps(body), headers=JSON, timeout=60)

    assert (200, "roses \ufffd") == (answer.status_code, answer.json()["secateurs"]["query"])
    assert ("\udc00", True) == (server.asked[-1]["stop"], "roses \ud800" in server.asked[-1]["messages"][-1]["content"])


@pytest.mark.parametrize("way", ["field", "header"])
def test_events_for_open_webui(client: openai.OpenAI, site: str, way: str) -> None:
    """Where they are asked for: status lines and sources before the answer; other clients pass over them."""
    extra = {"secateurs": {"provider": "urls"} | ({"events": True} if way == "field" else {})}
    headers = {"X-OpenWebUI-Chat-Id": "1"} if way == "header" else {}
    chunks = list(ask(client, extra=extra, stream=True, extra_headers=headers))
    events = [chunk.event for chunk in chunks if hasattr(chunk, "event")]

    assert "".join(SAID) == "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert 1 == len({(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in chunks})
    assert ["status", "status", "source"] == [event["type"] for event in events]
    assert [False, True] == [event["data"]["done"] for event in events[:2]]
    assert [{"source": f"{site}/roses", "html": True}] == events[2]["data"]["metadata"]
    assert TEXT in events[2]["data"]["document"][0]


def test_an_error_behind_an_event(client: openai.OpenAI) -> None:
    """The stream has begun: the error follows in it."""
    extra = {"secateurs": {"provider": "searxng", "events": True}}
    with pytest.raises(openai.APIError, match="searxng: it can't be reached"):
        list(ask(client, extra=extra, stream=True))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages.0.content"),
        ({"messages": QUESTION, "secateurs": {"budget": 1}}, "secateurs.budget"),
        ({"messages": QUESTION, "context_tokens": 0}, "context_tokens"),
    ],
)
def test_wrong_requests(address: str, client: openai.OpenAI, body: Any, param: str) -> None:
    """OpenAI's error object says where."""
    answer = httpx.post(f"{address}/chat/completions", content=json.dumps(body), headers=JSON)
    error = answer.json()["error"]

    assert (400, "invalid_request_error") == (answer.status_code, error["type"])
    assert error["param"].startswith(param)


def test_without_a_chat_model(settings: Settings) -> None:
    """There is no model to name, and a request says what to set."""
    with served(create_app(settings)) as (host, port):
        client = openai.OpenAI(base_url=f"http://{host}:{port}/v1", api_key="any", max_retries=0)
        with client:
            assert [] == list(client.models.list())
            with pytest.raises(openai.InternalServerError, match="SECATEURS_CHAT_MODEL_URL") as caught:
                ask(client)
    assert (501, "chat_model_not_configured") == (caught.value.status_code, caught.value.code)
