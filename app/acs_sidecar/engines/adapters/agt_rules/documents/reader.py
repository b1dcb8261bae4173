"""The documents of a policy, read from files and objects, parents included (sections 7.1, 7.2)."""

from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from acs_sidecar.engines.adapters.agt_rules.agents import doubts_of
from acs_sidecar.engines.adapters.agt_rules.documents.findings import Findings
from acs_sidecar.engines.adapters.agt_rules.documents.members import (
    ALIASES,
    DEFAULTS,
    DOCUMENT_A,
    DOCUMENT_B,
    HOST_MEMBERS,
    SCOPES,
    VERSION,
)
from acs_sidecar.engines.adapters.agt_rules.documents.model import AgtRule, DocumentScope, RuleDocument
from acs_sidecar.engines.adapters.agt_rules.documents.places import Place, SourceText
from acs_sidecar.engines.adapters.agt_rules.documents.rules import RuleReader
from acs_sidecar.engines.adapters.agt_rules.expressions import Searches
from acs_sidecar.engines.findings import SourceLocation, invalid, too_large
from acs_sidecar.spec.document.bounds import DocumentBoundError, DocumentError
from acs_sidecar.spec.document.text import Document, parse_document
from acs_sidecar.spec.ports import SourceError, SourceReader
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["read_documents"]

MAX_DOCUMENTS = 64
MAX_RULES = 10_000
MAX_BYTES = 1024 * 1024


_NAMING = {
    "extends": "parents: write `[]` for none",
    "agent": 'an agent: write `"*"` for all',
    "agents": 'agents: write `["*"]` for all',
}
"""Members whose value is not left empty, and what to write."""


@dataclass(slots=True)
class _ReadDocuments:
    """What is read so far: documents by their place in the policy, and files by their paths."""

    sources: SourceReader
    findings: Findings
    searches: Searches
    documents: list[RuleDocument] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)


def read_documents(
    path: str, definition: JsonObject, sources: SourceReader, findings: Findings, searches: Searches
) -> tuple[list[RuleDocument], int]:
    """Read the documents of a policy, and behind them the parents that they name by a path.

    Returns them, each with `extends` as names, and how many of them the policy lists.
    Raises `ManifestError` where a text cannot be read; what is wrong in a document is a finding.
    """
    reading = _ReadDocuments(sources, findings, searches)
    for member, given in _listed(path, definition):
        _add(reading, member, given)
    listed = len(reading.documents)
    pending = deque(range(listed))
    while pending:
        index = pending.popleft()
        before = len(reading.documents)
        reading.documents[index] = _with_parents(reading, reading.documents[index])
        pending.extend(range(before, len(reading.documents)))
    _check_totals(path, reading)
    return reading.documents, listed


def _listed(path: str, definition: JsonObject) -> list[tuple[str, Json]]:
    given = [name for name in ("document", "documents") if definition.get(name) is not None]
    if len(given) != 1:
        code = "member-missing" if not given else "member-ambiguous"
        raise invalid(code, "exactly one of `document` and `documents` must be given", path)
    value = definition[given[0]]
    if given[0] == "document":
        return [(f"{path}.document", value)]
    if not isinstance(value, list) or not value:
        raise invalid("wrong-type", "must be a list of paths or documents", f"{path}.documents")
    if len(value) > MAX_DOCUMENTS:
        raise too_large(f"more than {MAX_DOCUMENTS} documents", f"{path}.documents")
    return [(f"{path}.documents[{index}]", item) for index, item in enumerate(value)]


def _add(reading: _ReadDocuments, member: str, given: Json) -> RuleDocument | None:
    """Read a document, or the one at a path. Raises `ManifestError`."""
    if isinstance(given, str):
        source, file = _file(reading, member, given)
    elif isinstance(given, dict):
        source, file = SourceText(member, Document(given, {})), None
    else:
        raise invalid("wrong-type", "must be a path, or a document as an object", member)
    document = _document(source, file, reading)
    if document is not None:
        reading.documents.append(document)
        if file is not None:
            reading.paths[file] = document.name
    return document


