"""Limits of requests and tokens, against what the host counted (section 9.4)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from acs_sidecar.engines.adapters.oags.document.model import COUNTED
from acs_sidecar.engines.adapters.oags.rules import OagsRule
from acs_sidecar.spec.path import Path
from acs_sidecar.spec.policy_statement import Window
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = ["RateCheck"]


@dataclass(frozen=True, slots=True)
class RateCheck:
    """Limits of `(what is counted, window)`, and the path of the counters."""

    limits: Mapping[tuple[str, Window], int]
    counters: Path

    def broken(self, policy_input: Mapping[str, Json], *, tokens: bool) -> Iterator[OagsRule]:
        """Yield the limits that are reached, those of tokens where they are asked for.

        Raises `EvaluationError` for a count that is none.
        """
        wanted = [key for key in COUNTED if key in self.limits and (tokens or key[0] != "tokens")]
        if not wanted:
            return
        counters = self._counters(policy_input)
        counts = {key: self._count(counters, *key) for key in wanted}
        if any(count is None for count in counts.values()):
            yield OagsRule.RATE_COUNTERS_MISSING
        for (counted, window), count in counts.items():
            if count is not None and count >= self.limits[counted, window]:
                yield OagsRule(f"rate_limit.{counted}_per_{window}")

    def _counters(self, policy_input: Mapping[str, Json]) -> Json:
        try:
            return self.counters.resolve(policy_input)
        except EvaluationError as error:
            if error.reason is Reason.PATH_MISSING:
                return {}
            raise self._unusable("no object", self.counters.text) from None

    def _count(self, counters: Json, counted: str, window: Window) -> int | None:
        """Return a count, or `None` where it is absent."""
        value, place = counters, self.counters.text
        for name in (counted, window.value):
            if not isinstance(value, dict):
                raise self._unusable("no object", place)
            place = f"{place}.{name}"
            if name not in value:
                return None
            value = value[name]
        if type(value) is not int or value < 0:
            raise self._unusable("no count", place)
        return value

    @staticmethod
    def _unusable(problem: str, place: str) -> EvaluationError:
        return EvaluationError(Reason.POLICY_INVOCATION_FAILED, f"`{place}` is {problem}")
