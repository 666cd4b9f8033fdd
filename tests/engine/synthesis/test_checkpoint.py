"""Checkpoints are small at any image size, and damaged ones are refused."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

from core.recipe import Recipe
from engine.models.model import Model
from engine.synthesis import objective
from engine.synthesis.checkpoint import MAX_BYTES, Checkpoint, CheckpointError
from engine.synthesis.config import SKETCH
from engine.synthesis.job_state import JobState, latents_of
from tests.engine.synthesis.conftest import CPU


def job_after_step(model: Model, height: int, width: int, rows: int = 1) -> JobState:
    """A job with latents of this size that has taken a step."""
    recipe = Recipe.make("a red circle", width=4 * width, height=4 * height, steps=9, seed=1)
    target = objective.embed_target(recipe, {}, model.perceptor, SKETCH.loss, CPU)
    latents = torch.randn(rows, model.vqgan.codebook.shape[1], height, width)
    generators = [torch.Generator() for _ in range(rows)]
    job = JobState(recipe, target, SKETCH, generators, latents, {0: (height, width)})
    job.latents.sum().backward()
    job.update(torch.zeros(rows))
    return job


@given(st.integers(4, 256), st.integers(4, 256), st.integers(1, 2))
@settings(max_examples=25, deadline=None)
@pytest.mark.slow
def test_every_checkpoint_stays_below_the_limit(
    model: Model, height: int, width: int, rows: int
) -> None:
    job = job_after_step(model, height, width, rows)
    content = job.checkpoint(model.vqgan).to_bytes()
    assert len(content) < MAX_BYTES * rows
    restored = Checkpoint.from_bytes(content)
    assert restored.step == 1
    with torch.no_grad():
        restored_codes = model.vqgan.nearest_codes(latents_of(restored, model.vqgan))
        codes = model.vqgan.nearest_codes(job.latents)
    # The same image, except for a few latents between two codes if stored in half precision.
    assert (restored_codes == codes).float().mean() > 0.99


def test_a_small_checkpoint_is_exact(model: Model) -> None:
    job = job_after_step(model, 16, 16)
    restored = Checkpoint.from_bytes(job.checkpoint(model.vqgan).to_bytes())
    assert restored.latents is not None
    assert torch.equal(restored.latents, job.latents)
    for name, value in job.moments.items():
        assert torch.equal(restored.moments[name], value)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_checkpoint_are_refused(content: bytes) -> None:
    with pytest.raises(CheckpointError):
        Checkpoint.from_bytes(content)


def test_a_checkpoint_of_another_vqgan_is_refused(model: Model) -> None:
    checkpoint = job_after_step(model, 8, 8).checkpoint(model.vqgan)
    assert checkpoint.latents is not None
    other = Checkpoint(
        step=checkpoint.step,
        prior_steps=0,
        best=checkpoint.best,
        losses=checkpoint.losses,
        rng_states=checkpoint.rng_states,
        latents=checkpoint.latents[:, :3],
    )
    with pytest.raises(CheckpointError, match="another VQGAN"):
        latents_of(other, model.vqgan)


@pytest.mark.parametrize("numbers", [3, 4])
def test_a_checkpoint_of_an_older_version_is_read(model: Model, numbers: int) -> None:
    tensors = load(job_after_step(model, 8, 8).checkpoint(model.vqgan).to_bytes())
    tensors["progress"] = tensors["progress"][:numbers]
    restored = Checkpoint.from_bytes(save(tensors))
    assert (restored.step, restored.prior_steps) == (1, 0)
    assert math.isnan(restored.first_loss)
