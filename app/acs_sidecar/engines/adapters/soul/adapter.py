"""The adapter: a governance file, scanned when compiled, and bound to points (section 11.7)."""

from dataclasses import dataclass, field
from typing import assert_never

from acs_sidecar.engines.adapters.soul.definition import SoulDefinition, read_definition
from acs_sidecar.engines.adapters.soul.evaluators import GuardEvaluator, SilentEvaluator, StartEvaluator
from acs_sidecar.engines.adapters.soul.files import GUARDED_FILES
from acs_sidecar.engines.adapters.soul.guard.guard import GovernanceGuard
from acs_sidecar.engines.adapters.soul.guard.names import GuardedNames
from acs_sidecar.engines.adapters.soul.members import MEMBERS
from acs_sidecar.engines.adapters.soul.scan import Scan, scan_bytes
from acs_sidecar.engines.adapters.soul.texts import insufficiency_text
from acs_sidecar.engines.findings import SourceLocation, invalid, warning
from acs_sidecar.evaluators import CompileRequest, Evaluator, ManifestError, PointBinding
from acs_sidecar.spec.manifest.declaration import MemberTable
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.ports import SourceError

__all__ = ["SoulPolicy", "adapter"]


class _SoulAdapter:
    name = "soul"
    inline_safe = True

    @property
    def members(self) -> MemberTable:
        return MEMBERS

    def compile(self, request: CompileRequest) -> "SoulPolicy":
        """Read and scan the governance file. Raises `ManifestError`."""
        definition = read_definition(request.path, request.definition)
        if definition.errors:
            raise ManifestError(definition.errors)
        name, content = _governance_file(request)
        scanned = scan_bytes(content, definition.tier)
        if definition.sha256 not in (None, scanned.sha256):
            message = f"the file has the digest `sha256:{scanned.sha256}`: pin that one, or put back the file"
            raise invalid("soul-pin-mismatch", message, f"{request.path}.sha256")
        return SoulPolicy(request.path, definition, name, scanned)


@dataclass(slots=True)
class SoulPolicy:
    """A governance file that was scanned; `file` is its name, where it has one."""

    path: str
    definition: SoulDefinition
    file: str | None
    scan: Scan
    _bound: list[PointBinding] = field(default_factory=list)

    @property
    def statement(self) -> PolicyStatement:
        """Lint findings: points at which nothing is checked, and a file that no agent can start with."""
        lints = [
            warning(
                "soul-point-idle",
                "nothing is checked at this point: remove the binding, or combine it with another policy",
                SourceLocation(binding.path),
            )
            for binding in self._bound
            if isinstance(self._evaluator(binding.point), SilentEvaluator)
        ]
        if not self.scan.measured or not self.scan.level.reaches(self.definition.minimum):
            why = (
                "; ".join(map(insufficiency_text, self.scan.insufficient)) or f"it is at `{self.scan.level}`"
            )
            message = f"below `{self.definition.minimum}`, so that every start is denied: {why}"
            lints.append(warning("soul-below-minimum", message, SourceLocation(f"{self.path}.minimum_level")))
        return PolicyStatement(warnings=tuple(lints))

    def bind(self, binding: PointBinding) -> Evaluator:
        """Return what is checked at one point."""
        self._bound.append(binding)
        return self._evaluator(binding.point)

    def _evaluator(self, point: InterventionPoint) -> Evaluator:
        definition, scanned = self.definition, self.scan
        match point:
            case InterventionPoint.AGENT_STARTUP:
                return StartEvaluator(
                    scanned.level,
                    scanned.measured,
                    definition.minimum,
                    definition.recommended,
                    scanned.sha256 or "",
                    definition.on_drift,
                    self._artefact,
                    definition.paths["hash"],
                    definition.paths["content"],
                )
            case InterventionPoint.PRE_TOOL_CALL:
                return GuardEvaluator(
                    self._guard(),
                    self._artefact,
                    definition.paths["tool"],
                    definition.paths["args"],
                    definition.paths["resolved_paths"],
                )
            case (
                InterventionPoint.INPUT
                | InterventionPoint.PRE_MODEL_CALL
                | InterventionPoint.POST_MODEL_CALL
                | InterventionPoint.POST_TOOL_CALL
                | InterventionPoint.OUTPUT
                | InterventionPoint.AGENT_SHUTDOWN
            ):
                return SilentEvaluator()
            case _:
                assert_never(point)

    @property
    def _artefact(self) -> str:
        return f"soul:{self.scan.level}:{self.scan.score.score}:{(self.scan.sha256 or '')[:16]}"

    def _guard(self) -> GovernanceGuard:
        tools = self.definition.read_tools
        own = (self.file,) if self.file else ()
        return GovernanceGuard(
            GuardedNames.of((*GUARDED_FILES, *own, *self.definition.guard)),
            frozenset(tool for tool in tools if not tool.endswith("*")),
            tuple(tool.removesuffix("*") for tool in tools if tool.endswith("*")),
            frozenset(self.definition.content_members),
        )


def _governance_file(request: CompileRequest) -> tuple[str | None, bytes]:
    """Return the name and the bytes of the governance file. Raises `ManifestError`."""
    path, definition = request.path, request.definition
    given = [name for name in ("file", "document") if name in definition]
    if len(given) != 1:
        code = "member-missing" if not given else "member-ambiguous"
        raise invalid(code, "exactly one of `file` and `document` must be given", path)
    member, value = f"{path}.{given[0]}", definition[given[0]]
    if not isinstance(value, str):
        raise invalid("wrong-type", "must be the text, or the path of a governance file", member)
    if given == ["document"]:
        return None, value.encode(errors="surrogatepass")
    try:
        return value, request.sources.read(value).content
    except SourceError as error:
        raise invalid("source-unreadable", str(error), member) from None


adapter = _SoulAdapter()
