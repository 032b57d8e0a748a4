"""What is wrong with a value, in plain words: of requests and of settings, as pydantic finds it."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.alias_generators import to_snake
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

MISSING = "is missing"
UNKNOWN = "there is no such field"
# By pydantic's type of error; `{…}` stands for what its context says. All but a few go on after the name of a value.
_WORDS = {
    "missing": MISSING,
    "extra_forbidden": UNKNOWN,
    "string_type": "must be a string",
    "bytes_type": "must be a string",
    "string_unicode": "must be Unicode text, without halves of characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "bytes_too_long": "must have at most {max_length} bytes",
    "finite_number": "must be a finite number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "literal_error": "must be {expected}",
    "path_type": "must be the path of a file or folder",
    "none_required": "must be null",
}
_WORDS |= dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "must be a whole number")
_WORDS |= dict.fromkeys(("float_type", "float_parsing"), "must be a number")
_WORDS |= dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false")
_WORDS |= dict.fromkeys(("list_type", "tuple_type", "set_type"), "must be a list")
_WORDS |= dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "must be a JSON object")
_ONE = {"at least 1 characters": "at least one character", "1 items": "one item"}
_MUST = "must be "


@dataclass(frozen=True, slots=True)
class Wrong:
    """One wrong value: where it stands, from the outside in, and what is wrong with it."""

    place: tuple[int | str, ...]
    told: str


@dataclass(frozen=True, slots=True)
class Form:
    """Annotates text that must have a form: `told` says what that is to whom the pattern would say nothing."""

    pattern: str
    told: str

    def _check(self, text: str) -> str:
        if not re.search(self.pattern, text):
            raise ValueError(self.told)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"pattern": self.pattern}


def in_words(item: Any) -> str:
    """One of pydantic's errors; never the value itself, which may be large or private.

    >>> in_words({"type": "less_than_equal", "ctx": {"le": 9}})
    'must be at most 9'
    """
    if item["type"] == "value_error":
        return str(item["ctx"]["error"])
    words = _WORDS.get(item["type"])
    if words is None:
        return str(item["msg"]).replace("Input should be", "must be")
    context = {name: f"{value:g}" if isinstance(value, float) else value for name, value in item.get("ctx", {}).items()}
    told = words.format_map(context).replace("'", '"')
    for number, one in _ONE.items():
        told = told.replace(number, one)
    return told


def wrong_values(found: Iterable[Any], body: Any) -> list[Wrong]:
    """Pydantic's errors of a request, each place once.

    Where a value may be of several types, pydantic tells what each of them would want, under names of its own: these
    are taken out of the places, and what is told of one place is joined.
    """
    errors = [(*_place(item["loc"][1:], body, item["type"]), item) for item in found]
    told: dict[tuple[int | str, ...], list[str]] = {}
    for place, one_of_many, item in errors:
        if one_of_many and _is_of_type(item) and any(_fits_better(other, place) for other in errors):
            continue
        words = in_words(item)
        if words not in told.setdefault(place, []):
            told[place].append(words)
    return [Wrong(place, _joined(words)) for place, words in told.items()]


def _fits_better(error: tuple[tuple[int | str, ...], bool, Any], place: tuple[int | str, ...]) -> bool:
    """Whether an error is of a value at that place whose type is right."""
    its_place, one_of_many, item = error
    inside = its_place[: len(place)] == place
    return one_of_many and inside and (len(its_place) > len(place) or not _is_of_type(item))


def _is_of_type(item: Any) -> bool:
    return item["type"].endswith("_type") or item["type"] == "literal_error"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant, if there is one.

    >>> nearest("max_token", ["query", "max_tokens"])
    'max_tokens'
    """
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.75)), None)


def _place(loc: Sequence[int | str], body: Any, kind: str) -> tuple[tuple[int | str, ...], bool]:
    """The place in the body, and whether pydantic's names of types stood in it."""
    place: list[int | str] = []
    value = body
    for depth, name in enumerate(loc):
        part = name
        if isinstance(value, Mapping) and (key := _key(value, part)) is not None:
            part, value = key, value[key]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        elif not (kind == "missing" and depth == len(loc) - 1):
            continue
        place.append(part)
    return tuple(place), len(place) < len(loc)


def _key(value: Mapping[str, Any], name: int | str) -> str | None:
    """The field as it is called there: pydantic names the alias, also where the field's own name was used."""
    return next((key for key in (str(name), to_snake(str(name))) if key in value), None)


def _joined(words: Sequence[str]) -> str:
    """
    >>> _joined(["must be a string", "must be a list"])
    'must be a string or a list'
    """
    first, *others = words
    alike = all(word.startswith(_MUST) for word in words)
    return " or ".join([first, *(other.removeprefix(_MUST) if alike else other for other in others)])
