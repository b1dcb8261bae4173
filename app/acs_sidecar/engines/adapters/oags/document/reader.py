"""A document in any vocabulary, read into the normal form (section 9.2)."""

import re
from dataclasses import dataclass, field
from typing import assert_never

from acs_sidecar.engines.adapters.oags.document.model import (
    COUNTED,
    DeclaredIdentity,
    FilesystemSection,
    ListSection,
    ModelSection,
    NetworkSection,
    NormalPolicy,
    ToolSection,
)
from acs_sidecar.engines.adapters.oags.document.vocabulary_members import (
    CLOSED_SECTIONS,
    MEMBERS,
    SECTIONS,
    MemberKind,
    MemberPath,
    children,
)
from acs_sidecar.engines.adapters.oags.matching.hosts import host_problem
from acs_sidecar.engines.adapters.oags.matching.paths import is_relative, path_problem
from acs_sidecar.engines.document_findings import DocumentFindings, near
from acs_sidecar.engines.name_lists import name_problem
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["MAX_ENTRIES", "MAX_ENTRY", "normal_id", "read_normal"]

MAX_ENTRIES = 1_000
MAX_ENTRY = 255
_HEX_DIGITS = re.compile(r"[0-9a-f]{64}")
_WITH_PORT = re.compile(r"(?:\]|^[^:]*):[0-9]+$")
_ID_PREFIX = "sekuire://blake3:"
_EXTENSION = re.compile(r"\.?[^./\\*?\x00-\x1f]*")
_OTHERS = (("apiVersion", "kind"), ("Version", "Statement"))


@dataclass(slots=True)
class _NormalReader:
    """The places of the normal form that are filled so far, and the member that filled each."""

    findings: DocumentFindings
    relative_paths: bool
    values: dict[str, Json] = field(default_factory=dict)
    origins: dict[str, MemberPath] = field(default_factory=dict)
    sections: set[str] = field(default_factory=set)


_GENERIC = ("enabled", "allowed", "blocked")
_LISTS = {
    path[-1]: path
    for path in reversed([*MEMBERS])
    if len(path) > 2 and path[0] in CLOSED_SECTIONS and path[1] in SECTIONS and path[-1] not in _GENERIC
}
"""Where members of sections belong, by the names that are only theirs: outside of them none is read."""


def read_normal(findings: DocumentFindings, *, relative_paths: bool = True) -> NormalPolicy | None:
    """Read the document of `findings`; what is wrong is an error there, and then there is no policy.

    Without `relative_paths` every path must be absolute: there is nothing that it could be relative to.
    """
    value = findings.document.value
    if not isinstance(value, dict):
        findings.error("wrong-type", "must be one mapping", ())
        return None
    if any(all(name in value for name in names) for names in _OTHERS):
        message = (
            "is a document of another specification: `sekuire.yml` has `permissions` with `allowed_hosts`, "
            "`policy` with `allowed_domains`, or `permissions` with `allowed_domains`"
        )
        findings.error("oags-vocabulary", message, ())
        return None
    reader = _NormalReader(findings, relative_paths)
    roots = {path[0] for path in MEMBERS}
    for name in value:
        if name in roots:
            _read(reader, value, (name,))
        elif name == "extends":
            message = "is not read: write what the document inherits into it"
            findings.error("member-not-allowed", message, (name,))
        elif name in SECTIONS and _has_members(value[name], name):
            message = f"`{name}` is not read here, did you mean `permissions.{name}`?"
            findings.error("oags-section-unknown", message, (name,))
        elif name in _LISTS:
            message = f"`{name}` is not read here, did you mean `{'.'.join(_LISTS[name])}`?"
            findings.error("oags-section-unknown", message, (name,))
        elif hint := near(name.lower(), (*CLOSED_SECTIONS, "identity")):
            findings.error("oags-section-unknown", f"`{name[:64]}` is not read{hint}", (name,))
    return None if findings.errors else _policy(reader)


