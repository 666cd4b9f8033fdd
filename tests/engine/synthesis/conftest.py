"""What the tests of the method share: a small model with random weights, and recipes."""

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

Recipes = Callable[..., Recipe]
CPU = torch.device("cpu")
QUICK = override(
    SKETCH,
    {
        "cutouts.count": 4,
        "init.candidates": 64,
        "init.prior_samples": 2,
        "prior.sampling_steps": 3,
        "schedule.min_side": 32,
        "schedule.typical_share": 1.0,
    },
)
"""For what holds however few cutouts and samples there are."""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Random weights in the sketch model's form: nonsense, with all its arithmetic."""
    folder = random_sketch(tmp_path_factory.mktemp("sketch"))
    return read_model(catalogue.find("sketch"), folder, CPU)


@pytest.fixture(scope="session")
def sketch(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The trained model that comes along."""
    return load_model("sketch", tmp_path_factory.mktemp("data"), CPU)


@pytest.fixture(scope="session")
def picturebook(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The default model, which comes along, too."""
    return load_model("picturebook", tmp_path_factory.mktemp("data"), CPU)


@pytest.fixture(scope="session")
def _measured() -> dict[tuple[Any, ...], Any]:
    return {}


@pytest.fixture(autouse=True)
def _measure_once(monkeypatch: pytest.MonkeyPatch, _measured: dict[tuple[Any, ...], Any]) -> None:
    """What a step needs is measured once for a model, not in each of the tests' renderers."""

    def once(measure: Callable[..., Any]) -> Callable[..., Any]:
        def measured(model: Model, *given: Any) -> Any:
            key = (measure, model.vqgan, model.perceptor, *given)
            if key not in _measured:
                _measured[key] = measure(model, *given)
            return _measured[key]

        return measured

    for name in ("Memory", "StepCost"):
        monkeypatch.setattr(renderer_module, name, once(getattr(renderer_module, name)))


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
