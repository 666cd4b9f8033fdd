"""Trains the text tower of the small CLIP alone, with a frozen image tower.

The image tower may already distinguish what the text tower does not: which of two figures has which
colour. A frozen image tower (Zhai et al., "LiT: Zero-Shot Transfer with Locked-image text
Tuning", 2022) needs no backward pass and no adversary, so a text meets many more images in the same
time, among them ones with the same colours and shapes in other combinations.
"""

from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader

from training.data import drawn_batches as batches
from training.data.drawing import draw
from training.data.drawn_captions import caption
from training.data.drawn_scenes import (
    Scene,
    facts,
    random_pair,
    random_scene,
    recolourings,
    single_figures,
    variations,
)
from training.muon import MuonTraining
from training.sketch.perceptor import PerceptorTraining, augmented, match_labels

LEARNING_RATE = 5e-3
PAIR_GROUPS = 16
"""Groups of two figures that differ in which figure has which colour."""
RANDOM_GROUPS = 12
"""Groups of random scenes."""
RECOLOURINGS = 5
"""Other assignments of the same colours in each of the PAIR_GROUPS."""
SINGLE_FIGURES = 2
"""Scenes with one of the two figures in each of the PAIR_GROUPS."""
CAPTIONS = 2
"""Captions per scene."""


class TextTowerTraining(MuonTraining):
    """Trains the text tower of `perceptor`; its image tower is frozen."""

    def __init__(self, perceptor: PerceptorTraining) -> None:
        super().__init__()
        self.perceptor = perceptor
        self.perceptor.clip.visual.requires_grad_(False).eval()
        self.perceptor.facts.requires_grad_(False)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        trained = [p for p in self.perceptor.parameters() if p.requires_grad]
        blocks = self.perceptor.clip.transformer
        return self.optimisers(blocks, trained, LEARNING_RATE)

    def training_step(self, batch: batches.Captioned, batch_idx: int) -> None:
        loss = self.loss(batch)
        self.descend(loss)
        self.perceptor.clip.logit_scale.data.clamp_(max=3.9)
        if batch_idx % 50 == 0:
            self.log("loss", loss)

    def loss(self, batch: batches.Captioned) -> Tensor:
        """The mean over the captions of their loss on all images of the batch."""
        images, captions, scenes = batch
        perceptor = self.perceptor
        perceptor.clip.visual.eval()
        with torch.no_grad():
            embedded = F.normalize(perceptor.embed(augmented(images)), dim=-1)
        right, known = match_labels([facts(scene) for scene in scenes], captions)
        right, known = right.to(self.device), known.to(self.device)
        with sdpa_kernel(SDPBackend.MATH):  # the fastest backward pass for short texts
            texts = perceptor.embed_texts(captions)
        logits = perceptor.clip.logit_scale.exp() * embedded @ texts.t() + perceptor.bias
        wrong = -F.logsigmoid(torch.where(right, logits, -logits)) * known
        return wrong.sum() / len(captions)

    def transfer_batch_to_device(
        self, batch: batches.Captioned, device: torch.device, dataloader_idx: int
    ) -> batches.Captioned:
        return batches.to_device(batch, device)

    def train_dataloader(self) -> DataLoader[object]:
        return batches.loader(_batch, seed=self.global_step + 35, workers=1)


def _batch(random: Random) -> batches.Captioned:
    scenes: list[Scene] = []
    for _ in range(PAIR_GROUPS):
        scene = random_pair(random)
        scenes += [scene, *variations(scene, random)]
        scenes += random.sample(recolourings(scene), RECOLOURINGS) + random.sample(
            single_figures(scene), SINGLE_FIGURES
        )
    for _ in range(RANDOM_GROUPS):
        scene = random_scene(random)
        scenes += [scene, *variations(scene, random)]
    drawn = batches.to_tensor([draw(scene) for scene in scenes])
    return drawn, [caption(scene, random) for scene in scenes for _ in range(CAPTIONS)], scenes
