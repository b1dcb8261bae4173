"""The vectors of section 7.11, in this process."""

import json
from typing import Any

import pytest

from acs_sidecar.engines.adapters.agt_rules.documents.members import STAGES
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.values import Json
from tests.conftest import ROOT
from tests.engines.adapters.agt_rules.policies import compiled, evaluate, short, written
from tests.engines.adapters.agt_rules.roots import context_of

VECTORS: dict[str, list[list[Any]]] = json.loads((ROOT / "tests" / "vectors" / "agt-rules.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["conditions"], ids=lambda vector: str(vector[:3]))
def test_a_condition(vector: list[Any]) -> None:
    """One rule over a context gives the verdict of the table."""
    condition, action, default, context, verdict, _ = vector
    policy = compiled(
        _one_rule(condition, action, default), context=context_of(condition, context), arguments="closed"
    )
    assert short(evaluate(policy, {"x": context})) == verdict


@pytest.mark.parametrize("vector", VECTORS["strategies"], ids=lambda vector: json.dumps(vector)[:120])
def test_a_strategy(vector: list[Any]) -> None:
    """Documents under a strategy give the verdict of the table, or are refused with its code."""
    strategy, documents, extra, verdict, _ = vector
    listed = [document for given in documents for document in _documents(given)]
    members: dict[str, Any] = {"conflict_strategy": strategy, "context": {"on": "$snap.x.on"}}
    point = STAGES[extra.get("stage", "pre_tool")]
    if verdict.startswith("error:"):
        with pytest.raises(ManifestError) as caught:
            compiled(*listed, points=[point], **members)
        assert [found.code for found in caught.value.diagnostics if found.severity == "error"] == [
            verdict[6:]
        ]
        return
    snapshot: Json = {
        "x": {"on": True},
        "envelope": {"agent": {"id": "a"}, "counters": {"agt": extra.get("counts", {})}},
    }
    assert short(evaluate(compiled(*listed, points=[point], **members), snapshot, point)) == verdict


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector[0])
def test_a_refusal(vector: list[Any]) -> None:
    """A condition without a meaning is refused with its code and place."""
    condition, error, _ = vector
    with pytest.raises(ManifestError) as caught:
        compiled(_one_rule(condition, "deny", "allow"), arguments="named")
    [found] = [found for found in caught.value.diagnostics if found.severity == "error"]
    assert f"error:{found.code}" == error
    assert found.path == "policies.agt.documents[0].rules[0].condition"


def _one_rule(condition: Json, action: str, default: str) -> dict[str, Json]:
    rule: dict[str, Json] = {"name": "r", "condition": condition, "action": action}
    if isinstance(condition, dict):
        return {"name": "d", "defaults": {"action": default}, "rules": [rule]}
    return written("d", [rule], default_action=default)


def _documents(given: dict[str, Any]) -> list[Json]:
    """The document of a row, behind the parents that stand in its `extends`."""
    parents = given.get("extends", [])
    document = written(
        given["name"],
        [
            {
                "name": name,
                "condition": "on",
                "action": action,
                "priority": priority,
                **(more[0] if more else {}),
            }
            for name, action, priority, *more in given["rules"]
        ],
        default_action=given["default"],
        **{name: given[name] for name in ("scope", "agents") if name in given},
        **({"extends": [parent["name"] for parent in parents]} if parents else {}),
    )
    return [document, *(found for parent in parents for found in _documents(parent))]
