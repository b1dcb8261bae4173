"""Shares of attempts with their 95 % Wilson interval (section 8.4)."""

from dataclasses import dataclass
from math import sqrt

from acs_sidecar.spec.values import Json

__all__ = ["Rate"]

_Z = 1.959963984540054
"""The standard normal quantile of 0.975."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`part` of `whole`; without attempts there is no value."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """The point estimate."""
        return round(self.part / self.whole, 4) if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The lower and upper bound of the 95 % Wilson score interval."""
        if not self.whole:
            return None
        share, attempts = self.part / self.whole, self.whole
        centre = share + _Z * _Z / (2 * attempts)
        spread = _Z * sqrt(share * (1 - share) / attempts + _Z * _Z / (4 * attempts * attempts))
        scale = 1 + _Z * _Z / attempts
        low, high = (centre - spread) / scale, (centre + spread) / scale
        return round(max(0.0, low), 4), round(min(1.0, high), 4)

    def exceeds(self, bound: float) -> bool:
        """True if the unrounded estimate is above a bound."""
        return bool(self.whole) and self.part > bound * self.whole

    def falls_below(self, bound: float) -> bool:
        """True if the unrounded estimate is below a bound."""
        return bool(self.whole) and self.part < bound * self.whole

    def as_json(self) -> dict[str, Json]:
        """Return the value and its bounds, `null` without attempts."""
        low, high = self.interval or (None, None)
        return {"value": self.value, "low": low, "high": high}
