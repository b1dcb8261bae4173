"""An earlier report, to which the rates of techniques are held (section 8.4)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from acs_sidecar.assurance.redteam.rates import Rate
from acs_sidecar.spec.values import Json

__all__ = ["Baseline", "BaselineError"]


class BaselineError(ValueError):
    """A file that is no report, or one of another run; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The upper bounds of the techniques in an earlier report."""

    upper_bounds: Mapping[str, float]

    @classmethod
    def read(
        cls, content: bytes, schema: str, digests: Sequence[str], mutations: int, live: bool
    ) -> "Baseline":
        """Read a report in JSON of the same corpora and mutations. Raises `BaselineError`."""
        try:
            report: Json = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise BaselineError("is not valid JSON") from None
        if not isinstance(report, dict) or report.get("schema") != schema:
            raise BaselineError(f"is not a report of `{schema}`")
        corpora = report.get("corpora")
        listed = corpora if isinstance(corpora, list) else []
        if [each.get("digest") for each in listed if isinstance(each, dict)] != list(digests):
            raise BaselineError("was made with other corpora: make it anew")
        if report.get("mutations") != mutations or report.get("live") is not live:
            raise BaselineError("was made with other options: `--mutations` and `--live` must be the same")
        techniques = report.get("techniques")
        if not isinstance(techniques, dict):
            raise BaselineError("`techniques` must be an object")
        return cls(dict(_bounds(techniques)))

    def regressions(self, rates: Mapping[str, Rate]) -> list[str]:
        """Return the techniques whose lower bound is above the upper bound of then."""
        found = []
        for technique, rate in sorted(rates.items()):
            before = self.upper_bounds.get(technique)
            if before is not None and rate.interval and rate.interval[0] > before:
                low = rate.interval[0]
                found.append(f"`{technique}` succeeds more often than in the baseline: at least {low:.4f}, then at most {before:.4f}")  # fmt: skip  # noqa: E501
        return found


def _bounds(techniques: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
    for name, counts in techniques.items():
        high = counts.get("high") if isinstance(counts, dict) else ""
        if high is None:
            continue
        if isinstance(high, bool) or not isinstance(high, int | float) or not 0 <= high <= 1:
            raise BaselineError(f"`techniques.{name}.high` must be a number from 0 to 1")
        yield name, float(high)
