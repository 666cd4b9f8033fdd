"""Learns how long steps take, and so when a job will be done."""

EMA_DECAY = 0.8  #: the share of the old estimate that a new step leaves


class StepTimer:
    """Steps cost different amounts: a step at twice the side decodes four times the pixels.

    Costs are in any unit, as `StepOutput.cost`.
    """

    def __init__(self) -> None:
        self._seconds_per_cost: float | None = None

    def measure(self, seconds: float, cost: float) -> None:
        """Learns from a step that took so long. Steps without a known cost teach nothing."""
        if cost <= 0:
            return
        pace, known = seconds / cost, self._seconds_per_cost
        self._seconds_per_cost = (
            pace if known is None else EMA_DECAY * known + (1 - EMA_DECAY) * pace
        )

    def seconds(self, cost: float) -> float | None:
        """What so much will take; None before the first step."""
        return None if self._seconds_per_cost is None else self._seconds_per_cost * cost
