"""Leaves out of a policy the rules that OPA or the service refuses, so that the others are compared."""

import re
from copy import deepcopy

from acs_sidecar.spec.manifest.diagnostics import ManifestError
from tests.differential.generator import Generated
from tests.differential.oracle import Oracle, Rejected
from tests.differential.version_0 import in_version_0
from tests.engines.rego.policies import bound, definition

__all__ = ["without_refused_rules"]

_PLACE = re.compile(r"([\w.]+\.rego):(\d+): ")
_ROUNDS = 12


def without_refused_rules(policy: Generated) -> Generated:
    """Return a policy without the rules that either reports, as long as one reports any."""
    policy = deepcopy(policy)
    for _ in range(_ROUNDS):
        places = _reported_by_opa(policy) or _reported_by_the_service(policy)
        for module, line in sorted(places, reverse=True):
            _leave_out(policy, module, line)
        if not places:
            break
    return policy


def _reported_by_opa(policy: Generated) -> set[tuple[str, int]]:
    """Return the modules and lines of what OPA refuses."""
    oracle = None
    try:
        oracle = Oracle(policy.modules())
        oracle.document(policy.queries[0], None)
    except Rejected as error:
        return set() if error.is_evaluated else {(at, int(line)) for at, line in _PLACE.findall(str(error))}
    finally:
        if oracle:
            oracle.close()
    return set()


def _reported_by_the_service(policy: Generated) -> set[tuple[str, int]]:
    """Return the modules and lines of what the service refuses, by those that OPA is given."""
    modules = policy.modules()
    given = modules if policy.version else in_version_0(policy.heads, policy.rules)
    try:
        bound(definition(given, policy.queries[0], rego_version=policy.version))
    except ManifestError as error:
        added = {name: given[name].count("\n") - text.count("\n") for name, text in modules.items()}
        return {
            (found.source, found.line - added[found.source])
            for found in error.diagnostics
            if found.source in added and found.line
        }
    return set()


def _leave_out(policy: Generated, module: str, line: int) -> None:
    """Leave out the rule that the line belongs to."""
    first = policy.heads[module].count("\n") + 2
    for at, rule in enumerate(policy.rules[module]):
        lines = rule.count("\n") + 1
        if first <= line < first + lines:
            del policy.rules[module][at]
            return
        first += lines
