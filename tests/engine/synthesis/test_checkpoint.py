"""Checkpoints: small enough whatever the size, and read with suspicion."""

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


def stepped(model: Model, height: int, width: int, rows: int = 1) -> JobState:
    """A job at any size that has taken a step."""
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
def test_every_state_fits(model: Model, height: int, width: int, rows: int) -> None:
    job = stepped(model, height, width, rows)
    content = job.checkpoint(model.vqgan).to_bytes()
    assert len(content) < MAX_BYTES * rows
    read = Checkpoint.from_bytes(content)
    assert read.step == 1
    with torch.no_grad():
        shown = model.vqgan.nearest_codes(latents_of(read, model.vqgan))
        meant = model.vqgan.nearest_codes(job.latents)
    # The picture is the same; where half the digits are left, but for a few codes in between.
    assert (shown == meant).float().mean() > 0.99


def test_a_small_state_is_whole(model: Model) -> None:
    job = stepped(model, 16, 16)
    read = Checkpoint.from_bytes(job.checkpoint(model.vqgan).to_bytes())
    assert read.latents is not None
    assert torch.equal(read.latents, job.latents)
    for name, value in job.moments.items():
        assert torch.equal(read.moments[name], value)


@given(st.binary(max_size=200))
def test_what_is_no_state_is_refused(content: bytes) -> None:
    with pytest.raises(CheckpointError):
        Checkpoint.from_bytes(content)


def test_the_state_of_another_vqgan_is_refused(model: Model) -> None:
    state = stepped(model, 8, 8).checkpoint(model.vqgan)
    assert state.latents is not None
    other = Checkpoint(
        step=state.step,
        prior_steps=0,
        best=state.best,
        losses=state.losses,
        rng_states=state.rng_states,
        latents=state.latents[:, :3],
    )
    with pytest.raises(CheckpointError, match="another VQGAN"):
        latents_of(other, model.vqgan)


def test_a_checkpoint_of_an_older_version_is_read(model: Model) -> None:
    tensors = load(stepped(model, 8, 8).checkpoint(model.vqgan).to_bytes())
    tensors["progress"] = tensors["progress"][:3]
    read = Checkpoint.from_bytes(save(tensors))
    assert (read.step, read.prior_steps) == (1, 0)
