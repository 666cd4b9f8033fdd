"""What the components benchmark keeps of latents."""

import torch

from bench.quality.components import reduced
from engine.models.prior import LatentPrior


def test_the_first_components_are_kept_and_the_others_are_set_to_their_mean() -> None:
    prior = LatentPrior(channels=2, side=4, components=8, embedding=4, width=8, depth=1, styles=1)
    prior.basis.copy_(torch.linalg.qr(torch.randn(32, 8)).Q.t())
    latents = torch.randn(3, 2, 4, 4)
    kept, few = prior.project(latents), prior.project(reduced(prior, latents, 3))
    torch.testing.assert_close(few[:, :3], kept[:, :3])
    torch.testing.assert_close(few[:, 3:], torch.zeros_like(few[:, 3:]), atol=1e-5, rtol=0)
