"""What the tests of the method share: a small pair with random weights, and recipes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from core.recipe import Recipe
from engine.models import catalogue
from engine.models.pair import Pair, load_pair, read_pair
from engine.synthesis.method import METHODS
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from tests.engine.random_pair import random_sketch

Recipes = Callable[..., Recipe]
CPU = torch.device("cpu")
QUICK = replace(METHODS["sketch"], coarsest=32, imagined=4, beginnings=64)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Random weights in the sketch pair's form: nonsense, with all its arithmetic."""
    folder = random_sketch(tmp_path_factory.mktemp("sketch"))
    return read_pair(catalogue.SKETCH, folder, CPU)


@pytest.fixture(scope="session")
def sketch(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The trained pair that comes along."""
    return load_pair("sketch", tmp_path_factory.mktemp("data"), CPU)


@pytest.fixture
def renderer(pair: Pair) -> Renderer:
    return Renderer(pair, CPU, QUICK)


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    def make(include: str = "a red circle", exclude: str = "", **values: Any) -> Recipe:
        defaults = {"width": 32, "height": 32, "steps": 4, "seed": 7}
        return Recipe.make(include, exclude, **(defaults | values))

    return make


def paint(renderer: Renderer, job_id: int = 1) -> list[StepOutput]:
    """Steps until a job has left the batch; its iterations."""
    iterations = []
    while job_id in renderer.job_ids:
        iterations += [i for i in renderer.step() if i.job_id == job_id]
    return iterations
