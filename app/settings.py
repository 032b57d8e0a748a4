"""Every setting of the service, each read from an environment variable `SECATEURS_…`; `docs/settings.md` lists them."""

from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pruning.document import Limits
from pruning.errors import InvalidInput
from pruning.prune import STEPS

PREFIX = "SECATEURS_"


def _split(value: Any) -> Any:
    """Lists are written with commas: `a,b`."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


def _known(steps: tuple[str, ...]) -> tuple[str, ...]:
    if steps not in STEPS:
        raise ValueError(f"there are {' and '.join(','.join(known) for known in STEPS)}")
    return steps


Steps = Annotated[Names, AfterValidator(_known)]


class Settings(BaseSettings):
    """The settings of one service."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    state_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("secateurs", appauthor=False)),
        description="Folder for what the service keeps: the search index.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes any free one.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important messages that are logged; at `info`, one line a request."
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
    max_words: int = Field(256, ge=1, le=100_000, description="Words in a block of the embedding step, at most.")
    sieve: int = Field(
        128, ge=1, description="Blocks of one request that the embedder is asked about, at most; BM25 chooses them."
    )

    provider: str = Field("local", description="Search provider of requests that name none.")
    deadline_seconds: float = Field(
        60.0, gt=0, le=3600, description="Seconds that one request may take; `deadline_ms` may ask for fewer."
    )
    fetch_seconds: float = Field(10.0, gt=0, le=600, description="Seconds that fetching the pages may take of it.")
    fetch_enough: float = Field(
        0.7,
        gt=0,
        le=1,
        description="Share of a search's pages after whose arrival the others get only the grace; 1 waits for all.",
    )
    fetch_grace_seconds: float = Field(
        1.0, ge=0, le=600, description="Seconds that the others get once enough pages of a search have arrived."
    )
    fetch_allowed_hosts: Names = Field(
        (), description="Hosts to fetch from though their addresses are private, separated by commas."
    )

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
    """The settings of the environment, `overrides` first. Raises InvalidInput, naming each wrong variable."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        wrong = (f"{PREFIX}{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())
        raise InvalidInput("; ".join(wrong)) from None
