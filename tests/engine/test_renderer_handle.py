"""A renderer in a thread: the event loop never waits for it, and no failure goes unnoticed."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
import torch
from structlog.testing import capture_logs

from core.recipe import Recipe
from engine import renderer_handle
from engine.models import catalogue
from engine.models.model import load_model
from engine.renderer_handle import JobsDropped, LocalRenderer, images_at_a_time
from engine.synthesis import renderer as renderer_module
from engine.synthesis.output import StepOutput
from engine.synthesis.request import RenderRequest
from tests.engine.conftest import MADE_BY, until
from tests.engine.fake_renderer import FakeRenderer

MakeRecipe = Callable[..., Recipe]


@pytest.mark.parametrize(
    ("device", "model", "images"),
    [
        ("cpu", "sketch", 4),
        ("cpu", "imagenet", 1),
        ("cuda", "sketch", 16),
        ("cuda", "imagenet", 16),
    ],
)
def test_a_cpu_renders_full_size_images_one_at_a_time(device: str, model: str, images: int) -> None:
    assert images_at_a_time(device, catalogue.find(model).side) == images


def local(renderer: FakeRenderer) -> LocalRenderer:
    return LocalRenderer(renderer, MADE_BY, 4)


async def test_outputs_and_checkpoints_are_copied_from_the_device_in_the_renderers_thread(
    recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    advance = FakeRenderer._advance

    def advance_and_record(renderer: FakeRenderer, job_id: int) -> StepOutput:
        output = advance(renderer, job_id)
        checkpoint = output.checkpoint

        def record_thread() -> Any:
            threads.append(threading.current_thread().name)
            return checkpoint()

        object.__setattr__(output, "checkpoint", record_thread)
        return output

    monkeypatch.setattr(FakeRenderer, "_advance", advance_and_record)
    renderer = local(FakeRenderer())
    await renderer.add(RenderRequest(1, recipe(steps=50)))
    (output,) = await renderer.step()
    assert output.checkpoint().step == 1
    checkpoint = await renderer.checkpoint(1)
    assert checkpoint
    assert checkpoint.step == 1
    assert len(threads) == 2
    assert all(name.startswith("renderer") for name in threads)


async def test_outputs_are_returned_for_kept_frames_for_previews_and_at_the_end(
    recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = local(FakeRenderer())
    await renderer.add(RenderRequest(1, recipe(steps=400)))  # every fourth frame is kept
    assert [len(await renderer.step()) for _ in range(8)] == [1, 0, 0, 1, 0, 0, 0, 1]
    monkeypatch.setattr(renderer_handle, "PREVIEW_SECONDS", 0.0)
    assert [len(await renderer.step()) for _ in range(2)] == [1, 1]
    monkeypatch.setattr(renderer_handle, "PREVIEW_SECONDS", 60.0)
    checkpoint = await renderer.checkpoint(1)
    assert checkpoint
    assert checkpoint.step == 10, "the checkpoint is of the latest step, even if no output was due"
    renderer.finish_early(1)
    (last,) = await renderer.step()
    assert (last.step, last.done) == (11, True)
    assert await renderer.checkpoint(1) is None


async def test_a_job_that_the_renderer_dropped_is_reported_once(recipe: MakeRecipe) -> None:
    fake = FakeRenderer()
    renderer = local(fake)
    for job_id in (1, 2):
        await renderer.add(RenderRequest(job_id, recipe(steps=50)))
    fake.abort(1)
    with pytest.raises(JobsDropped) as dropped:
        await renderer.step()
    assert dropped.value.job_ids == {1}
    assert [output.job_id for output in await renderer.step()] == [2]
    renderer.abort(2)
    assert await renderer.step() == []


async def test_a_failed_call_that_nobody_awaits_is_logged() -> None:
    class Failing(FakeRenderer):
        def abort(self, job_id: int) -> None:
            raise RuntimeError("the device is gone")

    renderer = local(Failing())
    with capture_logs() as logs:
        structlog.configure()
        renderer.abort(1)
        await until(lambda: logs)
    assert "failed" in logs[0]["event"]


async def test_memory_and_cost_are_measured_before_the_first_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[str] = []
    for name in ("Memory", "StepCost"):
        monkeypatch.setattr(renderer_module, name, lambda *_, name=name: measured.append(name))
    cpu = torch.device("cpu")
    renderer = LocalRenderer.of(load_model("sketch", Path("data"), cpu), cpu)
    await until(lambda: len(measured) == 2)
    renderer.close()


async def test_a_closed_renderer_leaves_no_thread_running() -> None:
    renderer = local(FakeRenderer())
    await renderer.step()
    (thread,) = renderer._thread._threads
    renderer.close()
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()


@pytest.mark.slow
async def test_outputs_have_the_scores_of_the_concepts_that_a_job_is_checked_for(
    recipe: MakeRecipe,
) -> None:
    model = load_model("sketch", Path("data"), torch.device("cpu"))
    renderer = LocalRenderer.of(model, torch.device("cpu"))
    concepts = ("a red circle", "a blue star")
    await renderer.add(RenderRequest(1, recipe(steps=1), concepts=concepts))
    await renderer.add(RenderRequest(2, recipe(steps=1)))
    checked, other = await renderer.step()
    assert set(checked.concept_scores) == set(concepts)
    assert all(-2 <= score <= 2 for score in checked.concept_scores.values())
    assert other.concept_scores == {}
    renderer.close()
