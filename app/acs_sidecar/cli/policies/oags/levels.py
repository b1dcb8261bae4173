"""The levels of the specification, judged by a manifest and by the service's settings (section 9.6)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from acs_sidecar.cli.policies.finding_files import in_files
from acs_sidecar.cli.policies.manifest import one_manifest
from acs_sidecar.cli.policies.oags.audit_evidence import JudgedManifest, audit_rows
from acs_sidecar.cli.policies.oags.level_rows import Level, LevelRow
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.engines.adapters.oags.adapter import OagsPolicy, adapter
from acs_sidecar.engines.adapters.oags.lints import CHECKED_POINTS
from acs_sidecar.engines.compilation import facts_of
from acs_sidecar.manifests.composition import ReadManifest
from acs_sidecar.manifests.discovery import read_manifests
from acs_sidecar.manifests.loading import build_compiler, compile_manifest
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.combination import combined_names
from acs_sidecar.spec.manifest.compiled import InvalidManifest
from acs_sidecar.spec.manifest.members import PolicyKind
from acs_sidecar.spec.manifest.model import Manifest
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import CompileRequest
from acs_sidecar.spec.values import JsonObject

__all__ = ["rows_of"]


def rows_of(place: Path, keys: list[str], config: Path | None) -> list[LevelRow]:
    """Judge one manifest; one that cannot be read ends the command. `keys` are trusted to sign the log.

    The settings are those of the environment and of the file `config`.
    """
    file = one_manifest(place)
    settings = settings_from(config).settings
    (read,) = read_manifests(settings, (file,))
    compiled = compile_manifest(read, build_compiler(settings, HttpClient(), None))
    judged = JudgedManifest()
    if isinstance(compiled, InvalidManifest):
        errors = [found for found in compiled.error.diagnostics if found.severity == "error"]
        first, *_ = in_files(read, errors)
        rows = [LevelRow(Level.L1, "a valid manifest and document", False, str(first))]
    else:
        rows = list(_manifest_rows(compiled.manifest, read))
        judged = JudgedManifest(
            compiled.digest,
            {
                point.value: compiled.points[point].policy_digest
                for point in CHECKED_POINTS
                if _governed(compiled.manifest, point)
            },
        )
    return [*rows, *audit_rows(settings, keys, judged)]


@dataclass(frozen=True, slots=True)
class _Governed:
    """The policy of one point: its name, and its definition with the binding's members over it."""

    name: str
    definition: JsonObject


def _manifest_rows(manifest: Manifest, read: ReadManifest) -> Iterator[LevelRow]:
    governed = {point: _governed(manifest, point) for point in CHECKED_POINTS}
    first = next((each for each in governed.values() if each), None)
    if first is None:
        message = "no checked point binds a policy of `adapter: oags`"
        yield LevelRow(Level.L1, "a valid manifest and document", False, message)
    else:
        yield LevelRow(Level.L1, "a valid manifest and document", True, f"policy `{first.name}`")
        startup = _compiled(manifest, read, governed[InterventionPoint.AGENT_STARTUP] or first)
        bound = [_compiled(manifest, read, policy) for policy in governed.values() if policy]
        yield _identity_row(startup, bound)
        calls = _compiled(manifest, read, governed[InterventionPoint.PRE_TOOL_CALL] or first)
        yield _contracts_row(calls)
    for point, policy in governed.items():
        yield _point_row(point, policy)


def _governed(manifest: Manifest, point: InterventionPoint) -> _Governed | None:
    """Return the first policy of this adapter that a point binds, alone or in a combination."""
    if (bound := manifest.points.get(point)) is None:
        return None
    definition = {**manifest.policies[bound.policy], **bound.policy_members}
    if _is_oags(definition):
        return _Governed(bound.policy, definition)
    for name in combined_names(definition):
        if _is_oags(manifest.policies[name]):
            return _Governed(name, manifest.policies[name])
    return None


def _is_oags(definition: JsonObject) -> bool:
    return definition.get("type") == PolicyKind.CUSTOM and definition.get("adapter") == adapter.name


