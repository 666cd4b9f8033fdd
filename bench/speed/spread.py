"""Medians with quartiles, and ratios of two alternating measurements."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """A median between its quartiles."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of one or more values."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g})"


def ratio(one: Sequence[float], other: Sequence[float]) -> Spread:
    """The ratio of `one` to `other`, which were measured in turns.

    It is the ratio of the medians, between the quartiles of the turns' ratios. The quartiles are
    widened if the ratio of the medians lies outside.
    """
    medians = statistics.median(one) / statistics.median(other)
    turns = Spread.of([a / b for a, b in zip(one, other, strict=True)])
    return Spread(min(turns.low, medians), medians, max(turns.high, medians))
