"""Which rules evaluations have reached: those that decided, or matched and log (section 3.4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from acs_sidecar.engines.adapters.agt_rules.documents.model import AgtRule

__all__ = ["ReachedRules", "RuleCoverage"]


@dataclass(slots=True)
class ReachedRules:
    """The enabled rules of one document by name, in order, and those that were reached."""

    rules: dict[str, None] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)


class RuleCoverage:
    """Collects over all evaluations of the policies that it watches."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], ReachedRules] = {}

    @property
    def documents(self) -> Mapping[tuple[str, str], ReachedRules]:
        """What was found so far, by the member that gives a policy and the document's name."""
        return self._found

    def watch(self, policy: str, rules: Iterable[AgtRule]) -> None:
        """Add the rules of a policy: each once, also where overlays make several of it."""
        for rule in rules:
            self._found.setdefault((policy, rule.document), ReachedRules()).rules[rule.name] = None

    def reached(self, policy: str, rule: AgtRule) -> None:
        """Note that a rule decided, or matched and logs."""
        self._found[policy, rule.document].reached.add(rule.name)
