"""Rules of a document, read and checked (section 7.2)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from acs_sidecar.engines.adapters.agt_rules.condition.object_form import MemberError, read_object
from acs_sidecar.engines.adapters.agt_rules.condition.parser import parse_condition
from acs_sidecar.engines.adapters.agt_rules.condition.tokens import ConditionError
from acs_sidecar.engines.adapters.agt_rules.condition.tree import (
    And,
    Condition,
    Constant,
    Name,
    Operator,
    Test,
    pushed_down,
    tests_of,
)
from acs_sidecar.engines.adapters.agt_rules.documents.clock import Clock, ClockError, read_clock
from acs_sidecar.engines.adapters.agt_rules.documents.findings import Findings
from acs_sidecar.engines.adapters.agt_rules.documents.members import ACTIONS, ALIASES, RULE_A, RULE_B, STAGES
from acs_sidecar.engines.adapters.agt_rules.documents.model import (
    Action,
    AgtRule,
    DocumentScope,
    Limit,
    PlacedName,
)
from acs_sidecar.engines.adapters.agt_rules.documents.places import Place
from acs_sidecar.engines.adapters.agt_rules.expressions import (
    Expression,
    ExpressionError,
    Searches,
    doubt_of,
)
from acs_sidecar.spec.codes import is_code
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["RuleReader"]

MAX_MESSAGE = 512
_MAX_APPROVERS = 16
_MAX_APPROVER_BYTES = 64
_LIMIT = re.compile(r"(0|[1-9][0-9]{0,8})/(second|minute|hour|day)")
_RESERVED = "not_applicable"


@dataclass(frozen=True, slots=True)
class RuleReader:
    """Reads the rules of one document; `by_field` tells that it is of form B."""

    document: str
    version: str | None
    scope: DocumentScope
    by_field: bool
    findings: Findings
    searches: Searches

    def read(self, given: Json, at: Place) -> AgtRule | None:
        """Read one rule; what is wrong with it is a finding."""
        findings = self.findings
        if not isinstance(given, dict):
            findings.error("wrong-type", "a rule must be an object", at)
            return None
        findings.unknown_members(given, RULE_B if self.by_field else RULE_A, at)
        name = findings.name(given, at)
        reason = _reason(name)
        if name and (reason == _RESERVED or reason.startswith("runtime_error:")):
            findings.error(
                "value-not-allowed", f"`{reason}` is reserved: name the rule otherwise", at.member("name")
            )
        condition, names = self._condition(given, at)
        spelled = self._action(given, at)
        action = Action(ALIASES.get(spelled, spelled))
        limit = self._limit(given, action, spelled, at)
        message, description = findings.text(given, "message", at), findings.text(given, "description", at)
        shown = message if message is not None else description
        return AgtRule(
            name=name,
            reason=reason,
            document=self.document,
            version=self.version,
            condition=condition,
            clock=self._clock(given, at),
            names=names,
            action=action,
            point=self._point(given, at),
            priority=self._priority(given, at),
            scope=self.scope,
            limit=limit,
            approvers=self._approvers(given, action, at),
            message=shown[:MAX_MESSAGE] if shown else None,
            enabled=findings.flag(given, "enabled", True, at),
            override=self.by_field and findings.flag(given, "override", False, at),
            at=at,
        )

    def _action(self, given: JsonObject, at: Place) -> str:
        """Return the action as it is spelled; the earlier form has more of them."""
        spelled = given.get("action", "deny")
        if not self.by_field and isinstance(spelled, str) and spelled in ALIASES:
            limit = " with a `limit`" if spelled == "rate_limit" else ""
            message = f"`{spelled}` is an action of the earlier form: write `{ALIASES[spelled]}`{limit}"
            self.findings.error("value-not-allowed", message, at.member("action"))
            return "deny"
        return self.findings.choice(
            given, "action", (*ACTIONS, *(ALIASES if self.by_field else ())), "deny", at
        )

    def _condition(self, given: JsonObject, at: Place) -> tuple[Condition, tuple[PlacedName, ...]]:
        at = at.member("condition")
        if "condition" not in given:
            self.findings.error("member-missing", "`condition` is missing", at)
            return Constant(False), ()
        condition = given["condition"]
        parts = condition if isinstance(condition, list) else [condition]
        if not parts:
            self.findings.error(
                "agt-condition", "lists no condition: write `true` for a rule that always holds", at
            )
        read: list[Condition] = []
        names: list[PlacedName] = []
        for index, part in enumerate(parts):
            place = at.member(index) if isinstance(condition, list) else at
            tree = self._part(part, place)
            read.append(tree)
            self._compile_expressions(tree, place)
            field = place.member("field") if isinstance(part, dict) else place
            names.extend(PlacedName(name, field) for name in _names(tree))
        tree = read[0] if len(read) == 1 else And(tuple(read))
        return pushed_down(tree), tuple(names)

    def _compile_expressions(self, tree: Condition, at: Place) -> None:
        for test in tests_of(tree):
            if not isinstance(test, Test) or test.operator not in (
                Operator.MATCHES,
                Operator.NOT_MATCHES,
            ):
                continue
            pattern = str(test.operand)
            if doubt := doubt_of(pattern):
                self.findings.warn("agt-regex-doubtful", doubt, at)
            try:
                if pattern not in self.searches:
                    self.searches[pattern] = Expression(pattern)
            except ExpressionError as error:
                self.findings.error("agt-regex", str(error), at, test.name.offset)

    def _part(self, part: Json, at: Place) -> Condition:
        try:
            if isinstance(part, str):
                return parse_condition(part)
            if isinstance(part, dict):
                return read_object(part)
        except MemberError as error:
            place = at.member(error.member) if error.member else at
            in_text = error.member == "field" and error.code == "agt-condition"
            self.findings.error(error.code, error.message, place, error.offset if in_text else None)
        except ConditionError as error:
            self.findings.error(error.code, f"{error.message} (column {error.offset + 1})", at, error.offset)
        else:
            self.findings.error("wrong-type", "must be a condition's text or `{field, operator, value}`", at)
        return Constant(False)

    def _clock(self, given: JsonObject, at: Place) -> Clock | None:
        if "dynamic_condition" not in given:
            return None
        condition = given["dynamic_condition"]
        at = at.member("dynamic_condition")
        if not isinstance(condition, dict):
            self.findings.error("wrong-type", "must be an object", at)
            return None
        try:
            return read_clock(condition)
        except ClockError as error:
            self.findings.error(error.code, error.message, at.member(error.member))
            return None

    def _point(self, given: JsonObject, at: Place) -> InterventionPoint | None:
        if self.by_field:
            return None
        return STAGES[self.findings.choice(given, "stage", STAGES, "pre_tool", at)]

    def _priority(self, given: JsonObject, at: Place) -> int:
        priority = given.get("priority", 0)
        if type(priority) is int and abs(priority) <= 1_000_000:
            return priority
        self.findings.error(
            "wrong-type", "must be an integer from -1000000 to 1000000", at.member("priority")
        )
        return 0

    def _limit(self, given: JsonObject, action: Action, spelled: str, at: Place) -> Limit | None:
        limit = given.get("limit")
        if "limit" not in given:
            if spelled == "rate_limit":
                self.findings.error("member-missing", "`limit` is missing: `rate_limit` needs one", at)
            return None
        at = at.member("limit")
        if action is Action.DENY and spelled == given.get("action", "deny"):
            message = (
                "a limit on a rule that denies has no meaning: write `action: allow` with the limit, "
                "the rule denies from there on"
            )
            self.findings.error("agt-limit-on-deny", message, at)
            return None
        if action is Action.LOG:
            self.findings.error(
                "member-not-allowed", "a rule that logs decides nothing: remove the limit", at
            )
            return None
        found = _LIMIT.fullmatch(limit) if isinstance(limit, str) else None
        if found is None:
            message = "must be a count in a window: `100/second`, `/minute`, `/hour` or `/day`"
            self.findings.error("value-not-allowed", message, at)
            return None
        return Limit(int(found[1]), found[2])

    def _approvers(self, given: JsonObject, action: Action, at: Place) -> tuple[str, ...]:
        if "approvers" not in given:
            return ()
        approvers = self.findings.texts(given, "approvers", at)
        at = at.member("approvers")
        if action is not Action.REQUIRE_APPROVAL:
            self.findings.error("member-not-allowed", "only a rule that asks has approvers", at)
        if not 1 <= len(approvers) <= _MAX_APPROVERS or any(
            len(approver.encode()) > _MAX_APPROVER_BYTES or not approver.isprintable()
            for approver in approvers
        ):
            bounds = f"1 to {_MAX_APPROVERS} approvers of at most {_MAX_APPROVER_BYTES} printable bytes"
            message = f"must name {bounds}"
            self.findings.error("value-not-allowed", message, at)
        return approvers


def _names(condition: Condition) -> Iterator[Name]:
    for test in tests_of(condition):
        if isinstance(test, Constant):
            continue
        yield test.name
        if isinstance(test, Test) and isinstance(test.operand, Name):
            yield test.operand


def _reason(name: str) -> str:
    """Return the reason that a rule's name gives: itself where it is code-shaped, else its slug."""
    if is_code(name):
        return name
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64] or "rule"
