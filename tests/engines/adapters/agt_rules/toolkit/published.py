"""The toolkit's published documents: `python -m tests.engines.adapters.agt_rules.toolkit.published CHECKOUT`.

`CHECKOUT` is one of the toolkit's repository that still has rule documents of form B, as revision `4c5b2aa372`.
Each loads with the `context` that `acs-sidecar agt import` writes, but for rules whose expression is refused. The
longest one then decides over hostile contexts.
"""

import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from acs_sidecar.cli.policies.agt.checked import check_documents
from acs_sidecar.engines.adapters.agt_rules.condition.parser import parse_condition
from acs_sidecar.engines.adapters.agt_rules.condition.tokens import ConditionError
from acs_sidecar.engines.compilation import CompiledPolicies
from acs_sidecar.spec.document.bounds import DocumentError
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json, JsonObject
from tests.engines.adapters.agt_rules.policies import compiled, given

SLOWEST_S = 0.04
"""Processor time of one decision of the longest document over 4 KiB of text."""

TEXT_BYTES = 4_096
ROUNDS = 3
KNOWN = {"agent-governance-golang/examples/policy-yaml/policy.yaml": "`name` is missing"}
"""Documents that are refused as a whole, and why."""

POINTS = (InterventionPoint.INPUT, InterventionPoint.PRE_TOOL_CALL, InterventionPoint.POST_TOOL_CALL)
_CONDITION = re.compile(
    r"""^\s*(?:- )?["']?condition["']?\s*:\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')""", re.MULTILINE
)
_TEXTS = (".cs", ".go", ".json", ".md", ".py", ".rs", ".ts", ".yaml", ".yml")


@dataclass(slots=True)
class Findings:
    """What was read, what is refused, and what should not be."""

    documents: int = 0
    rules: int = 0
    refused: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def documents_of_form_b(checkout: Path) -> Iterator[tuple[Path, JsonObject]]:
    """Yield the documents whose conditions are objects, or that have `defaults`, without an `apiVersion`."""
    for path in sorted(checkout.rglob("*")):
        if path.suffix.lower() not in (".yaml", ".yml", ".json") or not path.is_file():
            continue
        try:
            value = parse_document(path.read_text()).value
        except (DocumentError, UnicodeDecodeError):
            continue
        if not isinstance(value, dict) or "apiVersion" in value or not isinstance(value.get("rules"), list):
            continue
        rules = value["rules"]
        by_field = isinstance(rules, list) and any(
            isinstance(rule, dict) and isinstance(rule.get("condition"), dict) for rule in rules
        )
        if by_field or "defaults" in value:
            yield path, value


def load(
    path: Path, known: str | None, document: JsonObject, found: Findings
) -> tuple[CompiledPolicies | None, list[Json]]:
    """Load a document without the rules whose expression is refused, as the drafted manifest binds it.

    `known` is why it is refused as a whole.
    """
    checked = check_documents([path], path.parent, None)
    rules = document["rules"]
    assert isinstance(rules, list)
    found.documents += 1
    found.rules += len(rules)
    left_out: set[int] = set()
    before = len(found.faults)
    errors = [finding for finding in checked.findings if finding.severity == "error"]
    if known is not None and [finding.message for finding in errors] == [known]:
        found.refused.append(f"{path.name}:{errors[0].line} the document: {known}")
        return None, []
    for finding in errors:
        place = re.search(r"\.rules\[(\d+)\]", finding.path or "")
        if finding.code != "agt-regex" or place is None or finding.line is None:
            found.faults.append(f"{path}: {finding}")
            continue
        left_out.add(number := int(place[1]))
        rule = rules[number]
        name = rule.get("name") if isinstance(rule, dict) else None
        found.refused.append(f"{path.name}:{finding.line} {name}: {finding.message}")
    if len(found.faults) > before:
        return None, []
    kept = [rule for number, rule in enumerate(rules) if number not in left_out]
    policies = compiled(
        {**document, "rules": kept},
        points=checked.draft.points,
        projects_tool=True,
        context=dict(checked.draft.context),
        conflict_strategy=checked.draft.strategy.value,
    )
    return policies, kept


