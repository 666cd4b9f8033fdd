"""What the tests of the method share: a small model with random weights, and recipes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from core.recipe import Recipe
from engine.models import catalogue
from engine.models.model import Model, load_model, read_model
from engine.synthesis.config import SKETCH, override
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from tests.engine.random_pair import random_sketch

Recipes = Callable[..., Recipe]
CPU = torch.device("cpu")
QUICK = override(SKETCH, {"schedule.min_side": 32, "init.prior_samples": 4, "init.candidates": 64})


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Random weights in the sketch model's form: nonsense, with all its arithmetic."""
    folder = random_sketch(tmp_path_factory.mktemp("sketch"))
    return read_model(catalogue.find("sketch"), folder, CPU)


@pytest.fixture(scope="session")
def sketch(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The trained model that comes along."""
    return load_model("sketch", tmp_path_factory.mktemp("data"), CPU)


@pytest.fixture
def renderer(model: Model) -> Renderer:
    return Renderer(model, CPU, QUICK)


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
