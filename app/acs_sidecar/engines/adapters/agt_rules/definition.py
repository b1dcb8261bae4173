"""The members of a policy, read and checked: strategy, context, guards (sections 7.1, 7.4, 7.7)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from acs_sidecar.engines.adapters.agt_rules.agents import agent_fact, agent_matcher, agent_name, doubts_of
from acs_sidecar.engines.adapters.agt_rules.guards import (
    Delegation,
    KillSwitch,
    Rings,
    RuleGuard,
    StoppedAgents,
    TrustScore,
)
from acs_sidecar.engines.adapters.agt_rules.members import GUARDS
from acs_sidecar.engines.adapters.agt_rules.ordering import Strategy
from acs_sidecar.engines.adapters.agt_rules.rings import LEAST_PRIVILEGED, AgentRings
from acs_sidecar.engines.adapters.agt_rules.values import Source
from acs_sidecar.engines.findings import SourceLocation, finding, warning
from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.document.member_path import member_below
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.path import Path, PathSyntaxError, Root, parse_path
from acs_sidecar.spec.ports import POLICY_INPUT_MEMBERS, POLICY_TARGET_MEMBERS
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["RulesDefinition", "read_definition"]


@dataclass(slots=True)
class RulesDefinition:
    """What a policy says besides its documents."""

    strategy: Strategy = Strategy.DENY_OVERRIDES
    context: dict[str, Source] = field(default_factory=dict)
    named_arguments: bool = False
    guards: list[RuleGuard] = field(default_factory=list)
    rings: AgentRings = field(default_factory=AgentRings)
    errors: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)


def read_definition(path: str, definition: JsonObject, dialect: Dialect) -> RulesDefinition:
    """Read the members of a policy; what is wrong is in `errors`, what is doubtful in `warnings`."""
    read = RulesDefinition(rings=AgentRings((), agent_name(dialect), agent_fact(dialect)))
    strategy = definition.get("conflict_strategy", Strategy.DENY_OVERRIDES)
    if isinstance(strategy, str) and strategy in set(Strategy):
        read.strategy = Strategy(strategy)
    else:
        _choice(read, f"{path}.conflict_strategy", list(Strategy))
    arguments = definition.get("arguments", "closed")
    if arguments not in ("closed", "named"):
        _choice(read, f"{path}.arguments", ["closed", "named"])
    read.named_arguments = arguments == "named"
    _read_context(read, f"{path}.context", definition.get("context"))
    guards = definition.get("guards", {})
    _read_guards(read, f"{path}.guards", guards)
    if isinstance(guards, dict) and not read.errors:
        read.warnings.extend(_doubtful_agents(f"{path}.guards", guards))
    return read


def _doubtful_agents(path: str, guards: JsonObject) -> Iterator[Diagnostic]:
    rings = guards.get("rings")
    named = {
        "stopped_agents": guards.get("stopped_agents"),
        "rings.agents": rings.get("agents") if isinstance(rings, dict) else None,
    }
    for member, patterns in named.items():
        for doubt in doubts_of([*map(str, patterns)] if isinstance(patterns, list | dict) else ()):
            yield warning("agt-agent-doubtful", doubt, SourceLocation(f"{path}.{member}"))


def _read_context(read: RulesDefinition, path: str, context: Json) -> None:
    if context is None:
        return
    if not isinstance(context, dict):
        _error(read, "wrong-type", "must map names to paths", path)
        return
    for name, given in context.items():
        entry = given if isinstance(given, dict) else {"path": given}
        text = entry.get("path")
        if not isinstance(text, str) or not entry.keys() <= {"path", "default"}:
            _error(read, "wrong-type", "must be a path, or `{path, default}`", member_below(path, name))
            continue
        try:
            parsed = parse_path(text)
        except PathSyntaxError as error:
            _error(read, "path-syntax", str(error), member_below(path, name))
            continue
        if wrong := _not_in_input(parsed):
            _error(read, "agt-name-unknown", wrong, member_below(path, name))
        read.context[name] = Source((parsed,), entry.get("default"))


def _not_in_input(path: Path) -> str | None:
    """Return what is wrong with a path whose first names no policy input has."""
    if path.root is not Root.POLICY_INPUT:
        return None
    is_target = path.segments[:1] == ("policy_target",)
    whole, known = (
        ("$pi.policy_target", POLICY_TARGET_MEMBERS) if is_target else ("$pi", POLICY_INPUT_MEMBERS)
    )
    names = path.segments[1:] if is_target else path.segments
    if not names or names[0] in known:
        return None
    return f"`{whole}` has no member `{names[0]}`; it has {', '.join(f'`{each}`' for each in known)}"


def _read_guards(read: RulesDefinition, path: str, guards: Json) -> None:
    if not isinstance(guards, dict):
        _error(read, "wrong-type", "must be an object", path)
        return
    listed = ", ".join(f"`{name}`" for name in GUARDS)
    for name in guards:
        if name not in GUARDS:
            _error(
                read, "member-unknown", f"unknown member; must be one of {listed}", member_below(path, name)
            )
    # In the order of the table, which is the order in which they are asked.
    for name, make in _MAKERS.items():
        value = guards.get(name)
        if name not in guards or (value is False and make in _SWITCHES):
            continue
        guard = make(read, value)
        if isinstance(guard, str):
            _error(read, "value-not-allowed", guard, member_below(path, name))
        else:
            read.guards.append(guard)


def _kill_switch(_: RulesDefinition, value: Json) -> RuleGuard | str:
    if value is True or value == "required":
        return KillSwitch(required=value == "required")
    return "must be `true` or `required`"


def _stopped_agents(read: RulesDefinition, value: Json) -> RuleGuard | str:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        return "must be a list of agent ids, `*` for any text"
    return StoppedAgents(agent_matcher([str(each) for each in value]), read.rings.name)


def _min_trust_score(read: RulesDefinition, value: Json) -> RuleGuard | str:
    if type(value) is not int or not 0 <= value <= 1000:
        return "must be an integer from 0 to 1000"
    return TrustScore(value, read.rings.fact)


def _max_delegation_depth(read: RulesDefinition, value: Json) -> RuleGuard | str:
    if type(value) is not int or value < 0:
        return "must be an integer that is not negative"
    return Delegation(value, read.rings.fact)


def _rings(read: RulesDefinition, value: Json) -> RuleGuard | str:
    if value is True:
        return Rings(read.rings)
    agents = value.get("agents") if isinstance(value, dict) and value.keys() == {"agents"} else None
    wanted = f"must be `true`, or `{{agents: {{glob: ring}}}}` with rings from 0 to {LEAST_PRIVILEGED}"
    if not isinstance(agents, dict):
        return wanted
    assigned = []
    for pattern, ring in agents.items():
        if type(ring) is not int or not 0 <= ring <= LEAST_PRIVILEGED or not pattern:
            return wanted
        assigned.append((agent_matcher([pattern]), ring))
    read.rings = replace(read.rings, assigned=tuple(assigned))
    return Rings(read.rings)


_MAKERS: dict[str, Callable[[RulesDefinition, Json], RuleGuard | str]] = {
    "kill_switch": _kill_switch,
    "stopped_agents": _stopped_agents,
    "min_trust_score": _min_trust_score,
    "max_delegation_depth": _max_delegation_depth,
    "rings": _rings,
}


_SWITCHES = (_kill_switch, _rings)
"""Guards that `false` leaves off; anything else without a meaning is refused, a value left empty too."""


def _choice(read: RulesDefinition, path: str, allowed: list[str]) -> None:
    _error(read, "value-not-allowed", f"must be one of {', '.join(f'`{each}`' for each in allowed)}", path)


def _error(read: RulesDefinition, code: str, message: str, path: str) -> None:
    read.errors.append(finding(code, message, SourceLocation(path)))
