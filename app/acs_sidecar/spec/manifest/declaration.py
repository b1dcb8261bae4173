"""How a member of a manifest is declared: its text, its shape, and what it reaches.

Every rule about members follows from these declarations: which paths `extends` relocates, what inline and URL
manifests may not use, what is redacted, which texts are paths, what the JSON Schema and the reference say
(sections 1.3, 1.4, 2.3, 2.5, 3.2, 3.3).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Member", "MemberTable", "declared_members", "names_file", "secret_members", "with_paths"]


@dataclass(frozen=True, slots=True)
class Member:
    """One member: a `text` for people, and a `shape` as JSON Schema, never stricter than what reads it.

    - `file`: a path of a local file, or a list of paths. An object, or a list of objects, is content instead.
    - `fetched`: a reference to content on another server, fetched when the manifest is loaded.
    - `url`: an address that is called while a request is evaluated.
    - `environment`: the name of an environment variable.
    - `secret`: a value that is never shown; of a `url`, everything behind the host.
    - `fixed`: a binding cannot overlay it.
    - `paths`: where in its value paths of a policy input stand (section 1.4): `.` is the value itself, `*`
      any member or item, `*.path` the member `path` of any. A text elsewhere is no path.
    - `members`: those of the object that it is.
    """

    text: str
    shape: JsonObject = field(default_factory=dict)
    file: bool = False
    fetched: bool = False
    url: bool = False
    environment: bool = False
    secret: bool = False
    fixed: bool = False
    paths: tuple[str, ...] = ()
    members: "MemberTable" = field(default_factory=dict)

    @property
    def reaches_out(self) -> bool:
        """True if its value is, or leads to, something outside the manifest."""
        return self.file or self.fetched or self.url or self.environment

    @property
    def schema(self) -> dict[str, Json]:
        """The member as JSON Schema, for editors."""
        nested: dict[str, Json] = {"properties": {name: each.schema for name, each in self.members.items()}}
        return {"description": self.text, **self.shape, **(nested if self.members else {})}


MemberTable: TypeAlias = Mapping[str, Member]
"""Member name → its declaration."""


def secret_members(name: str, text: str) -> dict[str, Member]:
    """Declare a credential: the member `name`, and `<name>_env`, which names an environment variable."""
    shape: JsonObject = {"type": "string", "pattern": r"\S"}
    return {
        name: Member(f"{text} One of `{name}` and `{name}_env`.", shape, secret=True),
        f"{name}_env": Member(f"The environment variable that holds `{name}`.", shape, environment=True),
    }


def declared_members(members: JsonObject, table: MemberTable) -> Iterator[tuple[Members, Member, Json]]:
    """Yield path, declaration and value of each declared member, those of declared objects included."""
    for name, value in members.items():
        if (declared := table.get(name)) is None:
            continue
        yield (name,), declared, value
        if declared.members and isinstance(value, dict):
            for path, inner, inner_value in declared_members(value, declared.members):
                yield (name, *path), inner, inner_value


def with_paths(declared: Member, value: Json, replaced: Callable[[str, Members], str]) -> Json:
    """Return a copy of a member's value with each path `replaced`, which gets its place in the value."""
    patterns = [tuple(part for part in text.split(".") if part) for text in declared.paths]
    return _with_paths(value, patterns, replaced, ()) if patterns else value


def _with_paths(
    value: Json, patterns: Sequence[tuple[str, ...]], replaced: Callable[[str, Members], str], at: Members
) -> Json:
    if isinstance(value, str):
        return replaced(value, at) if () in patterns else value
    if isinstance(value, dict):
        return {
            name: _with_paths(member, _below(patterns, name), replaced, (*at, name))
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [
            _with_paths(item, _below(patterns, None), replaced, (*at, index))
            for index, item in enumerate(value)
        ]
    return value


def _below(patterns: Sequence[tuple[str, ...]], name: str | None) -> list[tuple[str, ...]]:
    return [pattern[1:] for pattern in patterns if pattern and pattern[0] in ("*", name)]


def names_file(declared: Member, value: Json) -> bool:
    """True if the value of a member is a path or paths, and not `null` or the content itself."""
    if not declared.file or value is None or isinstance(value, dict):
        return False
    return not (isinstance(value, list) and all(isinstance(item, dict) for item in value))
