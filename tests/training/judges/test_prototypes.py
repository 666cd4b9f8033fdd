"""Features are compared in units of their spread among images of one thing."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from training.data.sources import sources
from training.judges import prototypes
from training.judges.prototypes import discriminants, judge_cache_file

THINGS, MAKERS, WIDTH = 40, 5, 24


def test_features_that_vary_among_images_of_one_thing_count_little() -> None:
    torch.manual_seed(0)
    shown = torch.arange(THINGS).repeat(MAKERS)
    things = torch.randn(THINGS, WIDTH)
    features = 5 + things[shown] + 0.1 * torch.randn(len(shown), WIDTH)
    features[:, 0] += 6 * torch.randn(MAKERS).repeat_interleave(THINGS)  # each maker's style
    mean, directions = discriminants(features, shown, WIDTH)
    assert directions.shape == (WIDTH, WIDTH)

    unknown_maker = 5 + things + 0.1 * torch.randn(THINGS, WIDTH)
    unknown_maker[:, 0] -= 9
    known, seen = features - mean, unknown_maker - mean
    assert _recognised(known @ directions, shown, seen @ directions) > 0.95
    assert _recognised(known, shown, seen) < 0.9


def _recognised(known: Tensor, shown: Tensor, seen: Tensor) -> float:
    """The share of the things (`seen`, one row each) whose own prototype is the nearest."""
    prototypes = torch.zeros(THINGS, WIDTH).index_add_(0, shown, F.normalize(known, dim=1))
    nearest = (F.normalize(seen, dim=1) @ F.normalize(prototypes, dim=1).t()).argmax(1)
    return nearest.eq(torch.arange(THINGS)).float().mean().item()


def test_features_of_other_sets_or_settings_are_not_taken_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = judge_cache_file(tmp_path, "features", 224)
    assert judge_cache_file(tmp_path, "features", 224) == before
    assert judge_cache_file(tmp_path, "features", 128) != before
    fewer = replace(sources(), images=tuple(s for s in sources().images if s.name != "openmoji"))
    monkeypatch.setattr(prototypes, "sources", lambda: fewer)
    assert judge_cache_file(tmp_path, "features", 224) != before
