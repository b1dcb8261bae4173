"""Random rule documents of both forms with a context, reproducible by their seed."""

import json
import random
from dataclasses import dataclass, field
from typing import Any

from acs_sidecar.spec.values import Json

__all__ = ["NAMES", "ToolkitCase", "generate"]

NAMES = ("role", "amount", "env", "data", "path", "on")
_FIELDS = (*NAMES, "data.level", "data.tags", "data.sub.deep", "user_name")
_TEXTS = ("admin", "prod", "dev", "a b", "10", "5.5", "this or that", "x,y", "true", "")
_NUMBERS = ("0", "1", "5", "5.5", "10", "-1")
_VALUES: tuple[Any, ...] = (
    *_TEXTS,
    0,
    1,
    5,
    5.5,
    10,
    -1,
    True,
    False,
    None,
    [],
    ["admin", "prod"],
    [1, 5],
    {"admin": 1},
    "500",
    "nan",
)
_EXPRESSIONS = ("^a", "ad.in$", r"\d+", "(?i)ADMIN", r"\s", "prod|dev", "True")
_STAGES = ("pre_input", "pre_tool", "post_tool", "pre_output")
_STRATEGIES = ("deny_overrides", "allow_overrides", "priority_first_match", "most_specific_wins")


@dataclass(frozen=True, slots=True)
class ToolkitCase:
    """Documents by file name, those that a policy lists, and what they are asked about."""

    seed: int
    form: str
    documents: dict[str, dict[str, Any]]
    listed: list[str]
    strategy: str
    agent: str
    stage: str
    context: dict[str, Json]
    counts: dict[str, Json] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, str]:
        """The documents as text, the same for both sides."""
        return {name: json.dumps(document) for name, document in self.documents.items()}


def generate(seed: int) -> ToolkitCase:
    """Return the case of a seed."""
    source = random.Random(seed)  # noqa: S311  # reproducible cases, no secret
    by_field = source.random() < 0.3
    maker = _Maker(source)
    count = source.choice((1, 1, 1, 2, 3))
    listed = [f"d{index}.yaml" for index in range(count)]
    make = maker.by_field if by_field else maker.by_text
    documents = {name: make(name.removesuffix(".yaml")) for name in listed}
    if not by_field and source.random() < 0.2:
        documents["parent.yaml"] = maker.by_text("parent")
        documents[listed[0]]["extends"] = ["parent.yaml"]
    return ToolkitCase(
        seed,
        "B" if by_field else "A",
        documents,
        listed,
        "priority_first_match" if by_field else source.choice(_STRATEGIES),
        source.choice(("did:x", "did:y")),
        "pre_tool" if by_field or source.random() < 0.8 else source.choice(_STAGES),
        maker.context(),
        maker.counts(documents),
    )


