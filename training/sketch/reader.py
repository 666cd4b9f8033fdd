"""The training of the small CLIP's text tower alone, beside its eye as it is.

What the eye has learned of two figures the texts may not say yet: which colour is whose. An eye
that stays as it is (locked-image tuning: Zhai et al., "LiT: Zero-Shot Transfer with Locked-image
text Tuning", 2022) needs no way back and no adversary, so that a text meets many more pictures in
the same time; and among them are those that have all its colours and all its shapes, but given out
otherwise.
"""

from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader

from training.data.drawn_captions import caption
from training.data.drawn_scenes import (
    Scene,
    alone,
    draw,
    facts,
    random_pair,
    random_scene,
    recoloured,
    variations,
)
from training.muon import MuonTraining
from training.sketch import batches
from training.sketch.perceptor import PerceptorTraining, answers, augmented

LEARNING_RATE = 5e-3
PAIRS = 16
"""Groups of two figures that are told apart by whose colour is whose."""
OTHERS = 12
"""Groups of any scenes."""
WAYS = 5
"""Ways of giving out the same colours in each group."""
HALVES = 2
"""Scenes of one of the two figures in each group."""
TOLD = 2
"""Captions of each scene."""


class ReaderTraining(MuonTraining):
    """Trains the text tower of `perceptor`, whose eye stays as it is."""

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
        """The mean over the captions of how wrong they are about all pictures of the batch."""
        pictures, captions, scenes = batch
        perceptor = self.perceptor
        perceptor.clip.visual.eval()
        with torch.no_grad():
            seen = F.normalize(perceptor.embed(augmented(pictures)), dim=-1)
        right, known = answers([facts(scene) for scene in scenes], captions)
        right, known = right.to(self.device), known.to(self.device)
        with sdpa_kernel(SDPBackend.MATH):  # whose way back is the quickest for short texts
            texts = perceptor.embed_texts(captions)
        logits = perceptor.clip.logit_scale.exp() * seen @ texts.t() + perceptor.bias
        wrong = -F.logsigmoid(torch.where(right, logits, -logits)) * known
        return wrong.sum() / len(captions)

    def transfer_batch_to_device(
        self, batch: batches.Captioned, device: torch.device, dataloader_idx: int
    ) -> batches.Captioned:
        return batches.moved(batch, device)

    def train_dataloader(self) -> DataLoader[object]:
        return batches.loader(_batch, seed=self.global_step + 35, workers=1)


def _batch(random: Random) -> batches.Captioned:
    scenes: list[Scene] = []
    for _ in range(PAIRS):
        scene = random_pair(random)
        scenes += [scene, *variations(scene, random)]
        scenes += random.sample(recoloured(scene), WAYS) + random.sample(alone(scene), HALVES)
    for _ in range(OTHERS):
        scene = random_scene(random)
        scenes += [scene, *variations(scene, random)]
    drawn = batches.to_tensor([draw(scene) for scene in scenes])
    return drawn, [caption(scene, random) for scene in scenes for _ in range(TOLD)], scenes
