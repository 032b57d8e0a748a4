"""The arguments of the command line."""

import argparse
from pathlib import Path
from typing import NoReturn, TypeAlias


class _Parser(argparse.ArgumentParser):
    """Tells a wrong argument in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each names the function that runs it in `run`, as "module:function"."""
    parser = _Parser(
        prog="secateurs",
        description="Prunes web pages down to the HTML that answers a question, within an exact token budget.",
        epilog="Every setting is an environment variable, SECATEURS_…; docs/settings.md lists them.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_serve, _search, _prune, _clean, _index, _key, _cache, _config, _model, _eval):
        add(commands)
    return parser


Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def _command(commands: Commands, name: str, run: str, about: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=about)
    parser.set_defaults(run=run)
    return parser


def _serve(commands: Commands) -> None:
    parser = _command(commands, "serve", "app.cli.serve:run", "Start the service.")
    parser.add_argument("--host", help="address to listen on (SECATEURS_HOST)")
    parser.add_argument("--port", type=int, help="port to listen on (SECATEURS_PORT)")
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes (SECATEURS_WORKERS)")


def _search(commands: Commands) -> None:
    parser = _command(commands, "search", "app.cli.answer:search", "Search, and write the pruned pages to stdout.")
    parser.add_argument("question", metavar="QUESTION")
    parser.add_argument("--max-results", type=int, default=10, metavar="N", help="pages to read (10)")
    parser.add_argument("--page", type=int, default=1, metavar="N", help="page of the results (1)")
    parser.add_argument("--provider", help="search provider (SECATEURS_PROVIDER)")
    parser.add_argument(
        "--include-domain", action="append", default=[], metavar="HOST", help="only its pages; repeatable"
    )
    parser.add_argument("--exclude-domain", action="append", default=[], metavar="HOST", help="none of its pages")
    parser.add_argument("--language", metavar="CODE", help="pages in this language, such as en or pt-BR")
    parser.add_argument("--time-range", choices=("day", "week", "month", "year"), help="pages published since then")
    parser.add_argument("--safe-search", choices=("off", "moderate", "strict"), help="by default as the engine does")
    parser.add_argument(
        "--sub-questions",
        type=int,
        metavar="N",
        help="searches beside it, which a chat model derives from the question",
    )
    _answer_options(parser)


def _prune(commands: Commands) -> None:
    parser = _command(commands, "prune", "app.cli.answer:prune", "Prune pages and write the result to stdout.")
    parser.add_argument(
        "pages",
        nargs="+",
        metavar="FILE|URL",
        help="a file (HTML, PDF, Markdown …), - for stdin, or an address to fetch it from",
    )
    parser.add_argument("-q", "--question", required=True, help="what to prune for")
    _answer_options(parser)


def _clean(commands: Commands) -> None:
    parser = _command(commands, "clean", "app.cli.clean:run", "Clean a page and write the result to stdout.")
    parser.add_argument("files", metavar="FILE", help="a file (HTML, PDF, Markdown …); - reads stdin")
    parser.add_argument("--url", help="where the page is from; links are resolved against it")
    parser.add_argument("--links", action="store_true", help="keep links")


def _index(commands: Commands) -> None:
    parser = _command(
        commands, "index", "app.cli.index:run", "Index a folder of HTML and Markdown files for searching."
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("folder", type=Path, nargs="?", metavar="DIR")
    what.add_argument("--list", action="store_true", help="list the folders that are in the index")
    what.add_argument("--remove", type=Path, metavar="DIR", help="take a folder out of the index; its files stay")
    parser.add_argument("--url", metavar="PREFIX", help="address of the folder, for the results (file: addresses)")


def _key(commands: Commands) -> None:
    about = "Make, list and revoke API keys; running services know at once."
    actions = commands.add_parser("key", help=about, description=about)
    inner = actions.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = _command(inner, "add", "app.cli.key:add", "Make a key and write it to stdout, once: only its hash is kept.")
    add.add_argument("name", metavar="NAME", help="whose it is, for the list and for revoking")
    add.add_argument("--rate", metavar="N/UNIT", help="requests in each second, minute or hour, such as 60/minute")
    add.add_argument("--quota", metavar="N/UNIT", help="requests in each day or month of UTC, such as 10000/month")
    _command(inner, "list", "app.cli.key:tell", "List the keys, their limits and what is used of them.")
    revoke = _command(inner, "revoke", "app.cli.key:revoke", "End a key.")
    revoke.add_argument("name", metavar="NAME")


def _cache(commands: Commands) -> None:
    about = "Look after the cache of pages and embeddings."
    actions = commands.add_parser("cache", help=about, description=about)
    inner = actions.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _command(inner, "stats", "app.cli.cache:stats", "Tell how much is in it, and where it is.")
    _command(inner, "clear", "app.cli.cache:clear", "Forget everything in it.")


def _config(commands: Commands) -> None:
    about = "Look at the settings, which are environment variables."
    actions = commands.add_parser("config", help=about, description=about)
    inner = actions.add_subparsers(title="commands", metavar="COMMAND", required=True)
    about = "Say what is wrong with them, a line each; exit with 1 where something is."
    parser = _command(inner, "check", "app.cli.config:check", about)
    parser.add_argument(
        "--connect",
        action="store_true",
        help="also ask each server and load each model that they name; one search at each search provider",
    )
    _command(inner, "show", "app.cli.config:show", "Write all of them, secrets masked.")


def _model(commands: Commands) -> None:
    about = "Prepare language models for the step generate."
    actions = commands.add_parser("model", help=about, description=about)
    inner = actions.add_subparsers(title="commands", metavar="COMMAND", required=True)
    about = "Read a checkpoint's own prompt, write it beside the weights, and print how vLLM serves the model."
    parser = _command(inner, "import", "app.cli.model:import_checkpoint", about)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the checkpoint")
    parser.add_argument(
        "--context", type=int, default=32_768, metavar="N", help="tokens that it shall read at most (32768)"
    )


def _eval(commands: Commands) -> None:
    parser = _command(commands, "eval", "app.cli.evaluate:run", "Prune the pages of a question set, for scoring.")
    parser.add_argument("--data", type=Path, required=True, metavar="SET.jsonl", help="questions and pages")
    parser.add_argument("--budget", type=int, nargs="+", default=[1024], metavar="TOKENS", help="budgets (1024)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="lines are appended; done ones kept")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N questions")
    parser.add_argument("--steps", default="embed", help="pruning steps, separated by commas (embed)")
    parser.add_argument("--system", default="secateurs", help="name of the system in the output (secateurs)")


def _answer_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--max-tokens", type=int, default=4096, metavar="N", help="token budget (4096)")
    parser.add_argument("--tokenizer", help="what counts the budget (SECATEURS_TOKENIZER)")
    parser.add_argument("--steps", help="pruning steps: embed, or embed,generate (SECATEURS_STEPS)")
    parser.add_argument("--format", choices=("html", "markdown", "text"), default="html")
    parser.add_argument("--links", action="store_true", help="keep links")
    parser.add_argument("--citations", action="store_true", help="mark passages with stable ids")
    parser.add_argument("--deadline-ms", type=int, metavar="N", help="milliseconds that the answer may take")
    parser.add_argument("--fresh", action="store_true", help="fetch pages anew, also those in the cache")
    parser.add_argument("--json", action="store_true", help="write the whole answer as JSON")
