"""The form of a document: every member is known and of its shape (sections 10.1, 10.2)."""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import assert_never

from acs_sidecar.engines.adapters.workspace_policy.document.members import (
    DOCUMENT,
    MAX_ENTRIES,
    NAME,
    REQUIRED,
    SCHEME,
    DocumentMember,
    PolicyStatus,
    Section,
    Shape,
    TextShape,
)
from acs_sidecar.engines.adapters.workspace_policy.document.model import (
    ComplianceRules,
    ModelRules,
    PolicyContent,
    ToolRules,
    WorkspacePolicy,
)
from acs_sidecar.engines.document_findings import DocumentFindings, near
from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["matches", "read_policy"]


def read_policy(findings: DocumentFindings) -> WorkspacePolicy | None:
    """Read the document of `findings`; what is wrong with its form is an error there, and gives `None`."""
    value = findings.document.value
    _check(findings, DOCUMENT, value, ())
    if not isinstance(value, dict):
        return None
    for name in REQUIRED:
        if name not in value:
            findings.error("member-missing", f"`{name}` is missing", ())
    if "signature" in value and "signing_key_id" not in value:
        findings.error("member-missing", "`signing_key_id` is missing: it names the key that signed", ())
    if findings.errors:
        return None
    return WorkspacePolicy(
        value,
        str(value["policy_id"]),
        str(value["workspace_id"]),
        int(str(value["version"])),
        PolicyStatus(str(value["status"])),
        _content(value["content"]),
        str(value["hash"]),
    )


def matches(shape: TextShape, text: str) -> bool:
    """True if a text is of a shape."""
    if not _compiled(shape.pattern).fullmatch(text):
        return False
    if shape.moment:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return False
        return text[11:13] == f"{moment.hour:02d}"  # newer interpreters read an hour 24
    return True


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    r"""Compile a pattern of the schema: `\d` are ten digits, and `\s` includes U+FEFF."""
    return re.compile(pattern.replace(r"\d", "[0-9]").replace(r"\s", r"\s\ufeff"))


def _check(findings: DocumentFindings, member: DocumentMember, value: Json, path: Members) -> None:
    """Add an error for everything that is wrong with a member, and below it."""
    match member:
        case Section():
            _check_section(findings, member, value, path)
        case TextShape():
            if not isinstance(value, str):
                findings.error("wrong-type", f"must be {member.form}", path)
            elif not matches(member, value):
                findings.error("value-not-allowed", f"must be {member.form}", path)
        case Shape.STATUS:
            _check_choice(findings, value, [status.value for status in PolicyStatus], path)
        case Shape.SCHEME:
            _check_choice(findings, value, [SCHEME], path)
        case Shape.FLAG:
            if not isinstance(value, bool):
                findings.error("wrong-type", "must be `true` or `false`", path)
        case Shape.APPROVAL:
            if isinstance(value, list):
                _check_names(findings, value, path)
            elif not isinstance(value, bool):
                findings.error("wrong-type", "must be `true`, `false` or a list of names", path)
        case Shape.NAMES:
            if isinstance(value, list):
                _check_names(findings, value, path)
            else:
                findings.error("wrong-type", "must be a list of names", path)
        case _:
            assert_never(member)


def _check_section(findings: DocumentFindings, section: Section, value: Json, path: Members) -> None:
    if not isinstance(value, dict):
        findings.error("wrong-type", "must be an object", path)
        return
    for name, each in value.items():
        if (member := section.members.get(name)) is not None:
            _check(findings, member, each, (*path, name))
        else:
            listed = ", ".join(f"`{known}`" for known in section.members)
            message = f"unknown member `{name[:64]}`{near(name, section.members)}; known are {listed}"
            findings.error("member-unknown", message, (*path, name))


def _check_choice(findings: DocumentFindings, value: Json, choices: Sequence[str], path: Members) -> None:
    listed = ", ".join(f"`{choice}`" for choice in choices)
    if not isinstance(value, str):
        findings.error("wrong-type", f"must be one of {listed}", path)
    elif value not in choices:
        findings.error("value-not-allowed", f"must be one of {listed}", path)


def _check_names(findings: DocumentFindings, names: Sequence[Json], path: Members) -> None:
    if len(names) > MAX_ENTRIES:
        findings.error("value-not-allowed", f"must have at most {MAX_ENTRIES} entries", path)
        return
    met: set[str] = set()
    for index, name in enumerate(names):
        if not isinstance(name, str):
            findings.error("wrong-type", "must be a text", (*path, index))
        elif not matches(NAME, name):
            findings.error("value-not-allowed", f"must be {NAME.form}", (*path, index))
        elif name in met:
            findings.error("value-not-allowed", "is listed twice", (*path, index))
        else:
            met.add(name)


def _content(value: Json) -> PolicyContent:
    agent, compliance = _object(value, "agent"), _object(value, "compliance")
    models, capabilities = _object(agent, "models"), _object(agent, "capabilities")
    approval, region = capabilities.get("require_tool_approval"), compliance.get("data_residency")
    return PolicyContent(
        ModelRules(
            _names(models, "allowed_providers"),
            _names(models, "allowed_models"),
            _names(models, "denied_models"),
        ),
        ToolRules(
            _names(capabilities, "allowed_tools"),
            _names(capabilities, "denied_tools"),
            True if approval is True else _names(capabilities, "require_tool_approval"),
        ),
        ComplianceRules(
            _names(compliance, "frameworks"),
            compliance.get("require_audit_logging") is True,
            region if isinstance(region, str) else None,
        ),
    )


def _object(value: Json | JsonObject, name: str) -> JsonObject:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _names(value: JsonObject, name: str) -> tuple[str, ...]:
    found = value.get(name)
    return tuple(str(entry) for entry in found) if isinstance(found, list) else ()