def _compiled(manifest: Manifest, read: ReadManifest, governed: _Governed) -> OagsPolicy:
    path = f"policies.{governed.name}"
    facts = facts_of(manifest, Limits())
    return adapter.compile(CompileRequest(path, governed.definition, read.sources, facts))


def _identity_row(policy: OagsPolicy, bound: list[OagsPolicy]) -> LevelRow:
    """Judge the identity that the start is held to, and whatever else the bound policies declare."""
    asks = "the declared id is that of model, prompt and tools"
    declared = policy.definition.expected_id or policy.policy.identity.sekuire_id
    computed = policy.files.identity.id if policy.files.identity else None
    if computed is None:
        detail = "`identity` must have `model`, `system_prompt_path` and `tools_path`"
    elif declared is None:
        detail = f"declare `{computed}` as `project.sekuire_id`"
    elif stale := dict.fromkeys(found for each in bound for found in _stale(each)):
        detail = "; ".join(stale)
    else:
        return LevelRow(Level.L1, asks, True, computed)
    return LevelRow(Level.L1, asks, False, detail)


def _stale(policy: OagsPolicy) -> Iterator[str]:
    """Yield what a policy declares that its files do not give, `declared_id: ignore` or not."""
    files, identity = policy.files.identity, policy.policy.identity
    if files is None:
        return
    for member, declared, computed in (
        ("expected_id", policy.definition.expected_id, files.id),
        ("project.sekuire_id", identity.sekuire_id, files.id),
        ("identity.system_prompt_hash", identity.system_prompt_hash, files.prompt_hash),
        ("identity.tools_hash", identity.tools_hash, files.tools_hash),
    ):
        if declared not in (None, computed):
            yield f"`{member}` declares `{declared}`, and the files give `{computed}`"


def _contracts_row(policy: OagsPolicy) -> LevelRow:
    asks = "every allowed tool has `actions`, and an entry with a schema in the file of tools"
    tools = policy.policy.tools
    allowed = dict.fromkeys((*tools.allowed, *tools.confirm) if tools else ())
    missing = []
    for entry in allowed:
        actions, listed = policy.definition.actions, policy.files.tools
        if not any(_matches(entry, tool) for tool in actions):
            missing.append(f"`{entry}` has no `actions`")
        else:
            unmapped = [tool for tool in listed if _matches(entry, tool) and tool not in actions]
            missing += [f"`{tool}` has no `actions`" for tool in unmapped]
        if policy.policy.identity.tools_path is None or not policy.files.tools:
            continue
        matching = [has_schema for tool, has_schema in listed.items() if _matches(entry, tool)]
        if not matching:
            missing.append(f"`{entry}` has no entry in the file of tools")
        elif not all(matching):
            missing.append(f"`{entry}` has no schema in the file of tools")
    if policy.policy.identity.tools_path is not None and not policy.files.tools:
        missing.append("the file of tools is no list of tools in JSON: none is found in it")
    if not allowed:
        missing.append("no tool is allowed")
    return LevelRow(Level.L1, asks, not missing, "; ".join(missing) or f"{len(allowed)} entries")


def _matches(entry: str, tool: str) -> bool:
    return tool.startswith(entry[:-1]) if entry.endswith("*") else tool == entry


def _point_row(point: InterventionPoint, governed: _Governed | None) -> LevelRow:
    asks = f"every action at `{point}` is enforced"
    if governed is None:
        return LevelRow(Level.L2, asks, False, "bind a policy of `adapter: oags`, alone or in a combination")
    if governed.definition.get("mode", "enforce") != "enforce":
        return LevelRow(Level.L2, asks, False, f"policy `{governed.name}` has `mode: warn`")
    if point is InterventionPoint.AGENT_STARTUP and governed.definition.get("on_drift") == "warn":
        return LevelRow(Level.L2, asks, False, f"policy `{governed.name}` has `on_drift: warn`")
    return LevelRow(Level.L2, asks, True, f"policy `{governed.name}`")
