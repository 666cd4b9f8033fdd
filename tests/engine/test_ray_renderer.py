"""How long an actor is waited for, tested with a fake actor."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install -e .[ray]")
from engine import ray_renderer
from engine.ray_renderer import (
    FIRST_STEP_SECONDS,
    STEP_SECONDS,
    TIMEOUT_FACTOR,
    RayRenderer,
    RendererInfo,
)
from engine.renderer_handle import RendererLost
from engine.synthesis.output import StepOutput
from tests.engine.conftest import MADE_BY


class FakeClock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class FakeActor:
    """Its steps take the given seconds of the clock; the step after them never ends."""

    def __init__(self, clock: FakeClock, *step_seconds: float) -> None:
        self._clock = clock
        self._step_seconds = step_seconds
        self.wait_forever = SimpleNamespace(remote=asyncio.Event().wait)
        self.steps = SimpleNamespace(remote=self._steps)

    async def _steps(self) -> AsyncIterator[Awaitable[list[StepOutput]]]:
        for seconds in self._step_seconds:
            yield self._step(seconds)
        yield asyncio.get_running_loop().create_future()

    async def _step(self, seconds: float) -> list[StepOutput]:
        self._clock.now += seconds
        return []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(ray_renderer, "time", clock)
    return clock


def renderer_of(actor: Any) -> RayRenderer:
    memory: Any = None
    return RayRenderer(actor, RendererInfo(MADE_BY, 4, 0, memory, "cpu"))


async def test_the_slowest_step_decides_the_timeout(clock: FakeClock) -> None:
    """Even if the result is just the timeout of the first step."""
    slowest = FIRST_STEP_SECONDS / TIMEOUT_FACTOR
    renderer = renderer_of(FakeActor(clock, 1.0, slowest, 1.0))
    timeouts = [renderer.timeout]
    for _ in range(3):
        await renderer.step()
        timeouts.append(renderer.timeout)
    assert timeouts == [FIRST_STEP_SECONDS, STEP_SECONDS, FIRST_STEP_SECONDS, FIRST_STEP_SECONDS]
    renderer.mark_lost("The test is over.", failed=False)


async def test_an_actor_that_does_not_answer_in_time_is_lost(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_renderer, "FIRST_STEP_SECONDS", 0.01)
    renderer = renderer_of(FakeActor(clock))
    with pytest.raises(RendererLost, match="not responded"):
        await renderer.step()
    assert renderer.lost
    assert renderer.failed
    assert "not responded" in await renderer.until_lost()
