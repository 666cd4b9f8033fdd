"""The prior learns which image a caption and a style ask for."""

import pytest
import torch
from torch.nn import functional as F

from training.stages.alignment import WIDTH
from training.stages.prior import CONFIG, PriorData, PriorTraining, principal_components


def test_few_components_hold_all_variance_and_samples_have_unit_variance() -> None:
    hidden = torch.randn(500, 5) * torch.tensor([8.0, 4.0, 2.0, 1.0, 0.5])
    latents = (hidden @ torch.randn(5, 48) + 3).view(500, 3, 4, 4)
    mean, basis, scale = principal_components(latents, 5)
    samples = (latents.flatten(1) - mean) @ basis.t() / scale
    assert torch.allclose((samples * scale) @ basis + mean, latents.flatten(1), atol=1e-2)
    assert abs(samples.var(0).mean().item() - 1) < 0.05
    assert samples.var(0).argsort(descending=True).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_the_prior_learns_the_image_of_each_caption_and_style() -> None:
    torch.manual_seed(0)
    count = CONFIG["components"]
    samples, texts = torch.randn(4, count), F.normalize(torch.randn(2, WIDTH), dim=1)
    captions, styles = torch.tensor([[0], [0], [1], [1]]), torch.tensor([1, 2, 1, 2])
    latents, one = torch.zeros(4, 16, 16, 16), torch.ones(16, 1, 1)
    training = PriorTraining(
        PriorData(latents, 0 * one, one, texts, captions, styles, torch.ones(4))
    )
    network = training.prior.bfloat16()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    rows = torch.arange(4).repeat(16)
    for _ in range(60):
        loss = training.loss(network, samples[rows], texts[captions[rows, 0]], styles[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        noise, start = torch.randn(4, count, 1, 1).bfloat16(), torch.full((4,), 0.02)
        predicted = network(noise, start, texts[captions[:, 0]].bfloat16(), styles)
    distances = torch.cdist(predicted.float().flatten(1), samples)
    assert distances.argmin(1).tolist() == [0, 1, 2, 3]
