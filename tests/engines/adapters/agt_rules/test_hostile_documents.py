"""Documents and contexts made to be misread: each is refused by its code, or restricts (sections 7.2, 7.3, 7.8)."""

from typing import Any

import pytest

from acs_sidecar.engines.adapters.agt_rules.condition.tree import Name
from acs_sidecar.engines.adapters.agt_rules.names import Names, UnknownNameError
from acs_sidecar.engines.adapters.agt_rules.values import Source
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.path import parse_path
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json
from tests.engines.adapters.agt_rules.policies import compiled, evaluate, short, written

HEAD = "apiVersion: governance.toolkit/v1\nname: d\nrules:\n"
RULE = "  - {name: r, condition: tool == 'x'}\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def _codes(*documents: Json, **members: Any) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        compiled(*documents, **members)
    return [found.code for found in caught.value.diagnostics if found.severity == "error"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (HEAD + RULE + BOMB, "policy-bound-exceeded"),
        ("&a [*a]", "document-syntax"),
        ("[" * 5_000, "policy-bound-exceeded"),
        (HEAD + RULE + "name: e\n", "document-syntax"),
        (HEAD + RULE + "metadata: !!python/object:os.system x\n", "document-syntax"),
        (HEAD + RULE + "<<: {default_action: allow}\n", "document-syntax"),
        (HEAD + RULE + "def\u0430ult_action: allow\n", "member-unknown"),
        (HEAD + RULE + RULE, "agt-rule-twice"),
        (HEAD + "  - {name: r, condition: t\u043eol == 'x'}\n", "agt-condition"),
        (HEAD + "  - {name: r, condition: tool == \u2018x\u2019}\n", "agt-condition"),
        (HEAD + "  - {name: r, condition: tool == 'x' \u0430nd true}\n", "agt-condition"),
        (HEAD + "  - {name: r, condition: {field: t\u043eol, operator: eq, value: x}}\n", "agt-condition"),
        (HEAD + f"  - {{name: r, condition: {'(' * 33}true{')' * 33}}}\n", "agt-condition"),
        (HEAD + f"  - {{name: r, condition: tool == '{'x' * 4096}'}}\n", "agt-condition"),
        (HEAD + "  - {name: r, condition: 5}\n", "wrong-type"),
        (HEAD + "  - {name: 5, condition: tool == 'x'}\n", "wrong-type"),
        (HEAD + "  - {name: \"a\\u001b[2J\", condition: tool == 'x'}\n", "value-not-allowed"),
        (HEAD + f"  - {{name: {'é' * 65}, condition: tool == 'x'}}\n", "value-not-allowed"),
        (HEAD + "  - {name: r, condition: tool == 'x', priority: 1e3}\n", "wrong-type"),
        (HEAD + "  - {name: r, condition: tool == 'x', enabled: yes}\n", "wrong-type"),
        (HEAD + "  - {name: r, condition: tool == 'x', action: Deny}\n", "value-not-allowed"),
        (
            HEAD + "  - {name: r, condition: tool == 'x', action: allow, limit: 010/minute}\n",
            "value-not-allowed",
        ),
        (HEAD + RULE + "default_action: Allow\n", "value-not-allowed"),
        (HEAD + RULE + "extends: ../../etc/passwd\n", "agt-extends"),
        (HEAD + RULE + "extends: d\n", "agt-extends"),
        ("apiVersion: governance.toolkit/v2\nname: d\nrules: []\n", "value-not-allowed"),
        ("- 1\n", "wrong-type"),
        ("", "document-syntax"),
    ],
    ids=lambda value: value[-60:] if isinstance(value, str) else None,
)
def test_a_document_that_could_be_misread_is_refused(text: str, code: str) -> None:
    """Bombs, look-alikes, names given twice and values of other types never become a rule that does not match."""
    assert _codes("d.yaml", files={"d.yaml": text}) == [code]


def test_a_document_of_another_encoding_is_refused() -> None:
    """Bytes that are not UTF-8 are no text."""
    with pytest.raises(ManifestError) as caught:
        compiled("d.yaml", files={"d.yaml": (HEAD + RULE).encode("utf-16").decode("latin-1")})
    assert [found.code for found in caught.value.diagnostics] == ["document-syntax"]


@pytest.mark.parametrize(
    "documents",
    [
        [written(f"d{n}", []) for n in range(65)],
        [written("d", [{"name": f"r{n}", "condition": "true"} for n in range(10_001)])],
    ],
    ids=["documents", "rules"],
)
def test_more_than_a_policy_may_have(documents: list[Json]) -> None:
    """64 documents and 10,000 rules are the bounds, and their breach is a limit."""
    with pytest.raises(ManifestError) as caught:
        compiled(*documents)
    assert caught.value.reason is Reason.RESOURCE_LIMIT_EXCEEDED


