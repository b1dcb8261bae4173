"""One decision: guards, the documents that apply, the first match, sealed rules (sections 7.5, 7.6)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from acs_sidecar.engines.adapters.agt_rules.closures import Compiler, Frame
from acs_sidecar.engines.adapters.agt_rules.documents.model import Action, AgtRule
from acs_sidecar.engines.adapters.agt_rules.evidence import with_lists
from acs_sidecar.engines.adapters.agt_rules.explanation import RuleReport, guard_reports
from acs_sidecar.engines.adapters.agt_rules.guards import RuleGuard
from acs_sidecar.engines.adapters.agt_rules.rule_index import BoundRule, RuleIndex
from acs_sidecar.engines.adapters.agt_rules.values import WRONG_TYPE, Input, Read, walk
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.dialects.adapter_output import same_output
from acs_sidecar.spec.explanation import listed
from acs_sidecar.spec.ports import PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import MAX_EVIDENCE_BYTES

__all__ = ["AppliedDocument", "RuleEvaluator"]

_DECISIONS = {
    Action.ALLOW: "allow",
    Action.DENY: "deny",
    Action.WARN: "warn",
    Action.REQUIRE_APPROVAL: "escalate",
}
_COUNTERS = ("envelope", "counters", "agt")


@dataclass(frozen=True, slots=True)
class AppliedDocument:
    """A listed document: whom it is for (`None` is everybody), and what it says where no rule matches."""

    name: str
    allows_by_default: bool
    applies: Callable[[str], bool] | None
    evidence: JsonObject


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What is decided so far; a denial of a counter has no rule's reason."""

    rule: AgtRule | None
    decision: str
    reason: str | None
    evidence: dict[str, Json]
    message: str | None = None
    undecided: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class RuleEvaluator:
    """The rules of one point. `deciding` are in the order of the strategy, `sealed` with denials first.

    `reached` is told of each rule that decides, or matches and logs; `adapter_output` is that of the dialect.
    """

    compiler: Compiler
    documents: tuple[AppliedDocument, ...]
    guards: tuple[RuleGuard, ...]
    deciding: RuleIndex
    sealed: RuleIndex
    logging: RuleIndex
    agent: Read
    reached: Callable[[AgtRule], None] | None = None
    adapter_output: Callable[[dict[str, Json]], dict[str, Json]] = same_output

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Return the verdict. Raises `EvaluationError`."""
        given = policy_input.value
        for guard in self.guards:
            if reason := guard.denies(given):
                evidence: Json = {"artefact": f"urn:agt:guard:{guard.name}"}
                return PolicyOutput({"decision": "deny", "reason": reason, "evidence": evidence})
        applied = self._applied(given)
        if not applied:
            return PolicyOutput({"decision": "deny", "reason": "no_applicable_policy"})
        frame = self._frame(policy_input)
        outcome = self._sealed(frame, applied, self._decided(frame, applied))
        logged = self._logged(frame, applied)
        if self.reached is not None and outcome.rule is not None:
            self.reached(outcome.rule)
        output: dict[str, Json] = {"decision": outcome.decision}
        if outcome.reason is not None:
            output["reason"] = outcome.reason
        if outcome.message is not None:
            output["message"] = outcome.message
        output["evidence"] = with_lists(outcome.evidence, undecided=outcome.undecided, logged=logged)
        return PolicyOutput(self.adapter_output(output), notes={"logged": logged} if logged else None)

    def explain(self, policy_input: PolicyInput) -> dict[str, Json]:
        """Return the guards, the documents that apply, and the rules in order up to the one that matches.

        Raises `EvaluationError` as `evaluate` does: explaining reads as much.
        """
        given = policy_input.value
        told: dict[str, Json] = {"kind": "agt_rules", "guards": guard_reports(self.guards, given)}
        if any(guard.denies(given) for guard in self.guards) or not (applied := self._applied(given)):
            return told | {"documents": []}
        documents = [document for index, document in enumerate(self.documents) if applied >> index & 1]
        report = RuleReport(self.compiler, self._frame(policy_input), applied)
        logged = [bound.rule.key for bound, _ in self.logging.matching(report.frame, applied)]
        return {
            **told,
            **listed("documents", documents, lambda document: document.name),
            **report.asked("rules", self.deciding.rules),
            **report.asked("sealed_rules", self.sealed.rules),
            **listed("logged_rules", logged, str),
        }

    def _frame(self, policy_input: PolicyInput) -> Frame:
        """Return what the rules read. Raises `EvaluationError` for more than they may."""
        frame = self.compiler.frame(policy_input.value)
        if not self.compiler.bytes_read(frame, len(policy_input.canonical)):
            message = "the rules would read more than 64 MiB: `matches`, `contains` and `in` on long values"
            raise EvaluationError(Reason.RESOURCE_LIMIT_EXCEEDED, message)
        return frame

    def _applied(self, given: Input) -> int:
        """Return the documents that apply to the agent, as bits."""
        if all(document.applies is None for document in self.documents):
            return (1 << len(self.documents)) - 1
        agent = self.agent(given)
        if not isinstance(agent, str):
            message = "the agent's id is no text, and documents are for certain agents"
            raise EvaluationError(Reason.POLICY_INVOCATION_FAILED, message)
        return sum(
            1 << index
            for index, document in enumerate(self.documents)
            if document.applies is None or document.applies(agent)
        )

    def _decided(self, frame: Frame, applied: int) -> _Outcome:
        """Return what the first rule that matches says, or the default."""
        for bound, undecided in self.deciding.matching(frame, applied):
            return self._outcome(frame, bound, undecided)
        documents = [document for index, document in enumerate(self.documents) if applied >> index & 1]
        for document in documents:
            if not document.allows_by_default:
                return _Outcome(None, "deny", "no_matching_rule", dict(document.evidence))
        return _Outcome(None, "allow", None, dict(documents[0].evidence))

    def _sealed(self, frame: Frame, applied: int, outcome: _Outcome) -> _Outcome:
        """Return what sealed rules leave of a decision: none is weaker than what a parent decides by itself.

        Where several ask, the approvers are those whom all name. Of a lineage whose own decision is
        weaker than an escalation the first rule that asks is one of them.
        """
        if outcome.decision == "deny":
            return outcome
        limited = [outcome.rule] if outcome.rule is not None and outcome.rule.limit is not None else []
        deciding: dict[frozenset[str], AgtRule | None] = {}
        asking: set[frozenset[str]] = set()
        for bound, undecided in self.sealed.matching(frame, applied):
            if bound.rule is outcome.rule:
                continue
            sealed = self._outcome(frame, bound, undecided)
            if bound.rule.action is Action.DENY:
                return sealed
            asks = bound.rule.action is Action.REQUIRE_APPROVAL
            if bound.lineage not in deciding:
                deciding[bound.lineage] = self._deciding_alone(frame, applied, bound.lineage)
            alone = deciding[bound.lineage]
            asks_first = (
                asks and bound.lineage not in asking and alone is not None and not alone.action.restricts
            )
            if asks:
                asking.add(bound.lineage)
            if asks and outcome.decision != "escalate":
                outcome = sealed
            elif not (asks_first or alone is bound.rule):
                continue
            elif sealed.decision == "deny":
                outcome = sealed
            elif sealed.decision == "escalate":
                outcome = _asked_together(outcome, sealed)
            if outcome.decision == "deny":
                return outcome
            if bound.rule.limit is not None:
                limited.append(bound.rule)
        return _counted(outcome, limited)

    def _deciding_alone(self, frame: Frame, applied: int, lineage: frozenset[str]) -> AgtRule | None:
        """Return the rule by which a document with this lineage decides where no other inherits it."""
        matching = self.deciding.matching(frame, applied)
        return next((other.rule for other, _ in matching if other.rule.document in lineage), None)

    def _logged(self, frame: Frame, applied: int) -> list[str]:
        """Return the names of the `log` rules that match."""
        rules = [bound.rule for bound, _ in self.logging.matching(frame, applied)]
        if self.reached is not None:
            for rule in rules:
                self.reached(rule)
        return list(dict.fromkeys(rule.name for rule in rules))

    def _outcome(self, frame: Frame, bound: BoundRule, undecided: bool) -> _Outcome:
        rule = bound.rule
        names = self.compiler.undecided(rule.condition, frame) if undecided else ()
        if undecided and rule.clock is not None:
            names = [*names, "timestamp"] if "timestamp" not in names else names
        evidence = dict(bound.evidence)
        if denial := _limit_denial(rule, frame[0]):
            return _Outcome(rule, "deny", denial, evidence, rule.message, names)
        return _Outcome(rule, _DECISIONS[rule.action], rule.reason, evidence, rule.message, names)


def _asked_together(outcome: _Outcome, sealed: _Outcome) -> _Outcome:
    """Return an escalation that the approvers of a sealed rule can approve; a denial where nobody can."""
    required = sealed.evidence.get("approvers")
    if not isinstance(required, list):
        return outcome
    named = outcome.evidence.get("approvers", required)
    common: list[Json] = [name for name in named if name in required] if isinstance(named, list) else []
    if not common:
        return replace(sealed, decision="deny", reason="no_common_approver")
    return replace(outcome, evidence={**outcome.evidence, "approvers": common})


def _counted(outcome: _Outcome, limited: Sequence[AgtRule]) -> _Outcome:
    """Return a decision whose evidence names the counters of the limits that it is below.

    `counter` is that of the lowest limit; `counters` are all, where there are several. Raises
    `EvaluationError` where they are too long.
    """
    if not limited:
        return outcome
    lowest = min(limited, key=lambda rule: rule.limit.rate if rule.limit else 0)
    counters: dict[str, Json] = {"counter": lowest.key}
    if len(limited) > 1:
        counters["counters"] = [rule.key for rule in limited]
    evidence = {**outcome.evidence, **counters}
    if len(limited) > 1 and len(canonical(evidence)) > MAX_EVIDENCE_BYTES:
        # Cut, it would leave a limit that nobody counts.
        message = (
            f"the names of {len(limited)} limits that hold together exceed the {MAX_EVIDENCE_BYTES} bytes "
            "of evidence: shorten the names of documents and rules, or limit at fewer levels"
        )
        raise EvaluationError(Reason.POLICY_OUTPUT_INVALID, message)
    return replace(outcome, evidence=evidence)


def _limit_denial(rule: AgtRule, given: Input) -> str | None:
    """Return why a rule with a limit denies, or `None` while its count is below."""
    if rule.limit is None:
        return None
    counters = walk(given["snapshot"], _COUNTERS)
    count = counters.get(rule.key) if isinstance(counters, dict) and counters is not WRONG_TYPE else None
    if type(count) is not int or count < 0:
        return "rate_count_missing"
    return "rate_limited" if count >= rule.limit.most else None
