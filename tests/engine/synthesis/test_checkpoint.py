"""Checkpoints: small enough whatever the size, and read with suspicion."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.recipe import Recipe
from engine.models.pair import Pair
from engine.synthesis import objective
from engine.synthesis.checkpoint import MAX_BYTES, Checkpoint, CheckpointError
from engine.synthesis.method import METHODS
from engine.synthesis.rows import Rows, latents_of
from tests.engine.synthesis.conftest import CPU


def stepped(pair: Pair, height: int, width: int, rows: int = 1) -> Rows:
    """A job at any size that has taken a step."""
    recipe = Recipe.make("a red circle", width=4 * width, height=4 * height, steps=9, seed=1)
    target = objective.target(recipe, {}, pair.perceptor, METHODS["sketch"], CPU)
    latents = torch.randn(rows, pair.vqgan.codebook.shape[1], height, width)
    job = Rows(recipe, target, [torch.Generator()] * rows, latents, {0: (height, width)})
    job.latents.sum().backward()
    job.descend(torch.zeros(rows), METHODS["sketch"])
    return job


@given(st.integers(4, 256), st.integers(4, 256), st.integers(1, 2))
@settings(max_examples=25, deadline=None)
def test_every_state_fits(pair: Pair, height: int, width: int, rows: int) -> None:
    job = stepped(pair, height, width, rows)
    content = job.saved(pair.vqgan).to_bytes()
    assert len(content) < MAX_BYTES * rows
    read = Checkpoint.from_bytes(content)
    assert read.step == 1
    with torch.no_grad():
        shown = pair.vqgan.nearest_codes(latents_of(read, pair.vqgan))
        meant = pair.vqgan.nearest_codes(job.latents)
    # The picture is the same; where half the digits are left, but for a few codes in between.
    assert (shown == meant).float().mean() > 0.99


def test_a_small_state_is_whole(pair: Pair) -> None:
    job = stepped(pair, 16, 16)
    read = Checkpoint.from_bytes(job.saved(pair.vqgan).to_bytes())
    assert read.latents is not None
    assert torch.equal(read.latents, job.latents)
    for name, value in job.moments.items():
        assert torch.equal(read.moments[name], value)


@given(st.binary(max_size=200))
def test_what_is_no_state_is_refused(content: bytes) -> None:
    with pytest.raises(CheckpointError):
        Checkpoint.from_bytes(content)


def test_the_state_of_another_vqgan_is_refused(pair: Pair) -> None:
    state = stepped(pair, 8, 8).saved(pair.vqgan)
    assert state.latents is not None
    other = Checkpoint(
        step=state.step,
        best=state.best,
        losses=state.losses,
        rng_states=state.rng_states,
        latents=state.latents[:, :3],
    )
    with pytest.raises(CheckpointError, match="another VQGAN"):
        latents_of(other, pair.vqgan)