def _file(reading: _ReadDocuments, member: str, path: str) -> tuple[SourceText, str]:
    try:
        file = reading.sources.read(path)
    except SourceError as error:
        raise invalid("source-unreadable", str(error), member) from None
    at = SourceLocation(member, file.name)
    if len(file.content) > MAX_BYTES:
        raise too_large(f"`{file.name}` has more than {MAX_BYTES} bytes: split it", at)
    try:
        text = file.content.decode()
        parsed = parse_document(text)
    except UnicodeDecodeError:
        raise invalid("document-syntax", "is not UTF-8", at) from None
    except DocumentBoundError as error:
        raise too_large(error.message, at._replace(line=error.line, column=error.column)) from None
    except DocumentError as error:
        raise invalid(
            "document-syntax", error.message, at._replace(line=error.line, column=error.column)
        ) from None
    return SourceText(member, parsed, file.name, text), _normal(path)


def _document(source: SourceText, file: str | None, reading: _ReadDocuments) -> RuleDocument | None:
    findings, given, at = reading.findings, source.value, source.place(())
    if not isinstance(given, dict):
        findings.error("wrong-type", "a rule document must be one mapping", at)
        return None
    by_field = _is_form_b(given)
    if by_field and "inherit" in given:
        message = "folders are not inherited: flatten them into one document, or use `extends`"
        findings.error("member-not-allowed", message, at.member("inherit"))
        given = {name: value for name, value in given.items() if name != "inherit"}
    if by_field and "scope" in given:
        message = "a path glob has no meaning here: list the documents that apply"
        findings.error("member-not-allowed", message, at.member("scope"))
        given = {name: value for name, value in given.items() if name != "scope"}
    findings.unknown_members(given, DOCUMENT_B if by_field else DOCUMENT_A, at)
    _check_version(given, by_field, findings, at)
    for name in sorted(HOST_MEMBERS & given.keys()):
        findings.warn("agt-host-member", "is the host's to keep: nothing here evaluates it", at.member(name))
    name = findings.name(given, at)
    version = _version(given, findings, at)
    scope = DocumentScope[findings.choice(given, "scope", SCOPES, "global", at).upper()]
    reader = RuleReader(name, version, scope, by_field, findings, reading.searches)
    agents = (*findings.texts(given, "agents", at), *findings.texts(given, "agent", at))
    allows, default_at = _default(given, by_field, findings, at)
    for doubt in doubts_of(agents):
        findings.warn("agt-agent-doubtful", doubt, at.member("agents" if "agents" in given else "agent"))
    extends = findings.texts(given, "extends", at)
    for member, wanted in _NAMING.items():
        if member in given and given[member] is None:
            findings.error("wrong-type", f"must name {wanted}, or remove the member", at.member(member))
    return RuleDocument(
        name=name,
        by_field=by_field,
        version=version,
        extends=extends,
        agents=agents,
        scope=scope,
        allows_by_default=allows,
        rules=_rules(given, reader, at),
        at=at,
        path=file,
        extends_at=tuple(
            at.member("extends", index) if isinstance(given.get("extends"), list) else at.member("extends")
            for index in range(len(extends))
        ),
        default_at=default_at,
    )


def _is_form_b(given: JsonObject) -> bool:
    if "apiVersion" in given:
        return False
    rules = given.get("rules")
    return "defaults" in given or any(
        isinstance(rule, dict) and isinstance(rule.get("condition"), dict)
        for rule in (rules if isinstance(rules, list) else [])
    )


def _check_version(given: JsonObject, by_field: bool, findings: Findings, at: Place) -> None:
    version = given.get("apiVersion")
    if version == VERSION or by_field:
        return
    if "apiVersion" not in given:
        findings.warn("agt-version-old", f"states no form: add `apiVersion: {VERSION}`", at)
    elif version == "1.0":
        findings.warn(
            "agt-version-old", f"is of an earlier release: write `{VERSION}`", at.member("apiVersion")
        )
    else:
        findings.error("value-not-allowed", f"must be `{VERSION}`", at.member("apiVersion"))


