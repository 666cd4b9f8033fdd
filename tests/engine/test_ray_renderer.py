"""How an actor is waited for, with an actor that is none."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install -e .[ray]")
from engine import ray_renderer
from engine.ray_renderer import FIRST_STEP_SECONDS, PATIENCE, STEP_SECONDS, Offer, RayRenderer
from engine.renderer_handle import RendererLost
from engine.synthesis.output import StepOutput
from tests.engine.conftest import MADE_BY


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Actor:
    """Each of its steps takes as many seconds of the clock as the test says, or never ends."""

    def __init__(self, clock: Clock, *step_seconds: float) -> None:
        self._clock = clock
        self._step_seconds = step_seconds
        self.stay = SimpleNamespace(remote=asyncio.Event().wait)
        self.steps = SimpleNamespace(remote=self._steps)

    async def _steps(self) -> AsyncIterator[Awaitable[list[StepOutput]]]:
        for seconds in self._step_seconds:
            yield self._step(seconds)
        yield asyncio.get_running_loop().create_future()

    async def _step(self, seconds: float) -> list[StepOutput]:
        self._clock.now += seconds
        return []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(ray_renderer, "time", clock)
    return clock


def renderer_of(actor: Any) -> RayRenderer:
    memory: Any = None
    return RayRenderer(actor, Offer(MADE_BY, 4, 0, memory, "cpu"))


async def test_the_slowest_step_decides_how_long_an_actor_is_waited_for(clock: Clock) -> None:
    """Also if that comes to just as long as the first step may take."""
    slowest = FIRST_STEP_SECONDS / PATIENCE
    renderer = renderer_of(Actor(clock, 1.0, slowest, 1.0))
    timeouts = [renderer.timeout]
    for _ in range(3):
        await renderer.step()
        timeouts.append(renderer.timeout)
    assert timeouts == [FIRST_STEP_SECONDS, STEP_SECONDS, FIRST_STEP_SECONDS, FIRST_STEP_SECONDS]
    renderer.give_up("The test is over.", failed=False)


async def test_an_actor_that_does_not_answer_in_time_is_lost(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_renderer, "FIRST_STEP_SECONDS", 0.01)
    renderer = renderer_of(Actor(clock))
    with pytest.raises(RendererLost, match="not answered"):
        await renderer.step()
    assert renderer.lost
    assert renderer.failed
    assert "not answered" in await renderer.until_lost()
