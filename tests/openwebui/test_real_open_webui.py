"""A real Open WebUI in front of the service, used as a browser uses it. `make test-openwebui` runs these tests.

It has the service as an OpenAI connection, and as its own web search and loader for another model, `tiny`, which is
also the chat model that the service asks.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.cli.sample import index_sample
from app.main import create_app
from app.settings import Settings
from tests.app.serving import served
from tests.compat.chat_server import SAID
from tests.compat.conftest import PAGE, QUESTION, TEXT
from tests.openwebui.chatbot import Chatbot, last, open_webui, wait_until
from tests.openwebui.model import Model
from tests.site import site_of

ANSWER = "".join(SAID)
# The service asks for it, as it does by default.
KEY = "the-key-of-the-chatbot-in-tests"
BUDGET_PAGE = "https://secateurs.example/concepts/token-budget.html"
# A sentence of that page.
EVIDENCE = "Two pieces that cost 10 and 12 tokens apart may cost 21 or 23 together"
# Open WebUI's own search, as its admins switch it on; what it finds stands in the prompt, or is a tool of the model's.
IN_THE_PROMPT = {"features": {"web_search": True}, "params": {"function_calling": "legacy"}}
AS_A_TOOL = {"features": {"web_search": True}}


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of a site."""
    with site_of({"/roses": PAGE}) as address:
        yield address


@pytest.fixture(scope="module")
def served_model() -> Iterator[tuple[Model, str]]:
    """The chat model and its address."""
    model = Model()
    with served(model.app) as (host, port):
        yield model, f"http://{host}:{port}/v1"


@pytest.fixture
def model(served_model: tuple[Model, str]) -> Model:
    """The chat model, as it was at first."""
    served_model[0].reset()
    return served_model[0]


