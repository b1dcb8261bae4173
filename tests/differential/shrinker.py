"""Makes a policy smaller while it still shows the same outcome."""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy

from tests.differential.generator import Generated

__all__ = ["shrink"]


def shrink(policy: Generated, fails: Callable[[Generated], bool]) -> Generated:
    """Leave out inputs, rules and statements as long as `fails` holds."""
    changed = True
    while changed:
        changed = False
        for smaller in _smaller(policy):
            if fails(smaller):
                policy, changed = smaller, True
                break
    return policy


def _smaller(policy: Generated) -> Iterator[Generated]:
    if len(policy.inputs) > 1:
        for at in range(len(policy.inputs)):
            one = deepcopy(policy)
            one.inputs = [policy.inputs[at]]
            yield one
    for module in policy.heads:
        if module != "p.rego" and all(
            module.removesuffix(".rego") not in head for head in policy.heads.values()
        ):
            pass
        for at in range(len(policy.rules[module])):
            one = deepcopy(policy)
            del one.rules[module][at]
            yield one
        for at, rule in enumerate(policy.rules[module]):
            for shorter in _shorter(rule):
                one = deepcopy(policy)
                one.rules[module][at] = shorter
                yield one
    for at, given in enumerate(policy.inputs):
        if isinstance(given, dict):
            for name in given:
                one = deepcopy(policy)
                one.inputs[at] = {key: value for key, value in given.items() if key != name}
                yield one


def _shorter(rule: str) -> Iterator[str]:
    """Leave out an `else`, or a statement."""
    parts = re.split(r" else |\n  else ", rule)
    if len(parts) > 1:
        yield " else ".join(parts[:-1])
    pieces = re.split(r"; |\n  ", rule)
    for at in range(len(pieces)):
        if len(pieces) > 1:
            kept = [piece for number, piece in enumerate(pieces) if number != at]
            text = "; ".join(kept)
            if at == 0:
                text = pieces[0][: pieces[0].find("{ ") + 2] + text
            if at == len(pieces) - 1:
                text += " }"
            yield text
