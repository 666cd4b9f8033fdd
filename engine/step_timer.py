"""Estimates from past steps how long jobs will take."""

EMA_DECAY = 0.8  #: the share of the old estimate that a new step leaves


class StepTimer:
    """Steps cost different amounts: a step at twice the side decodes four times the pixels.

    Costs are in any unit, as `StepOutput.cost`.
    """

    def __init__(self) -> None:
        self._seconds_per_cost: float | None = None

    def measure(self, seconds: float, cost: float) -> None:
        """Updates the estimate with a step. Ignores steps without a known cost."""
        if cost <= 0:
            return
        pace, known = seconds / cost, self._seconds_per_cost
        self._seconds_per_cost = (
            pace if known is None else EMA_DECAY * known + (1 - EMA_DECAY) * pace
        )

    def seconds(self, cost: float) -> float | None:
        """Estimated seconds for a cost; None before the first step."""
        return None if self._seconds_per_cost is None else self._seconds_per_cost * cost
