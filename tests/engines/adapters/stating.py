"""An adapter that allows everything and states whatever its definition says."""

from dataclasses import dataclass

from acs_sidecar.evaluators import (
    CompileRequest,
    DecisionNotes,
    Evaluator,
    HostCounter,
    Json,
    Member,
    PointBinding,
    PolicyInput,
    PolicyOutput,
    PolicyStatement,
    Required,
    Requirement,
    Revision,
    Window,
)

__all__ = ["STATING"]

MEMBERS = {
    name: Member("What it states.") for name in ("requires", "counters", "revision", "decided_by", "logged")
}


@dataclass(frozen=True)
class _Stating:
    statement: PolicyStatement
    notes: DecisionNotes

    def bind(self, binding: PointBinding) -> Evaluator:  # the port's signature
        return self

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:  # the port's signature
        return PolicyOutput({"decision": "allow"}, notes=self.notes)


class _StatingAdapter:
    name = "stating"
    inline_safe = True
    members = MEMBERS

    def compile(self, request: CompileRequest) -> _Stating:
        given = request.definition
        requires = [Required(Requirement(name), request.path) for name in _list(given.get("requires"))]
        counters = [
            HostCounter(group, name, Window(window))
            for group, name, window in map(_list, _list(given.get("counters")))
        ]
        revisions = [Revision(request.path, *_list(given["revision"]))] if "revision" in given else []
        notes: DecisionNotes = {}
        if "decided_by" in given:
            notes["decided_by"] = given["decided_by"]  # type: ignore[typeddict-item]  # as the test has it
        if "logged" in given:
            notes["logged"] = _list(given["logged"])
        return _Stating(PolicyStatement((), tuple(requires), tuple(counters), tuple(revisions)), notes)


def _list(value: Json) -> list:  # type: ignore[type-arg]  # as the test has it
    return value if isinstance(value, list) else []


STATING = _StatingAdapter()