class _Maker:
    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._rules = 0

    def by_text(self, name: str) -> dict[str, Any]:
        source = self._source
        rules = [self._text_rule() for _ in range(source.randint(0, 4))]
        document: dict[str, Any] = {
            "apiVersion": "governance.toolkit/v1",
            "name": name,
            "rules": rules,
            "default_action": source.choice(("allow", "deny")),
        }
        if source.random() < 0.85:
            document["agents"] = source.choice((["*"], ["*"], ["did:x"], ["did:x", "did:z"], []))
        if source.random() < 0.5:
            document["scope"] = source.choice(("global", "tenant", "organization", "agent"))
        return document

    def by_field(self, name: str) -> dict[str, Any]:
        source = self._source
        rules = [self._object_rule() for _ in range(source.randint(0, 4))]
        return {
            "name": name,
            "rules": rules,
            "defaults": {"action": source.choice(("allow", "deny", "audit", "block"))},
        }

    def context(self) -> dict[str, Json]:
        """Return a context in which any name may be missing."""
        source = self._source
        context: dict[str, Json] = {
            name: source.choice(_VALUES) for name in (*NAMES, "user_name") if source.random() < 0.75
        }
        if source.random() < 0.5:
            context["data"] = {
                name: source.choice(_VALUES) for name in ("level", "tags") if source.random() < 0.8
            } | ({"sub": {"deep": source.choice(_VALUES)}} if source.random() < 0.5 else {})
        return context

    def counts(self, documents: dict[str, dict[str, Any]]) -> dict[str, Json]:
        """Return the host's counts, some of them missing."""
        return {
            f"{document['name']}/{rule['name']}": self._source.choice((0, 1, 2, 5))
            for document in documents.values()
            for rule in document["rules"]
            if "limit" in rule and self._source.random() < 0.7
        }

    def _text_rule(self) -> dict[str, Any]:
        source = self._source
        rule = self._rule(("allow", "deny", "deny", "warn", "require_approval", "log"))
        rule["condition"] = self._text_condition()
        if source.random() < 0.15:
            rule["stage"] = source.choice(_STAGES)
        if rule["action"] not in ("deny", "log") and source.random() < 0.15:
            rule["limit"] = source.choice(("2/hour", "0/minute", "5/day"))
        if rule["action"] == "require_approval" and source.random() < 0.3:
            rule["approvers"] = ["security"]
        return rule

    def _object_rule(self) -> dict[str, Any]:
        rule = self._rule(("allow", "deny", "audit", "block"))
        rule.pop("enabled", None)
        rule["condition"] = self._object_condition()
        return rule

    def _rule(self, actions: tuple[str, ...]) -> dict[str, Any]:
        source = self._source
        self._rules += 1
        rule: dict[str, Any] = {"name": f"r{self._rules}", "action": source.choice(actions)}
        if source.random() < 0.7:
            rule["priority"] = source.choice((0, 1, 1, 5, 10))
        if source.random() < 0.1:
            rule["enabled"] = source.random() < 0.5
        return rule

    def _text_condition(self) -> str:
        source = self._source
        parts = [self._test() for _ in range(source.choice((1, 1, 1, 2, 2, 3)))]
        text = parts[0]
        for part in parts[1:]:
            text += source.choice((" and ", " or ", " and ", " or ", " AND ", " && ", " || ")) + part
        return text + (source.choice((" trailing", " or", "", "")) if source.random() < 0.05 else "")

    def _test(self) -> str:
        source = self._source
        field, text = source.choice(_FIELDS), source.choice(_TEXTS)
        quoted = f"'{text}'" if source.random() < 0.8 else f'"{text}"'
        number = source.choice(_NUMBERS)
        items = ", ".join(f"'{item}'" for item in source.choices(_TEXTS, k=source.randint(1, 3)))
        test = source.choice(
            (
                f"{field} == {quoted}",
                f"{field} == {quoted}",
                f"{field} != {quoted}",
                f"{field} in [{items}]",
                f"{field} {source.choice(('<', '<=', '>', '>='))} {number}",
                f"{field} {source.choice(('<', '<=', '>', '>='))} {number}",
                field,
                f"{field} == {number}",
                f"{field} in [{number}, {number}]",
                f"{field} not in [{items}]",
                f"{field} contains {quoted}",
                f"{field} matches '{source.choice(_EXPRESSIONS)}'",
                f"has({field})",
                f"{field} == {source.choice(_FIELDS)}",
                source.choice(("true", "false")),
            )
        )
        if source.random() < 0.1:
            return source.choice((f"not {test}", f"({test})", f"!({test})"))
        return test

    def _object_condition(self) -> dict[str, Any]:
        source = self._source
        operator = source.choice(
            ("eq", "ne", "gt", "lt", "gte", "lte", "in", "not_in", "contains", "matches")
        )
        value: Any = source.choice([*_TEXTS, 0, 1, 5, 5.5, 10, True])
        if operator in ("in", "not_in"):
            value = source.choices([*_TEXTS, 1, 5, True], k=source.randint(1, 3))
        elif operator == "matches":
            value = source.choice(_EXPRESSIONS)
        return {"field": source.choice(_FIELDS), "operator": operator, "value": value}