def normal_id(text: str) -> str | None:
    """Return an id without its old prefix; `None` where it is none."""
    digits = text.removeprefix(_ID_PREFIX)
    return digits if _HEX_DIGITS.fullmatch(digits) else None


def _has_members(section: Json, name: str) -> bool:
    """True if an object has a member that is read in a section of that name."""
    known = {*children(("permissions", name)), *children(("policy", name))}
    return isinstance(section, dict) and not known.isdisjoint(section)


def _read(reader: _NormalReader, value: JsonObject, path: MemberPath) -> None:
    """Read the member at `path` of the object `value`, and all below it."""
    found = value[path[-1]]
    if path in MEMBERS:
        _read_member(reader, path, found)
        return
    closed = path[0] in CLOSED_SECTIONS
    if not isinstance(found, dict):
        if closed or path[0] == "identity":
            reader.findings.error("wrong-type", "must be an object", path)
        return
    if closed and len(path) == 2 and path[1] in SECTIONS:
        reader.sections.add(SECTIONS[path[1]])
    known = children(path)
    for name in found:
        if name in known:
            _read(reader, found, (*path, name))
        elif closed:
            listed = ", ".join(f"`{each}`" for each in sorted(known))
            message = f"unknown member `{name[:64]}`{near(name, known)}; known are {listed}"
            reader.findings.error("member-unknown", message, (*path, name))
        elif hint := near(name, known):
            reader.findings.warn("oags-member-unknown", f"`{name[:64]}` is not read{hint}", (*path, name))


def _read_member(reader: _NormalReader, path: MemberPath, written: Json) -> None:
    member = MEMBERS[path]
    value = _value(reader, member.kind, path, written)
    if value is None:
        return
    if member.place not in reader.values:
        reader.values[member.place], reader.origins[member.place] = value, path
    elif reader.values[member.place] != value:
        other = ".".join(reader.origins[member.place])
        message = f"says something else than `{other}`: keep one, or make them equal"
        reader.findings.error("member-conflict", message, path)


def _value(reader: _NormalReader, kind: MemberKind, path: MemberPath, written: Json) -> Json:
    """Return a member's value, or `None` where it is wrong."""
    findings = reader.findings
    match kind:
        case MemberKind.FLAG:
            if isinstance(written, bool):
                return written
            findings.error("wrong-type", "must be `true` or `false`", path)
        case MemberKind.LIMIT:
            if type(written) is int and written >= 1:
                return written
            code = "value-not-allowed" if type(written) is int else "wrong-type"
            findings.error(code, "must be an integer of at least 1", path)
        case MemberKind.HOSTS | MemberKind.PATHS | MemberKind.NAMES | MemberKind.EXTENSIONS:
            return _entries(reader, kind, path, written)
        case MemberKind.TEXT:
            if isinstance(written, str) and written.strip():
                return written
            findings.error("wrong-type", "must be a text that is not blank", path)
        case MemberKind.DIGEST:
            if isinstance(written, str) and _HEX_DIGITS.fullmatch(written):
                return written
            findings.error("value-not-allowed", "must be 64 lower-case hex digits", path)
        case MemberKind.ID:
            return _id(findings, path, written)
        case _:
            assert_never(kind)
    return None


def _id(findings: DocumentFindings, path: MemberPath, written: Json) -> str | None:
    found = normal_id(written) if isinstance(written, str) else None
    if found is None:
        findings.error("value-not-allowed", "must be an id: 64 lower-case hex digits", path)
    elif found != written:
        findings.warn("oags-id-prefix", f"write the 64 digits alone, without `{_ID_PREFIX}`", path)
    return found


