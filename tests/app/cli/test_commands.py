"""The commands that answer and end: what stands on stdout, what on stderr, and the exit code."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from app.cli import main
from app.cli.sample import SITE, index_sample
from app.settings import load_settings
from pruning import TokenCounter, clean
from tests.app.serving import served
from tests.needs import ROOT

PAGE = "<title>Hours</title><body><nav hidden>Menu</nav><h1>Hours</h1><p>Sunday: <a href=/how>10 to 14</a>. Grüße!</p>"
Captured = pytest.CaptureFixture[bytes]


@pytest.fixture
def page(tmp_path: Path) -> str:
    """A file with a page."""
    file = tmp_path / "page.html"
    file.write_text(PAGE, encoding="utf-8")
    return str(file)


@pytest.fixture(autouse=True)
def without_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands use no model, if a test does not say so."""
    monkeypatch.setenv("SECATEURS_EMBEDDER", "none")


def test_clean(page: str, capfdbinary: Captured) -> None:
    """The cleaned page, and nothing else."""
    assert 0 == main(["clean", page])

    out, err = capfdbinary.readouterr()
    assert (clean(PAGE).encode(), b"") == (out, err)
    assert b"Menu" not in out


def test_clean_keeps_links_when_asked_to(page: str, capfdbinary: Captured) -> None:
    """Links are resolved against the address given."""
    assert 0 == main(["clean", page, "--links", "--url", "https://shop.example/x"])
    assert b'href="https://shop.example/how"' in capfdbinary.readouterr().out


def test_clean_reads_stdin_as_bytes() -> None:
    """`-` is stdin, whatever its encoding; the output is UTF-8."""
    html = "<meta charset=latin1><p>Grüße"
    done = secateurs("clean", "-", stdin=html.encode("latin1"))
    assert (0, b"") == (done.returncode, done.stderr)
    assert "Grüße" in done.stdout.decode()


def test_prune(page: str, capfdbinary: Captured) -> None:
    """HTML within the budget on stdout; that a model is missing on stderr."""
    assert 0 == main(["prune", page, "-q", "When on Sunday?", "--max-tokens", "50"])

    out, err = capfdbinary.readouterr()
    assert b"Sunday: 10 to 14. Gr\xc3\xbc\xc3\x9fe!" in out
    assert 0 < TokenCounter.load("tekken").count(out.decode()) <= 50
    assert b"secateurs: degraded: embed: no embedding model is configured; ranked by BM25 instead\n" == err


