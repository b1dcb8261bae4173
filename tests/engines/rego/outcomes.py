"""Whether a rule holds, and with which codes it is refused."""

from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import definition, evaluate, findings

__all__ = ["AT", "FAILS", "HOLDS", "codes", "outcome"]

HOLDS = "the rule holds"
FAILS = "the rule does not hold"

AT = "policies.main.modules"


def outcome(rule: str, snapshot: Json) -> str:
    value = evaluate(definition(f"package a\ndefault x := false\n{rule}"), snapshot)
    return HOLDS if value is True else FAILS


def codes(rule: str) -> list[str]:
    return [said.partition(f": {AT}")[0] for said in findings(definition(f"package a\n{rule}"))]