def hostile_texts(seed: int) -> Iterator[str]:
    """Yield texts of 4 KiB: made for backtracking, near misses of common expressions, random ones."""
    randomly = random.Random(seed)  # noqa: S311  # reproducible cases, no secret
    printable = [chr(code) for code in range(32, 127)]
    for piece in (
        "a", "a ", " ", "\n", "((", "[[", "\\", "é", "\U0001f600", "aA1!", "ignore previous ", "ignore all ",
        "<script", "system: ", "password=", "../", "0", "x=x&", "http://", "-----BEGIN ", "ab@", "sk-", "curl | ",
    ):  # fmt: skip
        yield (piece * TEXT_BYTES).encode()[:TEXT_BYTES].decode(errors="ignore")
        yield (piece * TEXT_BYTES).encode()[: TEXT_BYTES - 1].decode(errors="ignore") + "!"
    for _ in range(20):
        yield "".join(randomly.choices(printable, k=TEXT_BYTES))
        yield "".join(chr(randomly.randrange(0x20, 0xD000)) for _ in range(TEXT_BYTES // 3))


def hostile_values() -> Iterator[Json]:
    """Yield values of other types, depths and sizes: each must end in a verdict."""
    deep: Json = "needle"
    for _ in range(100):
        deep = {"a": [deep]}
    plain: list[Json] = [None, True, 0, -0.0, 1e308, [], {}, [[]], [None, 1, "x"], {"": ""}]
    yield from (*plain, deep)
    yield {f"member{number}": number for number in range(100_000)}
    yield [f"item{number}" for number in range(1_000)]


def snapshot(value: Json) -> dict[str, Json]:
    """Put a value wherever the documents' names read."""
    return {
        "envelope": {"agent": {"id": "a", "trust_score": value}, "session": {"id": value}, "budgets": value},
        "input": {"body": value},
        "tool_call": {"name": "t", "args": value if isinstance(value, dict) else {"text": value}},
        "tool_result": {"value": value},
        "context": value if isinstance(value, dict) else {"text": value},
    }


def decide(policies: CompiledPolicies, value: Json, found: Findings) -> float:
    """Decide at each point; return the most processor time that a decision took, the least of some rounds."""
    slowest = 0.0
    for point in policies.evaluators:
        policy_input = given(snapshot(value), point, tool={"name": "t", "description": value})
        best = float("inf")
        for _ in range(ROUNDS):
            begun = time.process_time()
            try:
                output = policies.evaluators[point].evaluate(policy_input).value
                assert isinstance(output, dict)
                assert output["decision"] in ("allow", "deny", "warn", "escalate")
            except EvaluationError:
                pass
            except Exception as error:  # noqa: BLE001  # whatever is raised is a fault
                found.faults.append(f"{point}: {type(error).__name__}: {str(error)[:200]} for {value!r:.100}")
            best = min(best, time.process_time() - begun)
        slowest = max(slowest, best)
    return slowest


def condition_texts(checkout: Path) -> set[str]:
    """Return the conditions that are written as text anywhere in the repository."""
    texts: set[str] = set()
    for path in checkout.rglob("*"):
        if path.suffix.lower() in _TEXTS and path.is_file():
            for match in _CONDITION.finditer(path.read_text(errors="replace")):
                quoted = match[1]
                inner = quoted[1:-1]
                texts.add(inner.replace("''", "'") if quoted[0] == "'" else re.sub(r"\\(.)", r"\1", inner))
    return texts


def main(
    checkout: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The toolkit's repository.")],
    seed: Annotated[int, typer.Option(help="The same seed makes the same texts.")] = 1,
) -> None:
    """Load, decide, and print what was found as JSON; exits 1 on a fault."""
    found = Findings()
    longest: tuple[int, str, CompiledPolicies | None] = (0, "", None)
    for path, document in documents_of_form_b(checkout):
        known = KNOWN.get(path.relative_to(checkout).as_posix())
        policies, kept = load(path, known, document, found)
        if policies is not None and len(kept) > longest[0]:
            longest = (len(kept), path.name, policies)
    if longest[2] is None:
        sys.exit(f"{checkout}: has no rule document of form B: use a revision such as 4c5b2aa372")
    slowest = max(decide(longest[2], text, found) for text in hostile_texts(seed))
    if slowest > SLOWEST_S:
        found.faults.append(f"{longest[1]}: {slowest * 1_000:.1f} ms over {TEXT_BYTES} bytes")
    for value in hostile_values():
        decide(longest[2], value, found)
    refused_texts = []
    for text in sorted(texts := condition_texts(checkout)):
        try:
            parse_condition(text)
        except ConditionError as error:
            refused_texts.append(f"{text}: {error}")
    print(
        json.dumps(
            {
                "documents": found.documents,
                "rules": found.rules,
                "refused_expressions": found.refused,
                "constructs": Counter(text.split(": ", 1)[1] for text in found.refused),
                "condition_texts": len(texts),
                "refused_texts": refused_texts,
                "longest": {
                    "document": longest[1],
                    "rules": longest[0],
                    "slowest_ms": round(slowest * 1_000, 1),
                },
                "faults": found.faults,
            },
            indent=2,
            ensure_ascii=False,
        )
    )
    sys.exit(1 if found.faults else 0)


if __name__ == "__main__":
    typer.run(main)
