"""The `custom` policy type: evaluators that others write, found by name (section 1.7).

An adapter is an object that an installed distribution names under the entry-point group
`acs_sidecar.evaluators`; docs/custom-evaluators.md shows how to write one.
"""

import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.document.member_path import member_below, member_path
from acs_sidecar.spec.document.suggestions import unknown_members
from acs_sidecar.spec.manifest.declaration import Member, MemberTable, with_paths
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.members import CUSTOM_MEMBERS
from acs_sidecar.spec.path import POLICY_TARGET_PATHS, TARGET_PATHS
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.ports import (
    Adapter,
    CompiledPolicy,
    CompileRequest,
    Evaluator,
    PointBinding,
    PolicyType,
)
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.startup import StartError

__all__ = ["GROUP", "OWN_ADAPTERS", "AdapterError", "custom_type", "load_adapters"]

GROUP = "acs_sidecar.evaluators"
OWN_ADAPTERS = frozenset({"agt_rules", "combine", "oags", "rate_card", "soul", "workspace_policy"})
"""The adapters that are built in."""


class AdapterError(StartError):
    """An adapter that cannot be used; the message names it and where it comes from."""


def load_adapters(only: Collection[str] | None = None) -> Mapping[str, Adapter]:
    """Return the adapters of every installed distribution, or those named in `only`.

    Those of others are loaded at once, ours when they are first used.
    Raises `AdapterError` for one that does not load, is not an adapter, or shares its name.
    """
    entries: dict[str, EntryPoint] = {}
    for entry in _installed(tuple(sys.path)):
        if only is not None and entry.name not in only:
            continue
        if entry.name in entries:
            origins = f"{_origin(entries[entry.name])} and {_origin(entry)}"
            raise AdapterError(f"adapter `{entry.name}` comes from both {origins}: uninstall one")
        entries[entry.name] = entry
    return _Adapters(entries)


