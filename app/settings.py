"""Every setting of the service, each read from an environment variable `SECATEURS_…`; `docs/settings.md` lists them."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, SecretStr, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.mistakes import PREFIX as PREFIX
from app.mistakes import Misconfigured, variable
from app.wording import Form, in_words
from pruning.document import Limits
from pruning.prune import STEPS


def _split(value: Any) -> Any:
    """Lists are written with commas: `a,b`."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]

Ports = Annotated[tuple[Annotated[int, Field(ge=1, le=65535)], ...], NoDecode, BeforeValidator(_split)]


def _known(steps: tuple[str, ...]) -> tuple[str, ...]:
    if steps not in STEPS:
        raise ValueError(f"must be {' or '.join(','.join(known) for known in STEPS)}")
    return steps


Steps = Annotated[Names, AfterValidator(_known)]

_http_url: TypeAdapter[AnyHttpUrl] = TypeAdapter(AnyHttpUrl)


def is_http_url(text: str) -> str:
    """The address itself. Raises ValueError where it is none of HTTP."""
    try:
        _http_url.validate_python(text)
    except ValidationError:
        raise ValueError("must be an address that begins with http:// or https:// and a host") from None
    return text


HttpAddress = Annotated[str, AfterValidator(is_http_url)]
HttpAddresses = Annotated[tuple[HttpAddress, ...], NoDecode, BeforeValidator(_split)]
Contact = Annotated[str, Form(r"^[!-'*-~]+$", "must be ASCII without spaces and parentheses")]


def _is_key(key: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]{20,512}", key.get_secret_value()):
        raise ValueError("a key has 20 to 512 letters, digits and signs, no spaces: `openssl rand -hex 32` makes one")
    return key


Origin = Annotated[
    str,
    Form(r"^(\*|https?://[a-z0-9.\-\[\]:]+)$", "must be an origin such as https://chat.example, without a path, or *"),
]
Origins = Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_split)]
ApiKey = Annotated[SecretStr, AfterValidator(_is_key)]
Rate = Annotated[float | None, Field(gt=0, le=1000)]


def _main_off_or_address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text not in ("main", "off") and not (host and port.isdecimal() and int(port) <= 65535):
        raise ValueError("it is main, off, or an address such as 127.0.0.1:9090")
    return text