def test_prune_with_its_model(page: str, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the model nothing stands on stderr, not even a progress bar of the model's library."""
    monkeypatch.delenv("SECATEURS_EMBEDDER")
    assert 0 == main(["prune", page, "-q", "When on Sunday?"])

    out, err = capfdbinary.readouterr()
    assert b"10 to 14" in out
    assert b"" == err


def test_clean_reads_more_than_html(tmp_path: Path, capfdbinary: Captured) -> None:
    """Markdown by its name, JSON by its bytes; what is no page is named."""
    for name, text in (("a.md", "# Pears\n\n- one"), ("a.data", '{"tree": "pear"}')):
        (tmp_path / name).write_text(text)
        assert 0 == main(["clean", str(tmp_path / name)])
    (tmp_path / "a.html").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert 2 == main(["clean", str(tmp_path / "a.html")])

    out, err = capfdbinary.readouterr()
    assert b"<h1>Pears</h1>" in out
    assert b"tree: pear" in out
    assert b"secateurs: this is a PNG image, not a page\n" == err


def test_a_file_that_is_no_page_costs_no_other_file_anything(page: str, tmp_path: Path, capfdbinary: Captured) -> None:
    """It is named on stderr; where none is left, that is an error."""
    image = tmp_path / "image.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert 0 == main(["prune", page, str(image), "-q", "Which days?"])
    assert f"{image}: this is a PNG image, not a page" in capfdbinary.readouterr().err.decode()
    assert 2 == main(["prune", str(image), "-q", "Which days?"])


def test_prune_several_files(page: str, tmp_path: Path, capfdbinary: Captured) -> None:
    """Each file is a page of the answer."""
    other = tmp_path / "other.html"
    other.write_bytes(b"<p>Monday: closed")
    assert 0 == main(["prune", page, str(other), "-q", "Which days?"])

    out = capfdbinary.readouterr().out
    assert [b"1", b"2"] == re.findall(rb'data-source="(\d)"', out)


def test_prune_files_and_addresses(page: str, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address is fetched; one that can't be is told, and costs the others nothing."""

    site = Starlette(routes=[Route("/good", lambda request: HTMLResponse("<p>On Monday: closed."))])
    with served(site) as (host, port):
        monkeypatch.setenv("SECATEURS_FETCH_ALLOWED_HOSTS", host)
        good, gone = f"http://{host}:{port}/good", f"http://{host}:{port}/gone"
        assert 0 == main(["prune", good, page, gone, "-q", "Which days?"])
        out, err = capfdbinary.readouterr()
        assert 2 == main(["prune", gone, "-q", "Which days?"])

    assert [b"1", b"2"] == re.findall(rb'data-source="(\d)"', out)
    assert f'data-url="{good}"'.encode() in out
    assert f"secateurs: {gone}: the server answers 404 Not Found" == err.decode().splitlines()[0]
    assert (b"", f"secateurs: {gone}: the server answers 404 Not Found\n".encode()) == capfdbinary.readouterr()


def test_prune_reads_stdin() -> None:
    """`-` is stdin."""
    done = secateurs("prune", "-", "-q", "When on Sunday?", stdin=PAGE.encode())
    assert 0 == done.returncode
    assert b"10 to 14" in done.stdout


@pytest.mark.parametrize(("written", "expected"), [("markdown", b"# Hours"), ("text", b"Hours")])
def test_prune_formats(page: str, capfdbinary: Captured, written: str, expected: bytes) -> None:
    """Other formats by an option."""
    assert 0 == main(["prune", page, "-q", "Sunday", "--format", written])
    assert expected in capfdbinary.readouterr().out


def test_prune_json(page: str, capfdbinary: Captured) -> None:
    """The whole answer as the service gives it."""
    assert 0 == main(["prune", page, "-q", "Sunday", "--json"])

    answer = json.loads(capfdbinary.readouterr().out)
    assert ("Sunday", "tekken", "ok") == (answer["query"], answer["tokenizer"], answer["results"][0]["status"])


def test_any_tokenizer_may_be_named(page: str, tmp_path: Path, capfdbinary: Captured) -> None:
    """On one's own machine a path is no danger; one that is none is an error."""
    assert 2 == main(["prune", page, "-q", "Sunday", "--tokenizer", str(tmp_path / "none.json")])
    assert b"none.json" in capfdbinary.readouterr().err


def test_index_and_search(page: str, tmp_path: Path, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is indexed, then searched."""
    monkeypatch.setenv("SECATEURS_STATE_DIR", str(tmp_path / "state"))
    assert 0 == main(["index", str(Path(page).parent), "--url", "https://shop.example/"])
    out, err = capfdbinary.readouterr()
    assert b"" == out
    assert err.startswith(b"1 added, 0 changed, 0 removed, 0 unchanged, 0 failed: ")

    question = ["search", "When on Sunday?", "--max-tokens", "100"]
    options = [[], ["--include-domain", "a.example", "--include-domain", "shop.example"], ["--language", "de"]]
    for chosen in options:
        assert 0 == main([*question, *chosen])
        assert b'data-url="https://shop.example/page.html"' in capfdbinary.readouterr().out
    for chosen in (["--exclude-domain", "shop.example"], ["--time-range", "day"], ["--page", "2"]):
        assert 0 == main([*question, *chosen])
        assert b"" == capfdbinary.readouterr().out


def test_a_folder_is_taken_out_of_the_index(
    page: str, tmp_path: Path, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list says what is in it; beside the sample site, a hint says how to be rid of that."""
    monkeypatch.setenv("SECATEURS_STATE_DIR", str(tmp_path / "state"))
    index_sample(load_settings())
    capfdbinary.readouterr()
    assert 0 == main(["index", str(Path(page).parent), "--url", "https://shop.example/"])
    hint = f"the sample site is in the index, too: secateurs index --remove {SITE}\n"
    assert capfdbinary.readouterr().err.decode().endswith(hint)

    assert 0 == main(["index", "--remove", str(SITE)])
    assert b" pages removed: " in capfdbinary.readouterr().err
    assert 0 == main(["index", "--list"])
    assert f"1\t{Path(page).parent}\thttps://shop.example/\n" == capfdbinary.readouterr().out.decode()
    assert 2 == main(["index", "--remove", str(SITE)])
    assert f"secateurs: {SITE} is not in the index; `secateurs index --list` says what is\n" == (
        capfdbinary.readouterr().err.decode()
    )
    index_sample(load_settings())
    assert 0 == main(["index", "--list"])
    assert 1 == len(capfdbinary.readouterr().out.splitlines())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["clean", "/nowhere.html"], "secateurs: /nowhere.html: No such file or directory"),
        (["clean", "/"], "secateurs: /: Is a directory"),
        (["prune", "/nowhere.html", "-q", "x"], "secateurs: /nowhere.html: No such file or directory"),
        (["prune", "PAGE", "-q", " "], "secateurs: the question is empty"),
        (["prune", "PAGE", "-q", "x", "--max-tokens", "-1"], "secateurs: max_tokens must be 0 or more, not -1"),
        (["index", "/nowhere"], "secateurs: /nowhere is not a folder"),
        (
            ["search", "x", "--provider", "nobody"],
            "secateurs: SECATEURS_PROVIDER: there is no search provider 'nobody', only brave, ddgs, exa, local",
        ),
        (
            ["search", "x", "--provider", "brave"],
            "secateurs: SECATEURS_PROVIDER: the search provider brave needs a key: set SECATEURS_BRAVE_KEY",
        ),
        (["search", " "], "secateurs: the question is empty"),
        (["search", "x", "--page", "0"], "secateurs: page and max_results must be at least 1"),
        (["search", "x", "--language", "english"], "secateurs: language must be a code such as en or pt-BR"),
        (["search", "x", "--sub-questions", "2"], "secateurs: sub_questions need a chat model"),
        (["index", "--remove", "/nowhere"], "secateurs: local: there is no index at "),
        (["eval", "--data", "PAGE", "--out", "OUT"], "secateurs: PAGE, line 1: not a question of a set"),
        (["eval", "--data", "/nowhere", "--out", "OUT"], "secateurs: /nowhere: No such file or directory"),
    ],
)
def test_errors_are_one_line(
    page: str, tmp_path: Path, arguments: list[str], expected: str, capfdbinary: Captured
) -> None:
    """Exit code 2, one line on stderr, nothing on stdout."""
    names = {"PAGE": page, "OUT": str(tmp_path / "out.jsonl")}
    assert 2 == main([names.get(argument, argument) for argument in arguments])

    out, err = capfdbinary.readouterr()
    assert b"" == out
    assert err.decode().startswith(expected.replace("PAGE", page))
    assert 1 == err.count(b"\n")


