"""Features are compared in units of how far they spread."""

import torch

from training.judges.prototypes import LEAST_DEVIATION, WHITENED, whitening


def test_what_spreads_far_counts_no_more_than_what_spreads_little() -> None:
    torch.manual_seed(0)
    deviations = torch.ones(300)
    deviations[0] = 0.5 / LEAST_DEVIATION
    features = 7 + torch.randn(4000, 300) * deviations
    mean, whiten = whitening(features)
    white = (features - mean) @ whiten
    assert white.shape == (4000, WHITENED)
    assert torch.allclose(white.mean(0), torch.zeros(WHITENED), atol=1e-3)
    first, *others = white.std(0).tolist()
    assert 0.9 < first < 1
    assert max(others) < first < 2 * min(others)
