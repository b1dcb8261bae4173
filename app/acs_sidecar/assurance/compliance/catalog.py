"""Frameworks as data: built in, or one's own from a file (section 8.3)."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import orjson

from acs_sidecar.assurance.compliance.checks import CHECKS
from acs_sidecar.assurance.compliance.vocabulary import token
from acs_sidecar.spec.document.suggestions import did_you_mean
from acs_sidecar.spec.values import Json

__all__ = ["FRAMEWORKS", "Control", "Framework", "FrameworkError", "built_in", "parse_framework"]

FRAMEWORKS: Final = ("owasp-asi", "soc2", "nist-ai-rmf", "eu-ai-act")

_MEMBERS = frozenset({"id", "title", "version", "controls"})
_CONTROL_MEMBERS = frozenset({"id", "title", "checks", "ceiling", "note"})


class FrameworkError(Exception):
    """A framework that cannot be used; the message names the member."""


@dataclass(frozen=True, slots=True)
class Control:
    """A control and the checks that speak for it; with a `ceiling` it is partial at most."""

    id: str
    title: str
    checks: tuple[str, ...]
    ceiling: bool = False
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework with its controls in order."""

    id: str
    title: str
    version: str
    controls: tuple[Control, ...]


def built_in(name: str) -> Framework:
    """Return a framework of `FRAMEWORKS`."""
    content = files(__package__).joinpath("frameworks", f"{name}.json").read_bytes()
    return parse_framework(orjson.loads(content))


def parse_framework(value: Json) -> Framework:
    """Read a framework strictly. Raises `FrameworkError`."""
    members = _members(value, "the framework", _MEMBERS, _MEMBERS)
    listed = members["controls"]
    if not isinstance(listed, list) or not listed:
        raise FrameworkError("`controls` must be a list of controls")
    controls = tuple(_control(one, f"controls[{number}]") for number, one in enumerate(listed))
    tokens: dict[str, str] = {}
    seen: set[str] = set()
    for one in controls:
        if one.id in seen:
            raise FrameworkError(f"the control `{one.id}` is there twice")
        seen.add(one.id)
        if (other := tokens.setdefault(token(one.id), one.id)) != one.id:
            raise FrameworkError(f"the controls `{other}` and `{one.id}` are one to tools that read OSCAL")
    identity, title, version = (_text(members, name, name) for name in ("id", "title", "version"))
    return Framework(identity, title, version, controls)


def _control(value: Json, path: str) -> Control:
    members = _members(value, f"`{path}`", _CONTROL_MEMBERS, frozenset({"id", "title", "checks"}))
    checks = members["checks"]
    if not isinstance(checks, list):
        raise FrameworkError(f"`{path}.checks` must be a list of checks")
    for check in checks:
        if not isinstance(check, str) or check not in CHECKS:
            hint = did_you_mean(str(check), [*CHECKS])
            raise FrameworkError(f"`{path}.checks`: `{check}` is no check{hint}")
    if len(set(checks)) < len(checks):
        raise FrameworkError(f"`{path}.checks` has a check twice")
    if members.get("ceiling") not in (None, "partial"):
        raise FrameworkError(f"`{path}.ceiling` must be `partial`")
    note = _text(members, "note", f"{path}.note") if "note" in members else None
    identity, title = (_text(members, name, f"{path}.{name}") for name in ("id", "title"))
    return Control(identity, title, tuple(map(str, checks)), members.get("ceiling") is not None, note)


def _members(value: Json, what: str, known: frozenset[str], needed: frozenset[str]) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise FrameworkError(f"{what} must be an object")
    if unknown := sorted(value.keys() - known):
        raise FrameworkError(
            f"{what} has the unknown member `{unknown[0]}`{did_you_mean(unknown[0], [*known])}"
        )
    if missing := sorted(needed - value.keys()):
        raise FrameworkError(f"{what} has no `{missing[0]}`")
    return value


def _text(members: dict[str, Json], name: str, path: str) -> str:
    value = members[name]
    if not isinstance(value, str) or not value.strip():
        raise FrameworkError(f"`{path}` must be a non-blank string")
    return value