@pytest.fixture(scope="module")
def service(site: str, served_model: tuple[Model, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service's address: it finds the sample site's pages, and may read the site."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("state"),
        chat_model_url=served_model[1],
        chat_events=True,
        keys_required=True,
        api_key=KEY,
        fetch_allowed_hosts="127.0.0.1",
        fetch_ports=(int(site.rpartition(":")[2]),),
    )
    index_sample(settings)
    with served(create_app(settings)) as (host, port):
        yield f"http://{host}:{port}"


@pytest.fixture(scope="module")
def chatbot(
    service: str, served_model: tuple[Model, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chatbot]:
    """Open WebUI."""
    connections = {"OPENAI_API_BASE_URLS": f"{service}/v1;{served_model[1]}", "OPENAI_API_KEYS": f"{KEY};any"}
    search = {"EXTERNAL_WEB_SEARCH_URL": f"{service}/open-webui/search", "EXTERNAL_WEB_SEARCH_API_KEY": KEY}
    loader = {"EXTERNAL_WEB_LOADER_URL": f"{service}/open-webui/load", "EXTERNAL_WEB_LOADER_API_KEY": KEY}
    switches = {
        "ENABLE_WEB_SEARCH": "True",
        "WEB_SEARCH_ENGINE": "external",
        "WEB_LOADER_ENGINE": "external",
        "BYPASS_WEB_SEARCH_WEB_LOADER": "True",
        "BYPASS_WEB_SEARCH_EMBEDDING_AND_RETRIEVAL": "True",
        "ENABLE_LOCAL_WEB_FETCH": "True",  # the test's site is on this machine
    }
    with open_webui(tmp_path_factory.mktemp("chatbot"), **connections, **search, **loader, **switches) as chatbot:
        yield chatbot


def addresses(chat: dict[str, Any]) -> list[str]:
    """Of the sources of the last answer, each once, in the order in which Open WebUI counts them."""
    sources = [each["source"] for source in last(chat)["sources"] for each in source["metadata"]]
    return list(dict.fromkeys(sources))


def lines(chat: dict[str, Any]) -> list[str]:
    """The status lines above the last answer."""
    return [line["description"] for line in last(chat)["statusHistory"] if "description" in line]


def test_the_models(chatbot: Chatbot, model: Model) -> None:
    """The service is one of them."""
    assert ["secateurs", "tiny"] == sorted(chatbot.models())


def test_a_question_to_the_service(chatbot: Chatbot, model: Model) -> None:
    """It is answered from pruned pages: with status lines, and with sources that its citations count."""
    chat = chatbot.ask(QUESTION, "secateurs")

    assert (ANSWER, None) == (last(chat)["content"], last(chat).get("error"))
    (asked,) = model.conversations()
    assert EVIDENCE in json.dumps(asked["messages"])
    searching, read = lines(chat)
    assert f"Searching for “{QUESTION}”" == searching
    assert f"Read {len(addresses(chat))} pages" == read
    assert BUDGET_PAGE == addresses(chat)[0]
    assert EVIDENCE in last(chat)["sources"][0]["document"][0]
    assert all(source["source"]["name"] for source in last(chat)["sources"])


def test_its_own_tasks_search_for_nothing(chatbot: Chatbot, model: Model) -> None:
    """Titles, tags and follow-up questions are the chat model's alone."""
    chat = chatbot.ask(QUESTION, "secateurs")

    # They go on when the answer is there.
    wait_until(lambda: chatbot.chat(chat["id"])["title"] == "Counting tokens")
    wait_until(lambda: last(chatbot.chat(chat["id"])).get("followUps"))
    assert 1 == len(model.conversations())
    assert EVIDENCE not in json.dumps([body for body in model.asked if body not in model.conversations()])


def test_a_follow_up_stands_alone_where_it_is_searched_for(chatbot: Chatbot, model: Model) -> None:
    """By a query that the chat model writes from the conversation."""
    model.query = "with which tokenizer is the token budget counted"
    chat = chatbot.ask(QUESTION, "secateurs")
    chat = chatbot.ask("And with which one?", "secateurs", chat)

    assert f"Searching for “{model.query}”" == lines(chat)[0]
    assert "https://secateurs.example/reference/tokenizers.html" in addresses(chat)


def test_a_tool_of_open_webuis_own(chatbot: Chatbot, model: Model) -> None:
    """The model calls it through the service, and has the pages again when it answers; they count as before."""
    model.tools = [("get_current_timestamp", {})]
    chat = chatbot.ask(QUESTION, "secateurs")

    called, answered = model.conversations()
    assert ["user", "assistant", "tool"] == [each["role"] for each in answered["messages"] if each["role"] != "system"]
    assert all(EVIDENCE in json.dumps(body["messages"]) for body in (called, answered))
    assert last(chat)["content"].endswith(ANSWER)
    assert BUDGET_PAGE == addresses(chat)[0]


def test_an_error_is_shown(chatbot: Chatbot, model: Model) -> None:
    """Before the answer, and in the middle of one."""
    for mode, said in (("broken", "out of memory"), ("fails", "the GPU is gone")):
        model.mode = mode
        chat = chatbot.ask(QUESTION, "secateurs")
        assert said in json.dumps(last(chat)["error"])


def test_stop_ends_the_models_work(chatbot: Chatbot, model: Model) -> None:
    """As the button does."""
    model.mode = "hang"
    sent = chatbot.send(QUESTION, "secateurs")
    wait_until(model.conversations)
    chatbot.stop(sent)
    assert model.left.wait(60)


def test_its_own_search_in_the_prompt(chatbot: Chatbot, model: Model) -> None:
    """What was kept of the pages, as the service's HTML, with the numbers that Open WebUI gives them."""
    chat = chatbot.ask(QUESTION, "tiny", **IN_THE_PROMPT)

    prompt = str(model.conversations()[-1]["messages"])
    assert EVIDENCE in prompt
    assert '<source id="1"' in prompt
    assert "<h1>The token budget</h1>" in prompt
    assert (ANSWER, BUDGET_PAGE) == (last(chat)["content"], addresses(chat)[0])
    assert "Searched {{count}} sites" in lines(chat)


def test_its_own_search_as_a_tool(chatbot: Chatbot, model: Model, site: str) -> None:
    """The model searches, then reads a page: pruned for its query the one, its main content the other."""
    model.tools = [("search_web", {"query": QUESTION}), ("fetch_url", {"url": f"{site}/roses"})]
    chat = chatbot.ask("What do the manual and the roses say?", "tiny", **AS_A_TOOL)

    found, read = (each["content"] for each in model.conversations()[-1]["messages"] if each["role"] == "tool")
    assert BUDGET_PAGE in [row["link"] for row in json.loads(found)]
    assert EVIDENCE in found
    assert TEXT in read
    assert "Home" not in read
    assert last(chat)["content"].endswith(ANSWER)
    assert f"{site}/roses" in addresses(chat)


def test_the_loader(chatbot: Chatbot, model: Model, site: str) -> None:
    """A page attached to a chat; one that can't be had is an error there."""
    path = "/api/v1/retrieval/process/web?process=false"
    read = chatbot.client.post(path, json={"url": f"{site}/roses"}).json()
    none = chatbot.client.post(path, json={"url": f"{site}/none"})

    assert TEXT in json.dumps(read)
    assert "Home" not in json.dumps(read)
    assert (400, True) == (none.status_code, f"Could not read content from {site}/none" in none.text)
