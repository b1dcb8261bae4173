"""What a child does with a caller's manifest: reads, validates and compiles it (sections 1.3, 2.5)."""

import base64
import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from acs_sidecar.engines.compilation import (
    CompiledPolicies,
    bindings_of,
    compile_policies,
    facts_of,
    policy_jobs,
)
from acs_sidecar.sandbox.wire import write_jobs, write_preparation
from acs_sidecar.spec.document.bounds import DocumentBoundError, check_bounds
from acs_sidecar.spec.document.locations import placed, placed_error
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.compiled import ToolCatalogue
from acs_sidecar.spec.manifest.diagnostics import MAX_FINDINGS, Diagnostic, ManifestError, first_findings
from acs_sidecar.spec.manifest.inline import inline_findings
from acs_sidecar.spec.manifest.lints import lints
from acs_sidecar.spec.manifest.member_catalog import MemberCatalog
from acs_sidecar.spec.manifest.model import Manifest, document_of, read_manifest
from acs_sidecar.spec.manifest.url_allowlist import OutboundAllow
from acs_sidecar.spec.ports import NoSources, PolicyType
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json

__all__ = ["InlineRules", "document_bytes", "prepare", "read_given"]

MAX_ASSEMBLED_NODES = 2_000
"""Nodes in the points, their annotators and the approval: what the service itself has to read again."""

_TEXT, _VALUE = b"t", b"v"
_POLICY_MEMBERS = ("type", "adapter", "query", "library")


@dataclass(frozen=True, slots=True)
class InlineRules:
    """What every inline manifest is held to in one service."""

    members: MemberCatalog
    limits: Limits
    outbound: OutboundAllow

    @classmethod
    def nothing(cls) -> "InlineRules":
        """Return rules that know no members: for a sandbox that is sent compiled jobs alone."""
        none: dict[str, Any] = {}
        catalog = MemberCatalog(
            policies=none,
            origins=none,
            bindings=none,
            adapters=none,
            annotators=none,
            providers=none,
            resolvers=none,
        )
        return cls(catalog, Limits(), OutboundAllow(()))

    def write(self) -> str:
        """Write them for a process of the service's own."""
        return base64.b64encode(pickle.dumps(self)).decode()

    @classmethod
    def read(cls, text: str) -> "InlineRules":
        """Read what `write` wrote; only ever from the service itself."""
        rules = pickle.loads(base64.b64decode(text))  # noqa: S301  # a command-line argument of the service's
        if not isinstance(rules, cls):
            raise TypeError("not the rules of inline manifests")
        return rules


def document_bytes(text: str | None, canonical_value: bytes) -> bytes:
    """Write a manifest for a child: the text it came as, or the value in canonical form."""
    return _VALUE + canonical_value if text is None else _TEXT + text.encode(errors="surrogatepass")


def read_given(body: bytes) -> Document:
    """Read what `document_bytes` wrote. Raises `ManifestError`."""
    form, content = body[:1], body[1:]
    return document_of(content.decode(errors="surrogatepass") if form == _TEXT else orjson.loads(content))


def prepare(
    body: bytes, rules: InlineRules, types: Mapping[str, PolicyType]
) -> tuple[CompiledPolicies, bytes]:
    """Read, validate and compile a manifest; give its policies, and the reply about it.

    Raises `ManifestError`, with places and the digest where they are known.
    """
    started = time.perf_counter()
    document = read_given(body)
    try:
        manifest = read_manifest(document, rules.limits, rules.members, MAX_FINDINGS)
        if findings := inline_findings(manifest, rules.members, rules.outbound):
            raise ManifestError(findings)
        assembled = _assembled(manifest)
        jobs = policy_jobs(*bindings_of(manifest), types, facts_of(manifest, rules.limits))
        compiled = compile_policies(jobs, types, NoSources())
    except ManifestError as error:
        raise placed_error(error, document) from None
    found = first_findings((*lints(manifest), *compiled.statement.warnings))
    statement = replace(compiled.statement, warnings=placed(found, document))
    catalogue = ToolCatalogue.of(manifest.tools).text
    took_ms = (time.perf_counter() - started) * 1_000
    reply = write_preparation(
        manifest.digest,
        replace(compiled, statement=statement),
        assembled,
        took_ms,
        (catalogue, write_jobs(jobs)),
    )
    return compiled, reply


def _assembled(manifest: Manifest) -> dict[str, Json]:
    """Return a valid manifest without its tools, its policies' content and what no point uses.

    Raises `ManifestError` for more than the service reads again at once.
    """
    value = manifest.value
    points: dict[str, Json] = {name.value: _point(value, name.value) for name in manifest.points}
    bound = {point.policy for point in manifest.points.values()}
    used = {use.name for point in manifest.points.values() for use in point.annotators}
    declared = value.get("annotators")
    annotators = {name: declared[name] for name in sorted(used)} if isinstance(declared, dict) else {}
    assembled: dict[str, Json] = {
        "agent_control_specification_version": value["agent_control_specification_version"],
        "policies": {
            name: {member: policy[member] for member in _POLICY_MEMBERS if member in policy}
            for name, policy in manifest.policies.items()
            if name in bound
        },
        "annotators": annotators,
        "intervention_points": points,
        "approval": dict(manifest.approval),
        "limits": dict(manifest.limits),
    }
    try:
        check_bounds(assembled, MAX_ASSEMBLED_NODES)
    except DocumentBoundError:
        message = f"more than {MAX_ASSEMBLED_NODES} nodes in points, their annotators and approval"
        raise ManifestError(
            [Diagnostic("document-too-large", message)], Reason.RESOURCE_LIMIT_EXCEEDED
        ) from None
    return assembled


def _point(value: Mapping[str, Json], name: str) -> dict[str, Json]:
    points = value["intervention_points"]
    point = points[name] if isinstance(points, dict) else None
    if not isinstance(point, dict):
        raise TypeError("not a valid manifest")
    binding = point["policy"]
    kept: dict[str, Json] = {}
    if isinstance(binding, dict):
        kept = {member: binding[member] for member in ("id", "query") if member in binding}
    return {**point, "policy": kept}
