"""The adapter: a document of the specification, compiled once and bound to points (section 9.4)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import assert_never

from acs_sidecar.engines.adapters.oags.definition import PolicyDefinition, read_definition
from acs_sidecar.engines.adapters.oags.document.model import NormalPolicy
from acs_sidecar.engines.adapters.oags.document.reader import read_normal
from acs_sidecar.engines.adapters.oags.enforcement import Enforcer, enforcer_of
from acs_sidecar.engines.adapters.oags.evaluators import (
    IdleEvaluator,
    ModelEvaluator,
    StartupEvaluator,
    ToolEvaluator,
)
from acs_sidecar.engines.adapters.oags.identity.expected import (
    IdentityFiles,
    read_identity_files,
    with_stand_ins,
)
from acs_sidecar.engines.adapters.oags.identity.startup import IdentityCheck, KnownParts
from acs_sidecar.engines.adapters.oags.lints import document_lints, policy_lints
from acs_sidecar.engines.adapters.oags.members import MEMBERS
from acs_sidecar.engines.adapters.oags.rates import RateCheck
from acs_sidecar.engines.adapters.oags.rules import VerdictForm
from acs_sidecar.engines.document_findings import DocumentFindings
from acs_sidecar.engines.findings import SourceLocation, invalid, too_large
from acs_sidecar.evaluators import CompileRequest, Diagnostic, Evaluator, ManifestError, PointBinding
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.document.bounds import DocumentBoundError, DocumentError
from acs_sidecar.spec.document.text import Document, parse_document
from acs_sidecar.spec.manifest.declaration import MemberTable
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import HostCounter, PolicyStatement
from acs_sidecar.spec.ports import SourceError

__all__ = ["adapter"]


class _OagsAdapter:
    name = "oags"
    inline_safe = True

    @property
    def members(self) -> MemberTable:
        return MEMBERS

    def compile(self, request: CompileRequest) -> "OagsPolicy":
        """Read the document and the files of its identity. Raises `ManifestError`."""
        definition = read_definition(request.path, request.definition)
        findings, content, folder = _document(request)
        relative_paths = definition.reading.root is not None
        policy = read_normal(findings, relative_paths=relative_paths)
        if policy is None or definition.errors:
            raise ManifestError([*definition.errors, *findings.errors, *findings.warnings])

        def read(path: str) -> bytes:
            return request.sources.read((folder / path).as_posix()).content

        files = read_identity_files(policy.identity, read, findings, compare=definition.compare_declared)
        if not definition.reading.all_below:
            document_lints(findings)
        if findings.errors:
            raise ManifestError([*findings.errors, *findings.warnings])
        enforced = with_stand_ins(policy, files)
        return OagsPolicy(
            request=request,
            definition=definition,
            policy=enforced,
            files=files,
            content=content,
            warnings=[*definition.warnings, *findings.warnings],
        )


@dataclass(slots=True)
class OagsPolicy:
    """A document that was read and checked; `files` are those that its identity names."""

    request: CompileRequest
    definition: PolicyDefinition
    policy: NormalPolicy
    files: IdentityFiles
    content: bytes
    warnings: Sequence[Diagnostic]
    _bound: list[PointBinding] = field(default_factory=list)

    @property
    def expected_id(self) -> str | None:
        """The id of the agent, where anything says which."""
        declared = self.policy.identity.sekuire_id if self.definition.compare_declared else None
        computed = self.files.identity.id if self.files.identity else None
        return self.definition.expected_id or declared or computed

    @property
    def statement(self) -> PolicyStatement:
        """Lint findings, those of the points that are bound included, and the counters that limits read."""
        lints = policy_lints(
            self.request.path,
            self.policy,
            self._bound,
            has_id=self.expected_id is not None,
            can_escalate=self.request.manifest.can_escalate,
        )
        counters = (
            ()
            if "counters" in self.definition.paths
            else tuple(HostCounter(counted, window.value, window) for counted, window in self.policy.rates)
        )
        return PolicyStatement(warnings=(*self.warnings, *lints), counters=counters)

    def bind(self, binding: PointBinding) -> Evaluator:
        """Return what is checked at one point."""
        self._bound.append(binding)
        enforcer, form = self._enforcer(), self._form()
        definition = self.definition
        match binding.point:
            case InterventionPoint.AGENT_STARTUP:
                return StartupEvaluator(
                    enforcer,
                    form,
                    IdentityCheck(
                        self.expected_id,
                        definition.require_inputs,
                        tuple(definition.signers.values()),
                        self._known_parts(),
                    ),
                    definition.path("identity"),
                    definition.path("tools_registered"),
                    definition.path("model", "$snap.agent_init.model.name"),
                    definition.path("provider", "$snap.agent_init.model.vendor"),
                )
            case InterventionPoint.PRE_MODEL_CALL:
                return ModelEvaluator(
                    enforcer,
                    form,
                    self._rates(),
                    definition.path("model", "$snap.model.name"),
                    definition.path("provider", "$snap.model.vendor"),
                )
            case InterventionPoint.PRE_TOOL_CALL:
                return ToolEvaluator(
                    enforcer, form, self._rates(), definition.path("tool"), definition.actions
                )
            case (
                InterventionPoint.INPUT
                | InterventionPoint.POST_MODEL_CALL
                | InterventionPoint.POST_TOOL_CALL
                | InterventionPoint.OUTPUT
                | InterventionPoint.AGENT_SHUTDOWN
            ):
                return IdleEvaluator()
            case _:
                assert_never(binding.point)

    def _known_parts(self) -> KnownParts:
        """Return what the expected id is made of: what the files give, or else what is declared with it."""
        declared, computed = self.policy.identity, self.files.identity
        if computed is not None and computed.id == self.expected_id:
            return KnownParts(declared.model, computed.prompt_hash, computed.tools_hash)
        if declared.sekuire_id == self.expected_id:
            return KnownParts(declared.model, declared.system_prompt_hash, declared.tools_hash)
        return KnownParts()

    def _enforcer(self) -> Enforcer:
        return enforcer_of(self.policy, self.definition.reading)

    def _rates(self) -> RateCheck:
        return RateCheck(self.policy.rates, self.definition.path("counters"))

    def _form(self) -> VerdictForm:
        digest = hashlib.sha256(self.content).hexdigest()[:16]
        artefact = f"oags:{self.expected_id or '-'}:{digest}"
        return VerdictForm(
            self.definition.warns_only,
            self.definition.on_drift,
            artefact,
            self.request.manifest.dialect.adapter_output,
        )


def _document(request: CompileRequest) -> tuple[DocumentFindings, bytes, PurePosixPath]:
    """Return the document, its bytes, and the folder of the files that it names. Raises `ManifestError`."""
    path, definition = request.path, request.definition
    named = [name for name in ("file", "document") if name in definition]
    if len(named) != 1:
        code = "member-missing" if not named else "member-ambiguous"
        raise invalid(code, "exactly one of `file` and `document` must be given", path)
    member, value = f"{path}.{named[0]}", definition[named[0]]
    if named == ["document"]:
        if not isinstance(value, dict):
            raise invalid("wrong-type", "must be the document, an object", member)
        return DocumentFindings(Document(value, {}), member), canonical(value), PurePosixPath()
    if not isinstance(value, str):
        raise invalid("wrong-type", "must be the path of a document", member)
    try:
        file = request.sources.read(value)
    except SourceError as error:
        raise invalid("source-unreadable", str(error), member) from None
    at = SourceLocation(member, file.name)
    try:
        document = parse_document(file.content.decode())
    except UnicodeDecodeError:
        raise invalid("document-syntax", "is not UTF-8", at) from None
    except DocumentError as error:
        at = at._replace(line=error.line, column=error.column)
        if isinstance(error, DocumentBoundError):
            raise too_large(error.message, at) from None
        raise invalid("document-syntax", error.message, at) from None
    findings = DocumentFindings(document, member, file.name)
    return findings, file.content, PurePosixPath(value).parent


adapter = _OagsAdapter()
