"""Explanations as rows of two columns: what decided, and what nearly did (section 2.7)."""

from collections.abc import Iterator
from dataclasses import dataclass

from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["ExplainedPart", "explained_parts"]


@dataclass(frozen=True, slots=True)
class ExplainedPart:
    """One part of an explanation: its title, and rows of a name and what is said of it."""

    title: str
    rows: tuple[tuple[str, str], ...]


def explained_parts(explained: JsonObject, steps: Json) -> list[ExplainedPart]:
    """Return the parts of an explanation that say something; `steps` are those of the trace."""
    parts = []
    if isinstance(remedy := explained.get("remedy"), str):
        parts.append(ExplainedPart("what to change", (("", remedy),)))
    parts += _policy(explained.get("policy"), "policy")
    findings = (
        (f"{annotator['annotator']} ({annotator['outcome']})", _finding(finding))
        for annotator in _objects(explained.get("annotators"))
        for finding in _objects(annotator.get("findings")) or [{}]
    )
    parts.append(ExplainedPart("annotators", tuple(findings)))
    durations = ((str(step["step"]), _duration(step["duration_us"])) for step in _objects(steps))
    parts.append(ExplainedPart("steps", tuple(durations)))
    return [part for part in parts if part.rows]


def _policy(policy: Json, title: str) -> Iterator[ExplainedPart]:
    """Yield what one policy says of itself; a combination's come one after the other."""
    if not isinstance(policy, dict):
        yield ExplainedPart(title, (("", "this policy does not explain itself"),))
        return
    if "unavailable" in policy:
        yield ExplainedPart(title, (("not explained", str(policy["unavailable"])),))
    for member in _objects(policy.get("policies")) if policy.get("kind") == "combine" else ():
        outcome = member.get("decision") or member.get("error")
        yield from _policy(member.get("explain"), f"{title} {member['policy']}: {outcome}")
    yield ExplainedPart(title, tuple(_rows(policy)))


def _rows(policy: JsonObject) -> Iterator[tuple[str, str]]:
    match policy.get("kind"):
        case "agt_rules":
            yield from _agt_rows(policy)
        case "cedar":
            yield from _cedar_rows(policy)
        case "rego":
            yield from _rego_rows(policy)
        case "oags":
            yield from _oags_rows(policy)
        case "rate_card" | "test":
            yield from ((name, str(value)) for name, value in policy.items() if name != "kind")


def _agt_rows(policy: JsonObject) -> Iterator[tuple[str, str]]:
    for guard in _objects(policy.get("guards")):
        yield f"guard {guard['guard']}", f"denies: {guard['denies']}" if guard["denies"] else "passes"
    for rule in [*_objects(policy.get("rules")), *_objects(policy.get("sealed_rules"))]:
        words = f"{rule['action']} applies" if rule["matches"] else "does not apply"
        if "stopped_by" in rule:
            words += f": `{rule['stopped_by']}` is {rule.get('stopped_by_result', 'false')}"
        yield f"{rule['rule']} ({rule['at']})", words


def _cedar_rows(policy: JsonObject) -> Iterator[tuple[str, str]]:
    for part in ("principal", "action", "resource"):
        yield part, str(policy[part])
    for one in _objects(policy.get("policies")):
        words = f"{one['effect']} decides" if one["determining"] else f"{one['effect']} does not decide"
        stops = [
            f"`{condition['stopped_by']}` "
            + (
                f"fails: {condition['error']}"
                if "error" in condition
                else f"is {condition['stopped_by_result']}"
            )
            for condition in _objects(one.get("conditions"))
            if "stopped_by" in condition
        ]
        yield f"{one['policy']} ({one['at']})", ": ".join([words, *([", ".join(stops)] if stops else [])])


def _rego_rows(policy: JsonObject) -> Iterator[tuple[str, str]]:
    for rule in _objects(policy.get("rules")):
        value = "a function" if rule.get("function") else rule.get("value") or "undefined"
        yield str(rule["rule"]), str(value)
        for body in _objects(rule.get("bodies")):
            lines = [
                f"{words} {', '.join(map(str, found))}"
                for words, found in (("reached", body["reached"]), ("not reached", body["not_reached"]))
                if isinstance(found, list) and found
            ]
            yield f"  {body['at']}", "; ".join(lines)


def _oags_rows(policy: JsonObject) -> Iterator[tuple[str, str]]:
    checks = _objects(policy.get("checks"))
    for check in checks:
        broken = check["breaks"] if isinstance(check["breaks"], list) else []
        yield str(check["check"]), ", ".join(map(str, broken)) or "passes"
    if not checks:
        yield "", "checks nothing at this point"


def _duration(microseconds: Json) -> str:
    return f"{microseconds:.0f} µs" if isinstance(microseconds, int | float) else str(microseconds)


def _finding(finding: JsonObject) -> str:
    if not finding:
        return "nothing found"
    return f"{finding.get('category')} at {finding.get('start')}-{finding.get('end')}: {finding.get('text')}"


def _objects(value: Json) -> list[dict[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
