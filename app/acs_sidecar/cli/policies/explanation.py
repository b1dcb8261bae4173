"""Explanations as tables: what decided, and what nearly did (section 2.7)."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from acs_sidecar.cli.output import cell
from acs_sidecar.spec.trace import Trace
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["show_explanation"]


def show_explanation(console: Console, explained: JsonObject, trace: Trace) -> None:
    """Print the explanation of one decision."""
    if isinstance(remedy := explained.get("remedy"), str):
        _print(console, "what to change", [("", remedy)])
    _show_policy(console, explained.get("policy"), "policy")
    findings = [
        (f"{annotator['annotator']} ({annotator['outcome']})", _finding(finding))
        for annotator in _objects(explained.get("annotators"))
        for finding in _objects(annotator.get("findings")) or [{}]
    ]
    _print(console, "annotators", findings)
    steps = [(str(step["step"]), f"{step['duration_us']} µs") for step in _objects(trace.as_json()["steps"])]
    _print(console, "steps", steps)


def _show_policy(console: Console, policy: Json, title: str) -> None:
    """Print what one policy says of itself; a combination's are printed one after the other."""
    if not isinstance(policy, dict):
        _print(console, title, [("", "this policy does not explain itself")])
        return
    if "unavailable" in policy:
        _print(console, title, [("not explained", str(policy["unavailable"]))])
    for member in _objects(policy.get("policies")) if policy.get("kind") == "combine" else ():
        outcome = member.get("decision") or member.get("error")
        _show_policy(console, member.get("explain"), f"{title} {member['policy']}: {outcome}")
    match policy.get("kind"):
        case "agt_rules":
            _print(console, title, [*_agt_rows(policy)])
        case "cedar":
            _print(console, title, [*_cedar_rows(policy)])
        case "rego":
            _print(console, title, [*_rego_rows(policy)])
        case "oags":
            _print(console, title, [*_oags_rows(policy)])
        case "rate_card" | "test":
            rows = ((name, str(value)) for name, value in policy.items() if name != "kind")
            _print(console, title, [*rows])


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


def _finding(finding: JsonObject) -> str:
    if not finding:
        return "nothing found"
    return f"{finding.get('category')} at {finding.get('start')}-{finding.get('end')}: {finding.get('text')}"


def _objects(value: Json) -> list[dict[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _print(console: Console, title: str, rows: list[tuple[str, str]]) -> None:
    if not rows:
        return
    table = Table("name", "value", show_header=False, box=None, title_justify="left", pad_edge=False)
    table.title = cell(title, "bold")
    for name, value in rows:
        table.add_row(cell(name), cell(value))
    console.print(table)
