"""Estimates how long jobs will take, from the duration of past steps."""

EMA_DECAY = 0.8  #: weight of the previous estimate after a new step


class StepTimer:
    """Measures seconds per cost: a step at twice the side decodes four times as many pixels.

    Costs are in any unit, such as the FLOPs of `StepOutput.cost`.
    """

    def __init__(self) -> None:
        self._seconds_per_cost: float | None = None

    def measure(self, seconds: float, cost: float) -> None:
        """Updates the estimate with a step. Ignores steps without a known cost."""
        if cost <= 0:
            return
        measured, previous = seconds / cost, self._seconds_per_cost
        self._seconds_per_cost = (
            measured if previous is None else EMA_DECAY * previous + (1 - EMA_DECAY) * measured
        )

    def seconds(self, cost: float) -> float | None:
        """Estimated seconds for a cost; None before the first step."""
        return None if self._seconds_per_cost is None else self._seconds_per_cost * cost
