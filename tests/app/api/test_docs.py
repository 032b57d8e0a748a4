"""The API's documentation: complete, true, and without the internet."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from app.auth import OPEN
from app.errors import PROBLEMS
from app.main import create_app
from app.settings import Settings
from tests.app.serving import served


@pytest.fixture(scope="module")
def document(plain: httpx.Client) -> dict[str, Any]:
    """The OpenAPI document."""
    return dict(plain.get("/openapi.json").json())


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every operation, by path."""
    return {path: operation for path, methods in document["paths"].items() for operation in methods.values()}


def check(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    """The value is of the shape that the document says; fields that it does not name are wrong."""
    closed = json.loads(json.dumps(document["components"]["schemas"]))
    for part in closed.values():
        if part.get("type") == "object" and "additionalProperties" not in part:
            part["additionalProperties"] = False
    jsonschema.validate(value, schema | {"components": {"schemas": closed}})


@pytest.mark.parametrize("path", ["/v1/search", "/v1/prune", "/v1/clean"])
def test_examples_work(plain: httpx.Client, document: dict[str, Any], path: str) -> None:
    """Each example is sent; what comes back has the documented shape, as has the documented answer."""
    operation = operations(document)[path]
    ((_, example),) = operation["requestBody"]["content"]["application/json"]["examples"].items()
    described = operation["responses"]["200"]["content"]["application/json"]

    answer = plain.post(path, json=example["value"])

    assert 200 == answer.status_code
    check(document, described["schema"], answer.json())
    check(document, described["schema"], described["example"])


def test_the_documented_answer_is_the_answer(whole: httpx.Client, document: dict[str, Any]) -> None:
    """The documented answer is the one to the documented request, but for times."""
    for path in ("/v1/prune", "/v1/clean"):
        operation = operations(document)[path]
        ((_, example),) = operation["requestBody"]["content"]["application/json"]["examples"].items()
        documented = operation["responses"]["200"]["content"]["application/json"]["example"]
        assert without_measurements(documented) == without_measurements(whole.post(path, json=example["value"]).json())


def without_measurements(value: Any) -> Any:
    """An answer without what differs from one machine to the next."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in ("milliseconds", "took_ms", "score")}
        return {key: without_measurements(item) for key, item in kept.items()}
    return [without_measurements(item) for item in value] if isinstance(value, list) else value


def test_everything_is_described(document: dict[str, Any]) -> None:
    """Every operation has a summary, every field of a request a description."""
    assert [] == [path for path, operation in operations(document).items() if not operation.get("summary")]
    bodies = ("SearchBody", "PruneBody", "PageBody", "CleanBody")
    assert [] == [
        (body, name)
        for body in bodies
        for name, field in document["components"]["schemas"][body]["properties"].items()
        if not field.get("description")
    ]


def test_errors_are_documented_as_problems(document: dict[str, Any]) -> None:
    """Every error has the media type of RFC 9457 and its schema, or the shape of the service it stands in for."""
    shapes: dict[str, set[str]] = {}
    for path, operation in operations(document).items():
        for status, response in operation["responses"].items():
            if not status.startswith("2"):
                # Jina's are lines of text where no JSON is asked for.
                ((media_type, content),) = [item for item in response["content"].items() if item[0] != "text/plain"]
                shape = content["schema"]["$ref"].rpartition("/")[2]
                assert ("ProblemBody" == shape) == ("application/problem+json" == media_type), (path, status)
                shapes.setdefault(shape, set()).add(path)
    assert "HTTPValidationError" not in shapes  # the framework's, which none of the routes answers with
    assert {"/v1/search", "/v1/prune", "/v1/clean", "/healthz", "/readyz"} & set().union(*shapes.values()) <= shapes[
        "ProblemBody"
    ]
    assert {"400", "413", "415", "422", "502", "503", "504"} <= set(operations(document)["/v1/search"]["responses"])


def test_a_problem_has_the_documented_shape(plain: httpx.Client, document: dict[str, Any]) -> None:
    """What is sent as a problem is what the schema says."""
    schema = document["components"]["schemas"]["ProblemBody"]
    check(document, schema, plain.post("/v1/search", json={}).json())
    check(document, schema, plain.get("/nowhere").json())


def test_keys_are_documented(tmp_path: Path, document: dict[str, Any]) -> None:
    """How a key is sent, and what is answered without one: on each address the refusal that is really sent."""
    key = "the-key-of-the-environment"
    settings = Settings(state_dir=tmp_path, embedder="none", keys_required=True, api_key=key)
    with (
        served(create_app(settings)) as (host, port),
        httpx.Client(base_url=f"http://{host}:{port}", timeout=60) as client,
    ):
        told = client.get("/openapi.json", headers={"X-API-Key": key}).json()
        schemes = told["components"]["securitySchemes"]
        assert {("bearer", None), (None, "X-API-Key")} == {(s.get("scheme"), s.get("name")) for s in schemes.values()}
        for path, methods in told["paths"].items():
            for method, operation in methods.items():
                answer = client.request(method, path.replace("{", "").replace("}", ""), headers={"Accept": "*/*"})
                if path in OPEN:
                    assert ("security" in operation, answer.status_code) == (False, 200)
                    continue
                assert [{name: []} for name in schemes] == operation["security"], path
                assert {"401", "429", "503"} <= operation["responses"].keys(), path
                described = operation["responses"]["401"]
                content = described["content"][answer.headers["content-type"].partition(";")[0]]
                assert (401, "Bearer") == (answer.status_code, answer.headers["www-authenticate"]), path
                check(
                    told, content["schema"], answer.json() if "json" in answer.headers["content-type"] else answer.text
                )

    assert "securitySchemes" not in document["components"]  # of a service that asks for none


def test_foreign_names_are_documented(plain: httpx.Client, document: dict[str, Any]) -> None:
    """On each address the refusal that is really sent to whoever asks by a name that is not this machine's own."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            headers = {"Host": "foreign.example", "Accept": "*/*"}
            answer = plain.request(method, path.replace("{", "").replace("}", ""), headers=headers)
            assert ("421" in operation["responses"]) == (answer.status_code == 421) == (path not in OPEN), path
            if path not in OPEN:
                media_type = answer.headers["content-type"].partition(";")[0]
                said = answer.json() if "json" in media_type else answer.text
                check(document, operation["responses"]["421"]["content"][media_type]["schema"], said)


def test_the_models_have_no_errors_of_chats(document: dict[str, Any]) -> None:
    """Listing them asks nobody."""
    listed = operations(document)["/v1/models"]["responses"]
    assert set() == {"400", "404", "413", "422", "429", "501", "502", "503", "504"} & listed.keys()


def test_the_page_needs_no_internet(plain: httpx.Client) -> None:
    """All that the page loads comes from the service."""
    page = plain.get("/docs").text

    loaded = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert len(loaded) >= 3
    assert [200] * len(loaded) == [plain.get(address).status_code for address in loaded]
    assert [] == [address for address in loaded if not address.startswith("/")]
    assert "/openapi.json" in page


def test_a_browser_draws_the_page(
    plain: httpx.Client, document: dict[str, Any], chromium: Path, tmp_path: Path
) -> None:
    """With all operations, and nothing of it is against the page's own Content-Security-Policy."""
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", f"--user-data-dir={tmp_path}")
    # The virtual clock stands while something loads; the page is written out when it has run down.
    told = ("--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom", f"{plain.base_url}/docs")
    drawn = subprocess.run([chromium, *flags, *told], capture_output=True, text=True, check=True, timeout=120)

    assert [] == [line for line in drawn.stderr.splitlines() if ":CONSOLE:" in line]
    assert set(document["paths"]) == set(re.findall(r'data-path="([^"]+)"', drawn.stdout))


def test_the_root_leads_to_the_documentation(plain: httpx.Client) -> None:
    """A browser that opens the service is shown something."""
    assert ("/docs", 200) == (plain.get("/").headers["location"], plain.get("/", follow_redirects=True).status_code)


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem_explains_itself(plain: httpx.Client, name: str) -> None:
    """Opening a problem's type tells what it means."""
    explained = plain.get(f"/problems/{name}").json()
    assert (f"/problems/{name}", PROBLEMS[name].title) == (explained["type"], explained["title"])
    assert explained["help"]


def test_an_unknown_problem(plain: httpx.Client) -> None:
    """There is no such problem."""
    assert 404 == plain.get("/problems/none").status_code
