"""Can the service be run with these settings? What will never heal is told before it starts, all of it at once.

`mistakes` looks at the settings and at this machine; `silent` asks each server that the settings name.
"""

import asyncio
import os
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from pathlib import Path

from app.auth import KeyRing
from app.chat.prompt import instructions
from app.errors import KeysUnavailable
from app.mistakes import Mistakes
from app.models.asking import REPOSITORY, read_checkpoint
from app.models.hub import check_model
from app.parts import Parts, is_url, open_parts
from app.seam import in_thread
from app.search import SearchQuery
from app.settings import Settings
from pruning.errors import InvalidInput, ModelError, SecateursError, TokenizerError, UnknownTokenizer
from pruning.tokens import TokenCounter

# For everything that one server is asked.
SECONDS = 10.0
_OF_SENTENCE_TRANSFORMERS = ("modules.json", "config.json")
# These ask nobody, or only others of the list.
_NOT_ASKED = frozenset({"local", "urls", "multi"})
# Without a server these mean nothing.
_NEEDS = {
    "chat_model": "chat_model_url",
    "chat_model_key": "chat_model_url",
    "chat_models": "chat_model_url",
    "chat_prompt": "chat_model_url",
    "path_model_context": "path_model",
    "path_model_key": "path_model",
    "path_model_name": "path_model",
    "path_model_tokenizer": "path_model",
}


async def mistakes(settings: Settings) -> list[str]:
    """What is wrong and will stay so until somebody mends it: a line each, beginning with the variable."""
    found = Mistakes()
    with found.of("state_dir"):
        async with open_parts(settings):
            pass
    with found.of("state_dir"):
        _check_writable(settings.state_dir)
    with found.of("cache_dir"):
        _check_writable(settings.store_file().parent)
    with found.of("chat_prompt"):
        instructions(settings.chat_prompt)
    with found.of("keys_file", KeysUnavailable):
        # A state folder that is none is told of above.
        if settings.keys_required and (settings.keys_file or settings.state_dir.is_dir()):
            KeyRing.of(settings).current()
    await _check_tokenizers(settings, found)
    with found.of("embedder", ModelError):
        await in_thread(_check_embedder, settings)
    with found.of("path_model", ModelError):
        if settings.path_model and not is_url(settings.path_model):
            await in_thread(check_model, settings.path_model)
    with found.of("path_model_tokenizer", ModelError):
        await in_thread(_check_path_tokenizer, settings.path_model_tokenizer)
    return list(dict.fromkeys(found.found))


def idle(settings: Settings) -> list[str]:
    """A line for each setting that is set and does nothing, since another one is not, or its file isn't there yet."""
    given = [(name, _NEEDS[name]) for name in sorted(settings.model_fields_set & set(_NEEDS))]
    told = [
        f"SECATEURS_{name.upper()}: it does nothing without SECATEURS_{needed.upper()}: set that, or leave this out"
        for name, needed in given
        if getattr(settings, name) and not getattr(settings, needed)
    ]
    if settings.keys_required and settings.keys_file and not settings.keys_file.exists():
        told.append(f"SECATEURS_KEYS_FILE: there is no {settings.keys_file} yet: `secateurs key add NAME` makes it")
    return told


async def silent(settings: Settings) -> list[str]:
    """A line for each server, and each model of this process, that does not answer as it should.

    Each search provider is asked once, as a user would: what only a search would show, such as a wrong key, is seen.
    Raises Misconfigured where the parts can't be made.
    """
    found = Mistakes()

    async def ask(setting: str, work: Awaitable[object]) -> None:
        with found.of(setting, SecateursError):
            try:
                async with asyncio.timeout(SECONDS):
                    await work
            except TimeoutError:
                raise SecateursError(f"no answer within {SECONDS:g} s") from None

    async with open_parts(settings) as parts:
        await asyncio.gather(*(ask(setting, work) for setting, work in _questions(settings, parts)))
    return sorted(found.found)


def _questions(settings: Settings, parts: Parts) -> Iterator[tuple[str, Awaitable[object]]]:
    """What each part is asked, under the setting that names it."""
    yield "embedder", parts.embedder.load()
    for name in settings.offered_tokenizers():
        yield ("tokenizer" if name == settings.tokenizer else "tokenizers"), parts.counter(name)
    if parts.path_model is not None:
        yield "path_model", parts.path_model.load()
    if parts.chat is not None:
        yield "chat_model_url", parts.chat.check()
    if settings.store_url is not None:
        yield "store_url", parts.store.usage()
    if parts.browser is not None:
        yield ("browser_url" if settings.browser_url else "browser_command"), parts.browser.check()
    for name, provider in parts.providers.items():
        if name not in _NOT_ASKED:
            setting = "searxng_url" if name == "searxng" else "provider" if name == settings.provider else "providers"
            yield setting, provider.search(SearchQuery("retrieval", max_results=1))


def _check_embedder(settings: Settings) -> None:
    """Raises MissingExtra, ModelError."""
    wanted = settings.embedder
    if wanted != "none" and not is_url(wanted):
        check_model(wanted, files=_OF_SENTENCE_TRANSFORMERS, owner="sentence-transformers")


def _check_path_tokenizer(wanted: str | None) -> None:
    """Raises ModelError; what is on the hub may be fetched some day."""
    if wanted and (Path(wanted).exists() or not REPOSITORY.fullmatch(wanted)):
        read_checkpoint(wanted)


async def _check_tokenizers(settings: Settings, found: Mistakes) -> None:
    for name in settings.offered_tokenizers():
        setting = "tokenizer" if name == settings.tokenizer else "tokenizers"
        with suppress(TokenizerError), found.of(setting, UnknownTokenizer):  # others may be fetched some day
            if not is_url(name):
                await in_thread(TokenCounter.load, name)


def _check_writable(folder: Path) -> None:
    """Raises InvalidInput where the folder is none that files can be put into, and none can be made."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise InvalidInput(f"{there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InvalidInput(f"nothing can be written into {there}: name another folder, or give this user rights to it")
