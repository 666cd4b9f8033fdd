"""Shared by the tests of the networks: models with random weights, written once."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree, rmtree

import pytest
import torch

from engine.models import catalogue
from engine.models.model import Model, load_model, read_model
from tests.engine.random_pair import random_imagenet, random_sketch

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def _sketch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_sketch(tmp_path_factory.mktemp("sketch"))


@pytest.fixture
def sketch_folder(_sketch: Path, tmp_path: Path) -> Path:
    """A copy of the random sketch model that a test may damage."""
    return copytree(_sketch, tmp_path / "sketch")


@pytest.fixture(scope="session")
def sketch(_sketch: Path) -> Model:
    return read_model(catalogue.find("sketch"), _sketch, CPU)


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """The full-size model, read from files in the published formats."""
    data_dir = tmp_path_factory.mktemp("data")
    random_imagenet(catalogue.find("imagenet").folder(data_dir))
    yield load_model("imagenet", data_dir, CPU)
    rmtree(data_dir)  # too large to keep for inspection
