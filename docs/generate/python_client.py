"""The page of the Python client's public names: signatures and the sentences of their docstrings."""

import importlib
import inspect
import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.generate.markdown import paragraphs

__all__ = ["page"]

_CLIENT = Path(__file__).resolve().parents[2] / "clients" / "python"
_PREFIXES = re.compile(r"\b(?:acs_client|collections|typing|types)(?:\.\w+)*\.(?=\w)")
_OPTIONS = (
    "SessionOptions",
    "RestoreOptions",
    "ClientOptions",
    "CallOptions",
    "PreToolOptions",
    "PostToolOptions",
    "ToolOptions",
)


def page() -> str:
    """Return the page."""
    if str(_CLIENT) not in sys.path:
        sys.path.insert(0, str(_CLIENT))
    client = importlib.import_module("acs_client")
    options = importlib.import_module("acs_client.options")
    named = [(name, getattr(client, name)) for name in client.__all__]
    classes = [entry for entry in named if inspect.isclass(entry[1])]
    functions = [entry for entry in named if inspect.isroutine(entry[1])]
    return paragraphs(
        "# The Python client",
        "Every public name of `acs_client`; [section 12](12-clients.md) says what holds for all of them.",
        "## Functions",
        *(_entry(name, function, "###") for name, function in functions),
        "## Classes",
        *(part for name, kind in classes for part in _class(name, kind)),
        "## Options",
        "Keyword arguments that several methods take.",
        *(_keywords(name, getattr(options, name)) for name in _OPTIONS),
    )


def _class(name: str, kind: type) -> Iterator[str]:
    yield f"### {name}"
    if not issubclass(kind, Exception):
        yield _code(name, kind)
    yield _text(kind)
    for member, value in vars(kind).items():
        if member.startswith("_") or not (
            inspect.isroutine(value) or isinstance(value, property | classmethod)
        ):
            continue
        if isinstance(value, property):
            yield f"**`{name}.{member}`**: {_text(value.fget)}"
        else:
            yield _entry(f"{name}.{member}", getattr(kind, member), "####")


def _entry(name: str, value: Any, level: str) -> str:
    return paragraphs(f"{level} {name}", _code(name, value), _text(value))


def _code(name: str, value: Any) -> str:
    words = (
        "async def" if inspect.iscoroutinefunction(value) else "class" if inspect.isclass(value) else "def"
    )
    signature = inspect.signature(value)
    parameters = [parameter for parameter in signature.parameters.values() if parameter.name != "self"]
    returned = signature.return_annotation if words != "class" else inspect.Signature.empty
    shown = str(signature.replace(parameters=parameters, return_annotation=returned))
    shown = _PREFIXES.sub("", shown).replace("'", "").replace('"', "'").replace("~", "")
    shown = re.sub(r"<object object at [^>]*>|<factory>", "…", shown)
    if len(shown) > 100 - len(name):
        shown = _split(shown)
    return f"```python\n{words} {name.rpartition('.')[2]}{shown}\n```"


def _split(signature: str) -> str:
    """Return a long signature with one parameter a line."""
    end = signature.rindex(") -> ") if ") -> " in signature else len(signature) - 1
    depth, lines = 0, [""]
    for letter in signature[1:end]:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            lines.append("")
        else:
            lines[-1] += letter
    parameters = "".join(f"    {line.strip()},\n" for line in lines)
    return f"(\n{parameters}{signature[end:]}"


def _keywords(name: str, kind: Any) -> str:
    members = {
        member: _PREFIXES.sub(
            "", str(annotation) if not isinstance(annotation, type) else annotation.__name__
        )
        for member, annotation in typing.get_type_hints(kind).items()
    }
    rows = [f"- `{member}`: `{text}`" for member, text in members.items()]
    return paragraphs(f"### {name}", _text(kind), "\n".join(rows))


def _text(value: Any) -> str:
    return inspect.cleandoc(inspect.getdoc(value) or "")
