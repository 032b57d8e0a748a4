"""Expressions of strings in Python source: their text, and the places that something fills. Nothing is run.

Known are f-strings, `format`, `%`, `replace`, `strip`, `+` and `+=`, of strings in place, or under a name of the
function, the class or the module that is assigned once.
"""

import ast
import re
import string
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce


@dataclass(frozen=True, slots=True)
class Place:
    """What is no text in an expression.

    Attributes:
        names: those that stand in what fills it, and that of its field.
    """

    names: str


Parts = list[str | Place]

# No prompt is longer. A file could double a string under many names in a row.
_MOST_PARTS = 1_000
_MOST_CHARACTERS = 100_000


def read_strings(module: ast.Module) -> Iterator[tuple[Parts, list[Parts]]]:
    """Each expression of strings in a module, and those that it is a part of, in place or by a name."""
    trail = _Trail()
    for scope, nodes in _scopes(module, _Scope(None, trail)):
        for node in nodes:
            if isinstance(node, ast.expr):
                _parts(node, scope)
    for node, parts in trail.read.items():
        yield parts, [trail.read[user] for user in trail.users[node] if user in trail.read]


def read_format(text: str, fill: Mapping[str, Parts]) -> Parts | None:
    """A text with the fields of `str.format`; a field that nothing fills is a place of its name.

    None where it is no such text.
    """
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError:  # lone braces
        return None
    parts: Parts = []
    number = 0
    for before, name, spec, conversion in fields:
        parts.append(before)
        if name is None:
            continue
        if spec or conversion:
            return None
        parts += fill.get(name or str(number)) or [Place(name)]
        number += not name
    return parts


@dataclass(slots=True)
class _Trail:
    """What has been read, what is being read (innermost last), and what each expression was read for."""

    read: dict[ast.expr, Parts] = field(default_factory=dict)
    path: list[ast.expr] = field(default_factory=list)
    users: dict[ast.expr, set[ast.expr]] = field(default_factory=lambda: defaultdict(set))


@dataclass(slots=True)
class _Scope:
    """What is assigned to each name in a function, a class or the module, in order; None: what can't be seen."""

    around: "_Scope | None"
    trail: _Trail
    values: dict[str, list[ast.expr | None]] = field(default_factory=dict)
    read: dict[ast.expr, Parts | None] = field(default_factory=dict)

    def value(self, name: str) -> ast.expr | None:
        """The only value of a name, additions included."""
        if name not in self.values:
            return self.around.value(name) if self.around else None
        values = [value for value in self.values[name] if value is not None]
        if len(values) < len(self.values[name]):
            return None
        self.values[name] = [reduce(lambda before, more: ast.BinOp(before, ast.Add(), more), values)]
        return self.values[name][0]


def _scopes(node: ast.AST, scope: _Scope) -> Iterator[tuple[_Scope, list[ast.AST]]]:
    """The scope of a node with the nodes that are directly in it, and the scopes within."""
    nodes, inner = [], []
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        child = waiting.pop(0)
        nodes.append(child)
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner.append(child)
        else:
            _assign(child, scope)
            waiting[:0] = ast.iter_child_nodes(child)
    yield scope, nodes
    for child in inner:
        yield from _scopes(child, _Scope(scope, scope.trail))


def _assign(node: ast.AST, scope: _Scope) -> None:
    """Note what a statement assigns; a name that is assigned twice has no value that we know."""
    if isinstance(node, ast.arg):
        scope.values[node.arg] = [None]
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and (name := _dotless(node.target)) and node.value:
        scope.values[name] = [None if name in scope.values else node.value]
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            for inner in ast.walk(target):
                if name := _dotless(inner):
                    known = name in scope.values or inner is not target
                    scope.values[name] = [None if known else node.value]
    elif isinstance(node, ast.AugAssign) and (name := _dotless(node.target)) and name in scope.values:
        scope.values[name].append(node.value if isinstance(node.op, ast.Add) else None)