def test_a_page_over_a_limit_is_an_error(page: str, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file that can't be read as a page ends the command."""
    Path(page).write_text("x" * 2_000)
    monkeypatch.setenv("SECATEURS_PAGE_BYTES", "1000")
    assert 2 == main(["prune", page, "-q", "x"])

    out, err = capfdbinary.readouterr()
    assert b"" == out
    assert err.startswith(f"secateurs: {page}: the page has 2,000 bytes".encode())


def test_wrong_settings_are_one_line(page: str, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wrong variable is named."""
    monkeypatch.setenv("SECATEURS_PAGE_BYTES", "many")
    assert 2 == main(["prune", page, "-q", "x"])
    assert re.fullmatch(rb"secateurs: SECATEURS_PAGE_BYTES: [^\n]+\n", capfdbinary.readouterr().err)


@pytest.mark.parametrize(
    "arguments", [[], ["prune"], ["prune", "x"], ["no"], ["clean", "x", "--no"], ["serve", "--port", "x"]]
)
def test_wrong_arguments_are_one_line(arguments: list[str], capfdbinary: Captured) -> None:
    """A mistake is answered with the place where to look."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capfdbinary.readouterr()
    assert (2, b"") == (ended.value.code, out)
    assert re.fullmatch(rb"secateurs[^\n]*: [^\n]+ \(see secateurs[^\n]* --help\)\n", err)


def test_help_needs_nothing_heavy() -> None:
    """Help and mistakes are answered before anything large is imported."""
    script = "import sys; from app.cli import arguments, main; arguments.build_parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set() == {"numpy", "lxml", "fastapi", "pydantic", "torch"} & set(loaded.stdout.split())


def test_cleaning_needs_no_web_framework() -> None:
    """`clean` starts without what only the service needs."""
    script = "import sys; import app.cli.clean; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set() == {"fastapi", "uvicorn", "torch", "httpx"} & set(loaded.stdout.split())


def test_a_reader_that_leaves_early_is_no_failure(tmp_path: Path) -> None:
    """`secateurs clean FILE | head -1` ends without a traceback."""
    large = tmp_path / "large.html"
    large.write_text("<p>word</p>" * 200_000)
    command = f"{sys.executable} -m app.cli clean {large} | head -c 1"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, check=False)
    assert (b"<", b"") == (done.stdout, done.stderr)


def secateurs(*arguments: str, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ, input=stdin, capture_output=True, check=False)