@cache
def _installed(_search_path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Return what the distributions on the search path name; reading them takes long, so it is done once."""
    return tuple(entry_points(group=GROUP))


class _Adapters(Mapping[str, Adapter]):
    """Adapters by name, each loaded once."""

    def __init__(self, entries: Mapping[str, EntryPoint]) -> None:
        self._entries = entries
        self._loaded = {name: _load(entry) for name, entry in entries.items() if not _is_ours(entry)}

    def __getitem__(self, name: str) -> Adapter:
        if name not in self._loaded:
            self._loaded[name] = _load(self._entries[name])
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def custom_type(adapters: Mapping[str, Adapter], inline_listed: frozenset[str] | None = None) -> PolicyType:
    """Return the policy type over `adapters`.

    With `inline_listed` (the operator's list) it serves inline manifests: they reach those adapters, and the
    built-in ones that are inline-safe. Raises `AdapterError` when that list names one that is unknown or not
    inline-safe.
    """
    if inline_listed is None:
        return _CustomType(adapters)
    for name in sorted(inline_listed):
        if name not in adapters:
            raise AdapterError(f"adapter `{name}` is unknown; must be one of {_listed(adapters)}")
        if not adapters[name].inline_safe:
            raise AdapterError(f"adapter `{name}` does not declare itself safe for inline manifests")
    return _CustomType(_InlineAdapters(adapters, inline_listed | OWN_ADAPTERS), inline=True)


@dataclass(frozen=True, slots=True)
class _InlineAdapters(Mapping[str, Adapter]):
    """The adapters that inline manifests reach: those of some names that are inline-safe."""

    adapters: Mapping[str, Adapter]
    names: frozenset[str]

    def __getitem__(self, name: str) -> Adapter:
        if name in self.names and (adapter := self.adapters[name]).inline_safe:
            return adapter
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.adapters if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class _CustomType:
    adapters: Mapping[str, Adapter]
    inline: bool = False

    @property
    def bind_members(self) -> frozenset[str]:
        return frozenset()

    def compile(self, request: CompileRequest) -> CompiledPolicy:
        path, definition = request.path, request.definition
        name = definition.get("adapter")
        if not isinstance(name, str) or not name.strip():
            message = f"must be an adapter: {_listed(self.adapters)}"
            raise ManifestError([Diagnostic("member-missing", message, f"{path}.adapter")])
        adapter = self.adapters.get(name)
        if adapter is None:
            why = "is not one that manifests in requests may use" if self.inline else "is unknown"
            message = f"`{name}` {why}; must be one of {_listed(self.adapters)}"
            raise ManifestError([Diagnostic("adapter-unknown", message, f"{path}.adapter")])
        if unknown := [*_undeclared(path, definition, {**CUSTOM_MEMBERS, **adapter.members})]:
            raise ManifestError(unknown)
        if request.manifest.dialect.agent_contexts:
            request = replace(request, definition=_older_paths(path, definition, adapter.members))
        try:
            policy = adapter.compile(request)
            if not isinstance(getattr(policy, "statement", None), PolicyStatement):
                raise TypeError("a compiled policy must have a `statement`, a `PolicyStatement`")
            return _Guarded(name, policy)
        except ManifestError:
            raise
        except Exception as error:  # somebody else's code: its faults are findings
            raise _faulty(name, path, error) from error


@dataclass(frozen=True, slots=True)
class _Guarded:
    """An adapter's compiled policy; a fault of its `bind` is a finding like any other."""

    adapter: str
    policy: CompiledPolicy

    @property
    def statement(self) -> PolicyStatement:
        return self.policy.statement

    def bind(self, binding: PointBinding) -> Evaluator:
        try:
            return self.policy.bind(binding)
        except ManifestError:
            raise
        except Exception as error:  # somebody else's code: its faults are findings
            raise _faulty(self.adapter, binding.path, error) from error


def _older_paths(path: str, definition: JsonObject, members: MemberTable) -> dict[str, Json]:
    """Return a definition whose paths start at the older root, which is the one that adapters read.

    Raises `ManifestError` for a path that does so already: there is no such root from 0.4 on.
    """
    older, newer = POLICY_TARGET_PATHS.target_root, TARGET_PATHS.target_root

    def converted(text: str, place: Members) -> str:
        if _starts_at(text, older):
            message = f"starts at `{older}`: write `{newer}`"
            raise ManifestError([Diagnostic("path-syntax", message, f"{path}.{member_path(place)}")])
        return older + text.removeprefix(newer) if _starts_at(text, newer) else text

    def in_member(name: str, value: Json) -> Json:
        if (declared := members.get(name)) is None:
            return value
        return with_paths(declared, value, lambda text, place: converted(text, (name, *place)))

    return {name: in_member(name, value) for name, value in definition.items()}


def _starts_at(text: str, root: str) -> bool:
    return text.startswith(root) and text[len(root) : len(root) + 1] in {"", ".", "["}


def _undeclared(path: str, definition: JsonObject, table: MemberTable) -> Iterator[Diagnostic]:
    for name, message in unknown_members(definition, table):
        yield Diagnostic("member-unknown", message, member_below(path, name))


def _load(entry: EntryPoint) -> Adapter:
    try:
        loaded = entry.load()
    except Exception as error:
        raise _unusable(entry, f"does not load: {type(error).__name__}: {error}") from error
    name, safe = getattr(loaded, "name", None), getattr(loaded, "inline_safe", None)
    if isinstance(loaded, type):
        raise _unusable(entry, "is a class: the entry point must name an instance")
    if not isinstance(safe, bool) or not callable(getattr(loaded, "compile", None)):
        raise _unusable(entry, "is not an adapter: it must have `name`, `inline_safe` and `compile`")
    members = getattr(loaded, "members", None)
    if not isinstance(members, Mapping) or not all(isinstance(each, Member) for each in members.values()):
        raise _unusable(entry, "declares no `members`: map the name of each one to a `Member`")
    if name != entry.name:
        raise _unusable(entry, f"has the name `{name}`: name and entry point must agree")
    adapter: Adapter = loaded
    return adapter


def _unusable(entry: EntryPoint, why: str) -> AdapterError:
    return AdapterError(f"adapter `{entry.name}` of {_origin(entry)} {why}")


def _is_ours(entry: EntryPoint) -> bool:
    return entry.module.partition(".")[0] == __name__.partition(".")[0]


def _origin(entry: EntryPoint) -> str:
    distribution = f"`{entry.dist.name}` {entry.dist.version}" if entry.dist else "an unknown distribution"
    return f"{distribution} (`{entry.value}`)"


def _faulty(name: str, path: str, error: Exception) -> ManifestError:
    message = f"adapter `{name}` failed: {type(error).__name__}: {error}"
    breach = isinstance(error, MemoryError)
    return ManifestError(
        [Diagnostic("adapter-failed", message, path)],
        Reason.RESOURCE_LIMIT_EXCEEDED if breach else Reason.MANIFEST_INVALID,
    )


def _listed(adapters: Mapping[str, Adapter]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(adapters)) or "none"