def _dotless(node: ast.AST) -> str:
    """The name that a node is: `x`, and `x` of `self.x`."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) else ""


def _parts(node: ast.expr, scope: _Scope) -> Parts | None:
    """An expression as text and places; None where it is not one of strings, as far as can be seen."""
    trail = scope.trail
    if trail.path:
        trail.users[node].add(trail.path[-1])
    if node not in scope.read:
        scope.read[node] = None  # what leads to itself
        trail.path.append(node)
        parts = _read(node, scope)
        trail.path.pop()
        size = sum(len(part) for part in parts or () if isinstance(part, str))
        if parts is not None and len(parts) <= _MOST_PARTS and size <= _MOST_CHARACTERS:
            scope.read[node] = trail.read[node] = parts
    return scope.read[node]


def _read(node: ast.expr, scope: _Scope) -> Parts | None:
    parts: Parts | None = None
    match node:
        case ast.Constant(value=str(text)):
            parts = [text]
        case ast.JoinedStr(values=values):
            parts = _joined([_inner(value, scope) for value in values])
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            sides = [(_parts(side, scope), side) for side in (left, right)]
            if any(read is not None for read, _ in sides):
                parts = _joined([read or _place(side) for read, side in sides])
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            parts = _percent(_text(left, scope), right, scope)
        case ast.Call(func=ast.Attribute(value=value, attr=method)):
            parts = _call(method, node, _parts(value, scope), scope)
        case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
            assigned = scope.value(_dotless(node))
            parts = _parts(assigned, scope) if assigned is not None else None
    return parts


def _inner(node: ast.expr, scope: _Scope) -> Parts | None:
    """A part of an f-string."""
    if isinstance(node, ast.FormattedValue):
        plain = node.format_spec is None and node.conversion in (-1, ord("s"))
        return _parts(node.value, scope) or _place(node.value) if plain else None
    return _parts(node, scope)


def _joined(many: list[Parts | None]) -> Parts | None:
    return None if any(parts is None for parts in many) else [part for parts in many if parts for part in parts]


def _place(node: ast.AST, name: str = "") -> Parts:
    """A place that an expression fills, in a field of that name."""
    words = [getattr(inner, "id", "") or getattr(inner, "attr", "") for inner in ast.walk(node)]
    keys = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant) and isinstance(inner.value, str)]
    return [Place(" ".join([name, *words, *keys]))]


def _text(node: ast.expr, scope: _Scope) -> str | None:
    """An expression that is one string without places."""
    return _plain(_parts(node, scope))


def _plain(parts: Parts | None) -> str | None:
    """The parts as one text, where none is a place."""
    texts = [part for part in parts or () if isinstance(part, str)]
    return "".join(texts) if parts is not None and len(texts) == len(parts) else None


def _call(method: str, node: ast.Call, parts: Parts | None, scope: _Scope) -> Parts | None:
    """What a method of a string gives."""
    text = _plain(parts)
    if method == "format" and text is not None:
        fill = {str(place): value for place, value in enumerate(node.args)}
        fill |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        return read_format(text, {name: _value(name, value, scope) for name, value in fill.items()})
    if method == "replace" and parts is not None and len(node.args) == 2:
        wanted = _text(node.args[0], scope)
        return _replaced(parts, wanted, _value(wanted, node.args[1], scope)) if wanted else None
    if method in ("strip", "lstrip", "rstrip") and parts is not None and not node.args:
        return _stripped(parts, method)
    return None


def _value(name: str, node: ast.expr, scope: _Scope) -> Parts:
    """What fills a place of that name."""
    return _parts(node, scope) or _place(node, name)


_PERCENT = re.compile(r"%(?:\((?P<name>\w+)\))?(?P<kind>[s%])")


def _percent(text: str | None, values: ast.expr, scope: _Scope) -> Parts | None:
    """A text with the fields of `%`."""
    if text is None:
        return None
    if isinstance(values, ast.Dict):
        pairs = zip(values.keys, values.values, strict=True)
        fill = {str(_text(key, scope)): value for key, value in pairs if key is not None}
    else:
        elements = values.elts if isinstance(values, ast.Tuple) else [values]
        fill = {str(number): value for number, value in enumerate(elements)}
    parts: Parts = []
    at = number = 0
    for match in _PERCENT.finditer(text):
        parts.append(text[at : match.start()])
        at = match.end()
        if match["kind"] == "%":
            parts.append("%")
            continue
        name = match["name"] or str(number)
        number += not match["name"]
        if name not in fill:
            return None
        parts += _value(name, fill[name], scope)
    return [*parts, text[at:]]


def _replaced(parts: Parts, wanted: str, by: Parts) -> Parts:
    """Each occurrence of a text in the parts, replaced."""
    done: Parts = []
    for part in parts:
        if not isinstance(part, str):
            done.append(part)
            continue
        first, *more = part.split(wanted)
        done.append(first)
        for text in more:
            done += [*by, text]
    return done


def _stripped(parts: Parts, method: str) -> Parts:
    """White space off the ends, where they are text."""
    ends = list(parts)
    if ends and method != "rstrip" and isinstance(ends[0], str):
        ends[0] = ends[0].lstrip()
    if ends and method != "lstrip" and isinstance(ends[-1], str):
        ends[-1] = ends[-1].rstrip()
    return ends
