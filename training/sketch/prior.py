"""The training of the prior: scenes out of noise, told by what the pair's own CLIP says of them."""

from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from engine.models.prior import NEAREST, SIDE, Prior
from training.data import drawn_batches as batches
from training.data.drawn_captions import Caption, caption
from training.data.drawn_scenes import draw, random_pair, random_scene
from training.muon import MuonTraining
from training.sketch.compositions import composed
from training.sketch.perceptor import EMBEDDING, PerceptorTraining

LEARNING_RATE = 3e-3
ROWS = 32
CONFIG = {"embedding": EMBEDDING, "width": 160, "depth": 6, "heads": 5, "traits": 64, "words": 8}
CAPTIONS = 4096
"""So many tell in which directions captions differ."""
LEAST = 0.01
"""Directions with a smaller variance than this count as noise."""
PAIRS = 0.4
"""The share of scenes that have two figures of different colours in any case: the hardest."""
SHOWN = 4
"""Pictures of a batch that are told by CLIP's embedding of themselves, as pictures in prompts."""
UNTOLD = 3
"""Those that are told nothing, so that a prompt's part can be strengthened."""


class PriorTraining(MuonTraining):
    """Trains beside `perceptor`, which stays as it is."""

    def __init__(self, perceptor: PerceptorTraining) -> None:
        super().__init__()
        self.prior = Prior(**CONFIG)
        self.perceptor = perceptor.requires_grad_(False).eval()
        self._see_all_traits_alike()

    @torch.no_grad()
    def _see_all_traits_alike(self) -> None:
        """Begins with the directions in which captions differ, each as strong as the others.

        Whose colour is whose moves an embedding far less than which colours there are.
        """
        random = Random(8)
        captions = [caption(random_scene(random), random) for _ in range(CAPTIONS)]
        told = torch.cat(
            [self.perceptor.embed_texts(captions[i : i + ROWS]) for i in range(0, CAPTIONS, ROWS)]
        )
        spread, directions = torch.linalg.eigh(torch.cov(told.float().t()) * EMBEDDING)
        most = slice(-CONFIG["traits"], None)
        self.prior.traits.weight.copy_((directions * spread.clamp_min(LEAST).rsqrt())[:, most].t())
        self.prior.traits.bias.copy_(
            -self.prior.traits.weight @ told.float().mean(0) * EMBEDDING**0.5
        )

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return self.optimisers(self.prior.blocks, self.prior.parameters(), LEARNING_RATE)

    def training_step(self, batch: batches.Captioned, batch_idx: int) -> None:
        pictures, captions, _ = batch
        loss = self.loss(pictures, self.told(pictures, captions))
        self.descend(loss)
        if batch_idx % 50 == 0:
            self.log("loss", loss)

    def loss(self, pictures: Tensor, told: Tensor) -> Tensor:
        """How far the directions that the prior would go are from those to the true pictures.

        `pictures` (rows, 3, 64, 64) from 0 to 1; `told` (rows, EMBEDDING). Times are drawn from a
        normal distribution through a sigmoid (Esser et al., "Scaling Rectified Flow Transformers",
        2024), a little more of the early ones, in which the composition is decided.
        """
        true = F.avg_pool2d(pictures, pictures.shape[-1] // SIDE) * 2 - 1
        times = torch.sigmoid(torch.randn(len(true), device=true.device) - 0.3)
        way = times[:, None, None, None]
        noisy = torch.randn_like(true).lerp(true, way)
        end = self.prior(noisy, times, told).float()
        loss: Tensor = ((end - true) / (1 - way).clamp_min(NEAREST)).square().mean()
        return loss

    @torch.no_grad()
    def told(self, pictures: Tensor, captions: list[Caption]) -> Tensor:
        """(rows, EMBEDDING) of unit length; zeros where nothing is told."""
        self.perceptor.eval()
        told = self.perceptor.embed_texts(captions)
        told[:SHOWN] = F.normalize(self.perceptor.embed(pictures[:SHOWN]), dim=-1)
        told[SHOWN : SHOWN + UNTOLD] = 0
        return told

    def transfer_batch_to_device(
        self, batch: batches.Captioned, device: torch.device, dataloader_idx: int
    ) -> batches.Captioned:
        return batches.moved(batch, device)

    def train_dataloader(self) -> DataLoader[object]:
        return batches.loader(_batch, seed=self.global_step + 21, workers=1)


def _batch(random: Random) -> batches.Captioned:
    """Captions of any scenes, which then lie as the captions let one expect."""
    scenes = [
        random_pair(random) if random.random() < PAIRS else random_scene(random)
        for _ in range(ROWS)
    ]
    captions = [caption(scene, random) for scene in scenes]
    scenes = [
        composed(scene, said.claims, random) for scene, said in zip(scenes, captions, strict=True)
    ]
    return batches.to_tensor([draw(scene) for scene in scenes]), captions, scenes