def _version(given: JsonObject, findings: Findings, at: Place) -> str | None:
    version = given.get("version")
    if version is None:
        return None
    if isinstance(version, bool) or not isinstance(version, str | int | float):
        findings.error("wrong-type", "must be a text or a number", at.member("version"))
        return None
    if len(text := str(version)) > 128:
        findings.error("value-not-allowed", "must have at most 128 characters", at.member("version"))
    return text[:128]


def _default(given: JsonObject, by_field: bool, findings: Findings, at: Place) -> tuple[bool, Place]:
    """Return whether the document allows by default, and where it says so."""
    if not by_field:
        choice = findings.choice(given, "default_action", ("allow", "deny"), "deny", at)
        place = at.member("default_action")
    else:
        defaults = given.get("defaults", {})
        place = at.member("defaults")
        if not isinstance(defaults, dict):
            findings.error("wrong-type", "must be an object", place)
            return False, place
        for name in defaults:
            if name not in DEFAULTS:
                message = "is the host's to keep: nothing here evaluates it"
                findings.warn("agt-host-member", message, place.member(name))
        choice = findings.choice(defaults, "action", ("allow", "deny", "audit", "block"), "deny", place)
        choice = ALIASES.get(choice, choice)
    if choice == "allow":
        message = "allows what no rule matches: write `deny`, and a rule for what is allowed"
        findings.warn("agt-default-allow", message, place)
    return choice == "allow", place


def _rules(given: JsonObject, reader: RuleReader, at: Place) -> tuple[AgtRule, ...]:
    rules = given.get("rules")
    if rules is None:
        reader.findings.error("member-missing", "`rules` is missing: write `rules: []` for none", at)
        return ()
    if not isinstance(rules, list):
        reader.findings.error("wrong-type", "must be a list", at.member("rules"))
        return ()
    read = [reader.read(rule, at.member("rules", index)) for index, rule in enumerate(rules)]
    return tuple(rule for rule in read if rule is not None)


def _with_parents(reading: _ReadDocuments, document: RuleDocument) -> RuleDocument:
    """Return a document whose `extends` are names; parents that are paths are read."""
    parents = [
        (name, at)
        for parent, at in zip(document.extends, document.extends_at, strict=True)
        if (name := _parent(reading, document, parent, at)) is not None
    ]
    return replace(
        document,
        extends=tuple(name for name, _ in parents),
        extends_at=tuple(at for _, at in parents),
    )


def _parent(reading: _ReadDocuments, document: RuleDocument, parent: str, at: Place) -> str | None:
    if any(other.name == parent for other in reading.documents):
        return parent
    if document.path is None:
        message = f"`{parent}` is no document of this policy: list it in `documents`"
        reading.findings.error("agt-extends", message, at)
        return None
    path = _normal(str(PurePosixPath(document.path).parent / parent))
    if path in reading.paths:
        return reading.paths[path]
    if len(reading.documents) >= MAX_DOCUMENTS:
        raise too_large(f"more than {MAX_DOCUMENTS} documents, parents included", at.at())
    try:
        reading.sources.read(path)
    except SourceError as error:
        message = f"`{parent}` is neither a document of this policy nor a file: {error}"
        reading.findings.error("agt-extends", message, at)
        return None
    read = _add(reading, document.at.source.member, path)
    return read.name if read else None


def _normal(path: str) -> str:
    """Return a path without `.` and `..` where it stays below the manifest."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def _check_totals(path: str, reading: _ReadDocuments) -> None:
    total = sum(len(document.rules) for document in reading.documents)
    if total > MAX_RULES:
        raise too_large(f"{total} rules: at most {MAX_RULES}", path)
    seen: set[str] = set()
    for document in reading.documents:
        if document.name in seen:
            message = f"another document of this policy has the name `{document.name}`: rename one"
            reading.findings.error("name-twice", message, document.at.member("name"))
        seen.add(document.name)