@pytest.mark.parametrize(
    ("condition", "denies", "allows"),
    [
        ("args.n < 5", True, False),
        ("not args.n < 5", True, False),
        ("args.n > 5", True, False),
        ("args.n != 'x'", True, False),
        ("args.n == 'x'", False, False),
        ("not args.n == 'x'", True, False),
        ("args.n in ['x']", False, False),
        ("args.n not in ['x']", True, False),
        ("args.n contains 'x'", False, False),
        ("args.n not contains 'x'", True, False),
        ("args.n matches 'x'", False, False),
        ("args.n not matches 'x'", True, False),
        ("args.n", False, False),
        ("not args.n", True, False),
        ("has(args.n)", False, False),
        ("not has(args.n)", True, True),
        ("args.n == args.m", False, False),
        ("args.n != args.m", True, False),
    ],
)
@pytest.mark.parametrize("args", [{}, {"n": None}])
def test_a_missing_field(condition: str, denies: bool, allows: bool, args: dict[str, Json]) -> None:
    """`null` is missing; what is undecided denies, and allows nothing."""
    assert _decides(condition, args) == (denies, allows)


@pytest.mark.parametrize("operator", ["==", "!=", "<", "in", "contains", "startswith", "endswith"])
@pytest.mark.parametrize("value", ["x", ["x"], 1])
@pytest.mark.parametrize("other", [{}, {"m": None}])
def test_a_missing_field_on_the_right(operator: str, value: Json, other: dict[str, Json]) -> None:
    """A value is compared with what nobody gives: that denies, negated too, and allows nothing."""
    args = {"n": value, **other}
    assert _decides(f"args.n {operator} args.m", args) == (True, False)
    assert _decides(f"not args.n {operator} args.m", args) == (True, False)


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("args.n > 5", "900"),
        ("args.n < 5", "1"),
        ("args.n == 5", "5"),
        ("args.n == 5", True),
        ("args.n != 5", "5"),
        ("args.n in [5]", "5"),
        ("args.n == '5'", 5),
        ("args.n == 'true'", True),
        ("args.n > 'a'", 5),
        ("args.n", "true"),
        ("args.n", 1),
        ("args.n startswith 'a'", ["a"]),
        ("args.n.m == 'x'", "x"),
        ("args.n[0] == 'x'", {"0": "x"}),
    ],
)
def test_a_value_of_another_type(condition: str, value: Json) -> None:
    """Numbers as text, booleans as numbers and members of texts are decided neither way: they deny, and allow nothing."""
    assert _decides(condition, {"n": value}) == (True, False)


def _decides(condition: str, args: dict[str, Json]) -> tuple[bool, bool]:
    """Whether a rule with the condition denies, and whether one allows."""

    def decision(action: str, default: str) -> str:
        rule = {"name": "r", "condition": condition, "action": action}
        policy = compiled(written("d", [rule], default_action=default))
        return short(evaluate(policy, {"tool_call": {"name": "t", "args": args}}))

    return decision("deny", "allow") == "deny:r", decision("allow", "deny") == "allow:r"


@pytest.mark.slow
def test_a_deep_and_wide_context_gives_a_verdict() -> None:
    """A hundred levels and a hundred thousand members are read once, and searched in time."""
    deep: Json = "needle"
    for _ in range(100):
        deep = {"a": [deep]}
    wide: Json = {f"member{number}": number for number in range(100_000)}
    policy = compiled(written("d", [{"name": "r", "condition": "args matches 'needle'", "action": "deny"}]))
    verdicts = [
        short(evaluate(policy, {"tool_call": {"name": "t", "args": args}}))
        for args in ({"deep": deep}, {"wide": wide}, "needle", 7)
    ]
    assert verdicts == ["deny:r", "deny:no_matching_rule", "deny:r", "deny:no_matching_rule"]


class _Counting(dict[str, Source]):
    """A context that counts how often it is asked."""

    asked = 0

    def get(self, name: str, *default: Any) -> Any:
        """Count, and look up."""
        self.asked += 1
        return super().get(name, *default)


def test_a_name_of_many_segments_is_looked_up_in_linear_time() -> None:
    """The context is asked at the lengths that its names have, once for a source and once for why there is none."""
    context = _Counting({name: Source((parse_path(f"$snap.{name[-1]}"),)) for name in ("a", "a.b", "x")})
    names = Names(context, named_arguments=False)
    found = names.source(Name(("a", "b", *["c"] * 5_000), 0), InterventionPoint.PRE_TOOL_CALL, None)
    assert (found.paths[0].text, len(found.rest)) == ("$snap.b", 5_000)
    assert context.asked == 1
    with pytest.raises(UnknownNameError):
        names.source(Name(("b", *["c"] * 5_000), 0), InterventionPoint.PRE_TOOL_CALL, None)
    assert context.asked == 5


def test_rules_without_a_name_have_one_finding_each() -> None:
    """A name that is missing is not also the name of an earlier rule."""
    rules: list[Json] = [{"condition": "true"}, {"condition": "true"}]
    assert _codes({"name": "d", "rules": rules}) == ["member-missing", "member-missing"]
