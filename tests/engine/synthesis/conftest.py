"""Shared by the tests of the method: a small model with random weights, and recipes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from core.recipe import Recipe
from engine.models import catalogue
from engine.models.model import Model, load_model, read_model
from engine.synthesis import renderer as renderer_module
from engine.synthesis.config import SKETCH, override
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from tests.engine.random_pair import random_sketch

RecipeFactory = Callable[..., Recipe]
CPU = torch.device("cpu")
QUICK = override(
    SKETCH,
    {
        "cutouts.count": 4,
        "init.candidates": 64,
        "init.prior_samples": 2,
        "prior.sampling_steps": 3,
        "schedule.min_side": 32,
    },
)
"""For tests that need neither many cutouts nor many samples."""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The sketch model with random weights: it computes everything, but renders nonsense."""
    folder = random_sketch(tmp_path_factory.mktemp("sketch"))
    return read_model(catalogue.find("sketch"), folder, CPU)


@pytest.fixture(scope="session")
def sketch(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The included, trained sketch model."""
    return load_model("sketch", tmp_path_factory.mktemp("data"), CPU)


@pytest.fixture(scope="session")
def picturebook(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The default model, also included."""
    return load_model("picturebook", tmp_path_factory.mktemp("data"), CPU)


@pytest.fixture(scope="session")
def _measurements() -> dict[tuple[Any, ...], Any]:
    return {}


@pytest.fixture(autouse=True)
def _measure_once(
    monkeypatch: pytest.MonkeyPatch, _measurements: dict[tuple[Any, ...], Any]
) -> None:
    """Measures the memory and the cost of a step once per model, not once per renderer."""

    def cached(measure: Callable[..., Any]) -> Callable[..., Any]:
        def measure_once(model: Model, *arguments: Any) -> Any:
            key = (measure, model.vqgan, model.perceptor, *arguments)
            if key not in _measurements:
                _measurements[key] = measure(model, *arguments)
            return _measurements[key]

        return measure_once

    for name in ("Memory", "StepCost"):
        monkeypatch.setattr(renderer_module, name, cached(getattr(renderer_module, name)))


@pytest.fixture
def renderer(model: Model) -> Renderer:
    return Renderer(model, CPU, QUICK)


@pytest.fixture
def make_recipe() -> Callable[..., Recipe]:
    def make(include: str = "a red circle", exclude: str = "", **values: Any) -> Recipe:
        defaults = {"width": 32, "height": 32, "steps": 4, "seed": 7}
        return Recipe.make(include, exclude, **(defaults | values))

    return make


def run_job(renderer: Renderer, job_id: int = 1) -> list[StepOutput]:
    """Steps until the job has left the batch; returns its outputs."""
    outputs = []
    while job_id in renderer.job_ids:
        outputs += [output for output in renderer.step() if output.job_id == job_id]
    return outputs