def _entries(reader: _NormalReader, kind: MemberKind, path: MemberPath, written: Json) -> list[Json] | None:
    findings = reader.findings
    if not isinstance(written, list):
        findings.error("wrong-type", "must be a list of texts", path)
        return None
    if len(written) > MAX_ENTRIES:
        findings.error("value-not-allowed", f"must have at most {MAX_ENTRIES} entries", path)
        return None
    before = len(findings.errors)
    for index, entry in enumerate(written):
        if not isinstance(entry, str):
            findings.error("wrong-type", "must be a text", (*path, index))
        elif len(entry) > MAX_ENTRY:
            findings.error("value-not-allowed", f"must have at most {MAX_ENTRY} characters", (*path, index))
        elif problem := _problem(kind, entry, relative=reader.relative_paths):
            findings.error("value-not-allowed", f"`{entry[:64]}`: {problem}", (*path, index))
        elif MEMBERS[path].place == "network.allowed" and _WITH_PORT.search(entry):
            message = f"`{entry[:64]}` allows every port of this host: ports are not compared"
            findings.warn("network-port", message, (*path, index))
    return written if len(findings.errors) == before else None


def _problem(kind: MemberKind, entry: str, *, relative: bool) -> str | None:
    """Return why an entry of a list is not allowed, or `None`."""
    if kind is MemberKind.HOSTS:
        return host_problem(entry)
    if kind is MemberKind.PATHS:
        problem = path_problem(entry)
        if problem is None and not relative and is_relative(entry):
            return "is relative: set `root` in the policy, or write an absolute path"
        return problem
    if kind is MemberKind.EXTENSIONS:
        return None if _EXTENSION.fullmatch(entry) else "must be an extension, such as `txt`"
    return name_problem(entry)


def _policy(reader: _NormalReader) -> NormalPolicy:
    values, sections = reader.values, reader.sections
    network = filesystem = tools = models = apis = None
    if "network" in sections:
        allowed = _texts(values.get("network.allowed"))
        if values.get("network.closed") is False:
            reader.findings.warn(
                "network-open", "allows every host that is not blocked", reader.origins["network.closed"]
            )
            allowed = (*allowed, *(() if "*" in allowed else ("*",)))
        network = NetworkSection(
            allowed,
            _texts(values.get("network.blocked")),
            enabled=values.get("network.enabled") is not False,
            require_tls=values.get("network.require_tls") is True,
        )
    if "filesystem" in sections:
        extensions = values.get("filesystem.extensions")
        filesystem = FilesystemSection(
            *_both(values, "filesystem"),
            enabled=values.get("filesystem.enabled") is not False,
            extensions=None if extensions is None else _extensions(extensions),
        )
    if "tools" in sections:
        tools = ToolSection(*_both(values, "tools"), confirm=_texts(values.get("tools.confirm")))
    if "models" in sections:
        providers = values.get("models.providers")
        models = ModelSection(
            *_both(values, "models"), providers=None if providers is None else _texts(providers)
        )
    if "apis" in sections:
        apis = ListSection(*_both(values, "apis"))
    rates = {
        (counted, window): limit
        for counted, window in COUNTED
        if isinstance(limit := values.get(f"rate.{counted}.{window}"), int)
    }
    identity = DeclaredIdentity(
        **{
            name: value
            for name in DeclaredIdentity.__slots__
            if isinstance(value := values.get(f"identity.{name}"), str)
        }
    )
    if identity.model and identity.llm_model and identity.model != identity.llm_model:
        message = f"`{identity.llm_model[:64]}` is called, `{identity.model[:64]}` is hashed: make them equal"
        reader.findings.warn("model-disagrees", message, reader.origins["identity.llm_model"])
    return NormalPolicy(network, filesystem, tools, models, apis, rates, identity)


def _both(values: JsonObject, section: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return _texts(values.get(f"{section}.allowed")), _texts(values.get(f"{section}.blocked"))


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(str(entry) for entry in value) if isinstance(value, list) else ()


def _extensions(value: Json) -> tuple[str, ...]:
    return tuple(entry.removeprefix(".").lower() for entry in _texts(value))
