"""The two loops to compare: the usual one (plain) and the renderer (ours)."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from bench.quality.prompts import held_out
from bench.speed.baseline import PlainLoop
from bench.speed.random_weights import untrained_imagenet
from core.recipe import Recipe
from core.understanding.vocabulary import vocabulary_of
from engine.device import choose_device
from engine.models import catalogue
from engine.models.checkpoints import read_vqgan
from engine.models.model import Model, load_model
from engine.synthesis.config import CONFIGS, SynthesisConfig, override
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from training.data.drawn_captions import with_article

PLAIN, OURS = "plain", "ours"
CPU = choose_device("cpu")
TEXT = "a red circle on a white background"

STEPS = {"sketch": 100, "picturebook": 100, "imagenet": 300}
"""Default steps of each model."""


@cache
def load(side: str, name: str) -> Model:
    """A model as the engine loads it, or with taming's own decoder for the plain loop."""
    if name == "imagenet":
        return untrained_imagenet(CPU, quick=side == OURS)
    model = load_model(name, Path(), CPU)
    if side == OURS:
        return model
    entry = catalogue.find(name)
    folder = entry.folder(Path())
    return replace(
        model, vqgan=read_vqgan(folder / entry.config, folder / entry.vqgan, entry.fix_command)
    )


def stepper(side: str, name: str, pixels: int, cutouts: int, rows: int = 1) -> Callable[[], object]:
    """A function that takes one step at full size; ours steps `rows` images at once."""
    model = load(side, name)
    if side == PLAIN:
        return PlainLoop(model, TEXT, pixels, pixels, cutouts, seed=0).step
    renderer = Renderer(model, CPU, steps_only(name, cutouts))
    for row in range(rows):
        renderer.add(RenderRequest(row, recipe_of(name, TEXT, seed=row, pixels=pixels)))
    return renderer.step


def steps_only(name: str, cutouts: int) -> SynthesisConfig:
    """A model's config with all steps at full size and a cheap start."""
    changes = {"cutouts.count": cutouts, "schedule.coarse_fraction": 0.0}
    return override(CONFIGS[name], changes | {"init.prior_samples": 1, "init.candidates": 1})


def recipe_of(name: str, text: str, seed: int, pixels: int = 0, steps: int = 0) -> Recipe:
    side = pixels or catalogue.find(name).side
    return Recipe.make(text, width=side, height=side, steps=steps or STEPS[name], seed=seed)


def prompts(count: int, name: str = "sketch") -> list[str]:
    """Prompts that a model can render, repeated if there are fewer than `count`.

    For picturebook the most popular things, otherwise held-out prompts, evenly from all kinds.
    """
    if name == "picturebook":
        vocabulary = vocabulary_of(name)
        assert vocabulary
        texts = [with_article(thing) for thing in vocabulary.popular]
    else:
        texts = [prompt.include for prompt in held_out() if not prompt.exclude]
        texts = texts[:: len(texts) // 8]
    return list(itertools.islice(itertools.cycle(texts), count))
