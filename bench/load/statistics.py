"""Statistics of the load benchmarks: percentiles, and trends over time."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile for a `share` from 0 to 1."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Times:
    """Repeated measurements of one operation, in seconds."""

    seconds: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        return percentile(self.seconds, 0.99)


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line (least squares) through the last two thirds of the samples."""

    first: float
    """The line's first value."""
    last: float
    """The line's last value."""
    per_hour: float
    deviation: float
    """The root mean square deviation of the values from the line."""

    @property
    def rise(self) -> float:
        """The rise from the first to the last value of the line."""
        return self.last - self.first

    def grows(self, tolerance: float) -> bool:
        """Whether the rise exceeds the tolerance, and the deviation of the values."""
        return self.rise > tolerance and self.rise > self.deviation


def trend(moments: Sequence[float], values: Sequence[float]) -> Trend:
    """The trend of values at moments (seconds, rising). Raises ValueError with fewer than six."""
    if len(moments) < 6:
        raise ValueError("a trend needs six values or more")
    begin = len(moments) // 3
    times, late = moments[begin:], values[begin:]
    slope, intercept = statistics.linear_regression(times, late)
    line = [intercept + slope * moment for moment in times]
    deviation = math.sqrt(
        statistics.fmean((value - on_line) ** 2 for value, on_line in zip(late, line, strict=True))
    )
    return Trend(line[0], line[-1], slope * 3600, deviation)
