"""The members of an `agt_rules` policy (section 7.1)."""

from acs_sidecar.engines.adapters.agt_rules.ordering import Strategy
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.values import JsonObject

__all__ = ["GUARDS", "MEMBERS"]

_COUNT: JsonObject = {"type": "integer", "minimum": 0}

GUARDS: MemberTable = {
    "kill_switch": Member(
        "`true` obeys `envelope.kill_switch`, `required` denies where it is missing.",
        {"enum": [True, False, "required"]},
    ),
    "stopped_agents": Member(
        "Agents that are denied whatever the host says; `*` is any text.",
        {"type": "array", "items": {"type": "string"}},
    ),
    "min_trust_score": Member(
        "The least `envelope.agent.trust_score`; a tool's `min_trust_score` raises it.",
        {"type": "integer", "minimum": 0, "maximum": 1000},
    ),
    "max_delegation_depth": Member("The greatest `envelope.agent.delegation_depth`.", _COUNT),
    "rings": Member(
        "`true` compares the agent's ring with the one that a tool needs; `{agents: {glob: ring}}` gives agents theirs.",
        {"type": ["boolean", "object"]},
    ),
}

MEMBERS: MemberTable = {
    "document": Member(
        "One rule document: a path, or the document itself.", {"type": ["string", "object"]}, file=True
    ),
    "documents": Member(
        "Rule documents: each a path, or the document itself.",
        {"type": "array", "items": {"type": ["string", "object"]}},
        file=True,
    ),
    "conflict_strategy": Member(
        "Which rule decides where several match; `deny_overrides` by default.", {"enum": list(Strategy)}
    ),
    "context": Member(
        "Names of conditions and where they are read: a path, or `{path, default}`.",
        {"type": "object"},
        paths=("*", "*.path"),
    ),
    "arguments": Member(
        "`named`: any other name is one of the tool's arguments; `closed` by default.",
        {"enum": ["closed", "named"]},
    ),
    "guards": Member("What denies before any rule is asked.", {"type": "object"}, members=GUARDS),
}