class Settings(BaseSettings):
    """The settings of one service."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    state_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("secateurs", appauthor=False)),
        description="Folder for what the service keeps: the search index and the cache.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes any free one.")
    workers: int = Field(
        1, ge=1, le=256, description="Worker processes. Each has its own models, queues, connections and browser."
    )
    drain_seconds: float = Field(
        0.0,
        ge=0,
        le=3600,
        description="Seconds after a signal to stop for which new requests are still taken while `/readyz` says 503, "
        "so that load balancers look elsewhere first.",
    )
    shutdown_seconds: float = Field(
        60.0, gt=0, le=3600, description="Seconds after that for what is in flight; then it is cut off."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important messages that are logged; at `info`, one line a request."
    )
    keys_required: bool = Field(
        True, description="Whether requests need an API key; `false` lets whoever reaches the port ask."
    )
    keys_file: Path | None = Field(
        None,
        description="File with the hashes of API keys, which `secateurs key` writes; without it, `keys.json` in "
        "`SECATEURS_STATE_DIR`.",
    )
    api_key: ApiKey | None = Field(
        None, description="One more API key, without limits, of at least 20 characters: `openssl rand -hex 32`."
    )

    cors_origins: Origins = Field(
        (),
        description="Origins, such as `https://chat.example`, whose pages may ask from a browser, separated by commas; "
        "`*` for all.",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="How the log's lines are written: as `text`, or each as a `json` object."
    )
    metrics: Annotated[str, AfterValidator(_main_off_or_address)] = Field(
        "main",
        description="Where Prometheus collects `/metrics`: `main` on the service's own port, an address of their own "
        "such as `0.0.0.0:9090`, where nobody is asked for a key, or `off`.",
    )

    embedder: str = Field(
        "all-MiniLM-L6-v2",
        description="Scores blocks against the question: a sentence-transformers model by name or path, the URL of a "
        "`/v1/embeddings` server, or `none` for BM25 alone.",
    )
    embedder_model: str | None = Field(
        None, description="Model to ask an embedding server for; without it, the first one that it lists."
    )
    embedder_key: SecretStr | None = Field(None, description="API key of the embedding server.")
    embedder_query_prefix: str = Field(
        "", description="What the embedding server's model wants before a question, such as `query: `."
    )
    embedder_passage_prefix: str = Field(
        "", description="What it wants before a passage; models in process bring both along."
    )
    tokenizer: str = Field(
        "tekken",
        description="Counts the budget: `tekken`, `tiktoken:NAME`, the path of a Hugging Face `tokenizer.json`, or the "
        "URL of a vLLM server whose model counts.",
    )
    tokenizer_key: SecretStr | None = Field(None, description="API key of servers that count.")
    tokenizers: Names = Field((), description="More tokenizers that a request may name, separated by commas.")
    path_model: str | None = Field(
        None,
        description="Scores blocks by their paths in the step `generate`: the URL of a vLLM server, or the folder or "
        "name of a causal language model that runs in process; without it, that step can't be taken.",
    )
    path_model_name: str | None = Field(
        None, description="Model to ask the vLLM server for; without it, the first one that it lists."
    )
    path_model_tokenizer: str | None = Field(
        None,
        description="Folder of that model's checkpoint, or of its `tokenizer.json`; without it, the folder or name "
        "that the server was started with.",
    )
    path_model_key: SecretStr | None = Field(None, description="API key of the vLLM server.")
    path_model_context: int | None = Field(
        None, ge=256, description="Tokens that the model reads at most; without it, all that it can."
    )
    steps: Steps = Field(
        ("embed",),
        description="Pruning steps of requests that name none: `embed`, or `embed,generate`.",
    )
    max_words: int = Field(40, ge=1, le=100_000, description="Words in a block of the embedding step, at most.")
    sieve: int = Field(
        32,
        ge=1,
        description="Passages that the embedder is asked about for each 1,024 tokens of a result, at most.",
    )

    provider: str = Field(
        "local",
        description="Search provider of requests that name none: `local`, `searxng`, `brave`, `serper`, `exa`, "
        "`tavily`, `ddgs`, `urls` or `multi`.",
    )
    providers: Names = Field((), description="More search providers that a request may name, separated by commas.")
    multi: Names = Field((), description="Search providers that `multi` asks side by side, separated by commas.")
    searxng_url: HttpAddress | None = Field(None, description="Address of a SearXNG server whose settings allow JSON.")
    searxng_rate: Rate = Field(None, description="Requests a second to it, at most; without it, as many as come.")
    brave_key: SecretStr | None = Field(None, description="API key of Brave Search.")
    brave_url: HttpAddress = Field(
        "https://api.search.brave.com/res/v1/web/search", description="Address of Brave's web search."
    )
    brave_rate: Rate = Field(None, description="Requests a second to Brave, at most.")
    serper_key: SecretStr | None = Field(None, description="API key of Serper.")
    serper_url: HttpAddress = Field("https://google.serper.dev/search", description="Address of Serper's search.")
    serper_rate: Rate = Field(None, description="Requests a second to Serper, at most.")
    exa_key: SecretStr | None = Field(None, description="API key of Exa.")
    exa_url: HttpAddress = Field("https://api.exa.ai/search", description="Address of Exa's search.")
    exa_rate: Rate = Field(None, description="Requests a second to Exa, at most.")
    tavily_key: SecretStr | None = Field(None, description="API key of Tavily.")
    tavily_url: HttpAddress = Field("https://api.tavily.com/search", description="Address of Tavily's search.")
    tavily_rate: Rate = Field(None, description="Requests a second to Tavily, at most.")
    ddgs_rate: Rate = Field(1.0, description="Requests a second to DuckDuckGo, at most.")
    urls: HttpAddresses = Field((), description="Pages that the provider `urls` answers with, separated by commas.")
    provider_pages: bool = Field(
        False,
        description="Read the pages' texts from providers that deliver them (`exa`, `tavily`) instead of fetching the "
        "pages: faster, without headings and tables.",
    )
    search_seconds: float = Field(10.0, gt=0, le=600, description="Seconds that searching may take of a request.")
    sub_questions: int = Field(
        0,
        ge=0,
        le=8,
        description="Sub-questions that the chat model splits a question into, at most, of requests that don't say; "
        "each is a search of its own.",
    )
    chat_model_url: HttpAddress | None = Field(
        None,
        description="Address of an OpenAI-compatible server whose chat model answers behind `/v1/chat/completions` and "
        "splits questions.",
    )
    chat_model: str | None = Field(
        None, description="Model to ask it for; without it, the first one that the server lists."
    )
    chat_model_key: SecretStr | None = Field(None, description="API key of that server.")
    chat_models: Names = Field(
        (), description="More models of that server that a chatbot's request may name, separated by commas."
    )
    chat_seconds: float = Field(
        300.0, gt=0, le=3600, description="Seconds that the chat model may take for one answer, after the search."
    )
    chat_events: bool = Field(
        False,
        description="Whether streamed answers carry Open WebUI's status and source events, in requests that don't say.",
    )
    chat_prompt: Path | None = Field(
        None,
        description="File with what the chat model is told about the pages, in place of our own; `{date}` in it is "
        "today.",
    )
    context_tokens: int = Field(
        4096,
        ge=1,
        le=1_000_000,
        description="Budget of what is kept for one question, where it comes in a wire format that names none.",
    )
    deadline_seconds: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="Seconds that one request may take; `deadline_ms` or a header may ask for fewer.",
    )
    rest_seconds: float = Field(
        10.0,
        gt=0,
        le=600,
        description="Seconds for which a model's server, a search engine or the store is left alone once it keeps "
        "failing, until one request tries it again.",
    )
    fetch_seconds: float = Field(10.0, gt=0, le=600, description="Seconds that fetching the pages may take of it.")
    fetch_enough: float = Field(
        0.7,
        gt=0,
        le=1,
        description="Share of a search's pages, but for those that failed, after whose arrival the others get only the "
        "grace; 1 waits for all.",
    )
    fetch_grace_seconds: float = Field(
        1.0, ge=0, le=600, description="Seconds that the others get once enough pages of a search have arrived."
    )
    fetch_allowed_hosts: Names = Field(
        (),
        description="Hosts, or `host:port`, to fetch from whatever their addresses and ports are, separated by commas.",
    )
    fetch_ports: Ports = Field((80, 443, 8080, 8443), description="Ports that pages are fetched from.")
    fetch_proxy: SecretStr | None = Field(
        None, description="URL of a forward proxy for all pages, such as `http://user:password@proxy:3128`."
    )
    fetch_proxy_environment: bool = Field(
        True,
        description="Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count, as for other programs.",
    )
    fetch_contact: Contact | None = Field(
        None,
        max_length=200,
        description="Web or mail address for those who wonder who fetches their pages; it stands in the User-Agent.",
    )
    fetch_robots: bool = Field(True, description="Whether the robots.txt of a site is obeyed.")
    fetch_crawl_delay_seconds: float = Field(
        2.0, ge=0, le=600, description="The most seconds between two pages that a robots.txt may ask for."
    )
    fetch_host_delay_seconds: float = Field(
        0.0, ge=0, le=600, description="Seconds between the starts of two requests to one host."
    )
    fetch_per_host: int = Field(4, ge=1, le=1000, description="Requests under way at one host.")
    fetch_connections: int = Field(100, ge=1, le=10_000, description="Requests for pages under way in all.")
    fetch_redirects: int = Field(10, ge=0, le=100, description="Redirects that are followed for one page.")
    fetch_connect_seconds: float = Field(
        5.0, gt=0, le=600, description="Seconds to connect to a server, its name's lookup and TLS included."
    )
    fetch_first_byte_seconds: float = Field(
        8.0, gt=0, le=600, description="Seconds until a server begins to answer, connecting included."
    )
    fetch_pace_seconds: float = Field(
        5.0, gt=0, le=600, description="A page is given up when in so many seconds fewer bytes come than the next says."
    )
    fetch_pace_bytes: int = Field(500, ge=0, description="Bytes that must come in that time; 0 for no minimum speed.")
    fetch_header_bytes: int = Field(65_536, ge=1_000, le=65_536, description="Bytes of the headers of one answer.")
    fetch_headers: int = Field(200, ge=10, le=10_000, description="Headers of one answer.")
    browser_url: str | None = Field(
        None,
        description="DevTools URL of a Chromium that draws pages which are empty until their scripts have run, such as "
        "`http://chromium:9222`.",
    )
    browser_command: str | None = Field(
        None, description="Command that starts such a Chromium on this machine instead, such as `chromium`."
    )
    browser_pages: int = Field(2, ge=1, le=100, description="Pages that the browser draws at once; others wait.")
    browser_recycle: int = Field(
        100, ge=1, description="Pages after which a browser that the service has started is replaced by a new one."
    )
    browser_seconds: float = Field(
        10.0, gt=0, le=600, description="Seconds that the browser may take for one page, waiting included."
    )
    browser_proxy_listen: str = Field(
        "127.0.0.1:0",
        description="Address that the proxy listens on through which alone the browser reaches the web; port 0 takes "
        "any free one.",
    )
    browser_proxy_url: str | None = Field(
        None,
        description="URL by which the browser reaches that proxy where it isn't that address, such as "
        "`http://secateurs:3128`.",
    )

    cache: bool = Field(
        True, description="Whether pages fetched, pages read and embeddings are kept for the next time."
    )
    cache_dir: Path | None = Field(None, description="Folder for the cache's file; without it, `SECATEURS_STATE_DIR`.")
    cache_bytes: int = Field(
        1_000_000_000, ge=1_000_000, description="Bytes of the cache; what was used least recently goes first."
    )
    cache_entry_bytes: int = Field(10_000_000, ge=1_000, description="Bytes of one entry; larger ones are not kept.")
    store_url: SecretStr | None = Field(
        None,
        description="Redis server that keeps the cache and what worker processes share, such as "
        "`redis://:password@host:6379/0`; without it, an SQLite file does.",
    )

    search_queue: int = Field(
        64,
        ge=1,
        description="Requests that may be searching, or be let in to search, in one worker process; one more is "
        "answered with 429 at once.",
    )
    fetch_queue: int = Field(64, ge=1, description="The same of requests that fetch pages.")
    prune_queue: int = Field(
        64, ge=1, description="The same of requests that read and prune pages, so of all that are under way but chats."
    )
    embed_queue: int = Field(
        32, ge=1, description="The same of requests that need the embedding model; raise it for one behind a server."
    )
    generate_queue: int = Field(32, ge=1, description="The same of requests that need the path model.")
    chat_queue: int = Field(256, ge=1, description="The same of requests that need the chat model.")

    request_bytes: int = Field(64_000_000, ge=1_000, description="Bytes of one request body.")
    page_bytes: int = Field(Limits().bytes, ge=1_000, description="Bytes of one page.")
    page_nodes: int = Field(Limits().nodes, ge=1_000, description="Elements and texts of one page.")
    page_depth: int = Field(
        Limits().depth, ge=10, le=256, description="Levels of nested elements that keep their tags; text below stays."
    )
    page_seconds: float = Field(Limits().seconds, gt=0, description="Seconds to parse and clean one page.")
    isolate_bytes: int = Field(
        Limits().isolate_over, ge=0, description="Bytes from which a page is parsed in a process of its own."
    )

    def index_file(self) -> Path:
        """The search index of local pages."""
        return self.state_dir / "index.sqlite3"

    def store_file(self) -> Path:
        """What worker processes share, where no Redis server is named."""
        return (self.cache_dir or self.state_dir) / "store.sqlite3"

    def key_file(self) -> Path:
        """The hashes of API keys."""
        return self.keys_file or self.state_dir / "keys.json"

    def offered_tokenizers(self) -> tuple[str, ...]:
        """What a request may name as its tokenizer, the default first."""
        return tuple(dict.fromkeys((self.tokenizer, "tekken", *self.tokenizers)))

    def page_limits(self) -> Limits:
        """What one page may cost."""
        return Limits(
            bytes=self.page_bytes,
            nodes=self.page_nodes,
            depth=self.page_depth,
            seconds=self.page_seconds,
            isolate_over=self.isolate_bytes,
        )


def load_settings(**overrides: Any) -> Settings:
    """The settings of the environment, `overrides` first. Raises Misconfigured, naming each wrong variable."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise Misconfigured([_told(item) for item in error.errors()]) from None


def load_what_can_be() -> tuple[Settings, list[str]]:
    """The settings of the environment, wrong ones as if they were not set, and a line for each wrong one."""
    try:
        return Settings(), []
    except ValidationError as error:
        told = {str(item["loc"][0]): _told(item) for item in error.errors()}
        fields = Settings.model_fields
        defaults = {name: fields[name].get_default(call_default_factory=True) for name in told}
        return Settings(**defaults), list(told.values())


def _told(item: Any) -> str:
    """The wrong variable, and what is wrong with it."""
    name, *_ = item["loc"]
    told = f"{variable(name)}: {in_words(item)}"
    if name == "port" and str(item["input"]).startswith("tcp://"):
        told += "; Kubernetes sets it for a service of this name: give the pod `enableServiceLinks: false`"
    return told
