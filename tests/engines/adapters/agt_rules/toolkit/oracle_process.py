"""The toolkit's two engines behind a pipe; run by the Python of an environment that has its package.

A line of JSON has `form`, `strategy`, `agent`, `stage`, `context`, `files` and `listed`. The answer is a line with
`decision`, `rule`, and `matches` (of each rule by name), or with `refused`.
"""

import copy
import json
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")

from agent_os.policies.evaluator import PolicyEvaluator, _match_condition  # noqa: E402
from agent_os.policies.schema import PolicyDocument  # noqa: E402
from agentmesh.governance.policy import Policy, PolicyEngine  # noqa: E402

Case = dict[str, Any]
Answer = dict[str, Any]

_DECISIONS = {"require_approval": "escalate", "audit": "allow", "block": "deny"}


def _text_rules(given: Case) -> Answer:
    engine = PolicyEngine(given["strategy"])
    policies = [Policy.from_yaml_file(name) for name in given["listed"]]
    for policy in policies:
        engine.load_policy(policy)
    decision = engine.evaluate(given["agent"], copy.deepcopy(given["context"]), given["stage"])
    matches = {
        rule.name: rule.enabled and rule.evaluate(copy.deepcopy(given["context"]))
        for policy in policies
        for rule in policy.rules
    }
    return {
        "decision": _DECISIONS.get(decision.action, decision.action),
        "rule": decision.matched_rule,
        "matches": matches,
    }


def _object_rules(given: Case) -> Answer:
    documents = [PolicyDocument.from_yaml(name) for name in given["listed"]]
    decision = PolicyEvaluator(documents).evaluate(copy.deepcopy(given["context"]))
    matches = {
        rule.name: _matched(rule.condition, given["context"])
        for document in documents
        for rule in document.rules
    }
    return {
        "decision": _DECISIONS.get(decision.action, decision.action),
        "rule": decision.matched_rule,
        "matches": matches,
    }


def _matched(condition: Any, context: dict[str, Any]) -> bool | None:
    try:
        return bool(_match_condition(condition, context))
    except Exception:  # noqa: BLE001  # whatever fails denies in the toolkit
        return None


def _answer(given: Case) -> Answer:
    for name, text in given["files"].items():
        Path(name).write_text(text)
    try:
        return (_object_rules if given["form"] == "B" else _text_rules)(given)
    except Exception as error:  # noqa: BLE001  # a document that is not loaded
        return {"refused": type(error).__name__}


def main() -> None:
    """Answer until the pipe ends."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for line in sys.stdin:
            sys.stdout.write(json.dumps(_answer(json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
