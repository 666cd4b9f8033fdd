"""Trains the small CLIP.

For every image and every caption of a batch it is known whether the caption is true, so each pair
is a binary classification (Zhai et al., "Sigmoid Loss for Language Image Pre-Training", 2023). A
second head predicts the facts of an image, which speeds up early training.

Optimising an image under CLIP finds whatever fools CLIP. So the image tower trains on crops, with
noise and against an adversary: one step of the strongest small perturbation (Wong, Rice, Kolter,
"Fast is better than free", 2020). Gradients of robust image towers point at objects, not textures
(Santurkar et al., "Image Synthesis with a Single (Robust) Classifier", 2019). Optimised images also
serve as negatives (`training.sketch.adversarial`).
"""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.sharedctypes import Synchronized
from random import Random

import pytorch_lightning as pl
import torch
from clip.model import CLIP
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from engine.models.locked_clip import MEAN, STD
from training.data import drawn_batches as batches
from training.data.drawn_captions import Caption, holds
from training.data.drawn_scenes import facts
from training.sketch.adversarial import AdversarialImages
from training.sketch.vocabulary import EXCLUSIVE, FACTS, SINGLE, UNKNOWN, Vocabulary

LEARNING_RATE = 1.5e-3
GROUPS = 16
EMBEDDING = 256
ADVERSARY_RADIUS = (1.0, 4.0)
"""Smallest and largest adversarial step: L2 norm over a 64 × 64 image with values from 0 to 1.
Small steps keep small figures recognisable, large ones give gradients their direction."""


def small_clip(vocabulary_size: int) -> CLIP:
    """OpenAI's architecture with a ModifiedResNet, sized for 64 × 64 drawings."""
    network = CLIP(
        embed_dim=EMBEDDING,
        image_resolution=64,
        vision_layers=(1, 2, 2, 1),
        vision_width=24,
        vision_patch_size=None,
        context_length=77,
        vocab_size=vocabulary_size,
        transformer_width=128,
        transformer_heads=2,
        transformer_layers=3,
    )
    for name, weight in network.visual.named_parameters():
        # CLIP initialises blocks as identities, for deep towers; shallow ones learn faster without.
        if name.endswith("bn3.weight"):
            nn.init.ones_(weight)
    # Any other word is a row of zeros, in training as in inference.
    network.token_embedding.padding_idx = UNKNOWN
    network.token_embedding.weight.data[UNKNOWN] = 0
    for projection in ("q_proj", "k_proj", "v_proj", "c_proj"):
        getattr(network.visual.attnpool, projection).reset_parameters()
    return network


class PerceptorTraining(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        # Shared with the processes that draw scenes, which get harder during training.
        self._progress: Synchronized[float] = multiprocessing.Value("d", 0.0)
        self.vocabulary = Vocabulary.of_captions()
        self.clip = small_clip(self.vocabulary.size)
        self.facts = nn.Linear(EMBEDDING, len(FACTS))
        self.bias = nn.Parameter(torch.tensor(-6.0))
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1))
        self.mean: Tensor
        self.std: Tensor
        self.words = Random(0)
        self.adversarial_images = AdversarialImages()

    @property
    def progress(self) -> float:
        """The progress of the training, from 0 to 1."""
        return self._progress.value

    @progress.setter
    def progress(self, share: float) -> None:
        self._progress.value = share

    def configure_optimizers(self) -> torch.optim.Optimizer:
        self.clip.visual.to(memory_format=torch.channels_last)
        return torch.optim.AdamW(self.parameters(), LEARNING_RATE, (0.9, 0.98), weight_decay=0.02)

    def embed(self, images: Tensor) -> Tensor:
        """(batch, 3, 64, 64) from 0 to 1 → (batch, EMBEDDING), not normalised."""
        normal = (images - self.mean) / self.std
        embedded: Tensor = self.clip.visual(normal.contiguous(memory_format=torch.channels_last))
        return embedded.float()

    def training_step(self, batch: batches.Captioned, batch_idx: int) -> Tensor:
        images, captions, scenes = batch
        true = [facts(scene) for scene in scenes]
        labels = torch.tensor([[f in t for f in FACTS] for t in true], device=self.device).float()
        strength = min(1.0, max(0.0, self.progress - 0.2) / 0.1)
        adversarial = images[:0]
        if strength > 0:
            adversarial, adversarial_captions = self.adversarial_images.next(
                images, captions, self._similarity
            )
            adversarial, captions = augmented(adversarial), captions + adversarial_captions
        right, known = (
            pairs.to(self.device) for pairs in match_labels(true, captions, len(adversarial))
        )
        texts = self.embed_texts(captions)

        def loss_of(inputs: Tensor, texts: Tensor) -> Tensor:
            features = self.embed(inputs)
            embedded = F.normalize(features, dim=-1)
            logits = self.clip.logit_scale.exp() * embedded @ texts.t() + self.bias
            rows = len(inputs)
            pairs = F.logsigmoid(torch.where(right[:rows], logits, -logits)) * known[:rows]
            return (-pairs.sum() + self._naming_loss(features, labels)) / len(labels)

        inputs = augmented(images)
        if strength > 0 and batch_idx % 4 != 0:
            inputs = self._perturbed(inputs, strength, lambda s: loss_of(s, texts.detach()))
        loss = loss_of(torch.cat([inputs, adversarial]), texts)
        self.clip.logit_scale.data.clamp_(max=3.9)
        if batch_idx % 50 == 0:
            self.log("loss", loss, prog_bar=True)
        return loss

    def embed_texts(self, captions: list[Caption]) -> Tensor:
        """(captions, EMBEDDING) of unit length."""
        tokens = self.vocabulary.tokens([c.text for c in captions], self.words).to(self.device)
        return F.normalize(self.clip.encode_text(tokens).float(), dim=-1)

    def _similarity(self, images: Tensor, captions: list[Caption]) -> Tensor:
        """(batch,): the similarity of each image to its caption, as the renderer computes it."""
        with torch.no_grad():
            texts = self.embed_texts(captions)
        self.clip.visual.eval()
        embedded = F.normalize(self.embed(augmented(images)), dim=-1)
        self.clip.visual.train()
        return (embedded * texts).sum(1)

    def _naming_loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """The summed loss of the facts: one of each exclusive group, and each single fact.

        `labels` belong to the first rows of `features`.
        """
        sizes = [*map(len, EXCLUSIVE), len(SINGLE)]
        *which, single = self.facts(features[: len(labels)]).float().split(sizes, dim=1)
        *true, there = labels.split(sizes, dim=1)
        loss = F.binary_cross_entropy_with_logits(single, there, reduction="sum")
        for logits, answer in zip(which, true, strict=True):
            count = answer.sum(1, keepdim=True)
            share = answer / count.clamp_min(1)
            loss = loss - (share * logits.log_softmax(1)).sum()
        return loss

    def transfer_batch_to_device(
        self, batch: batches.Captioned, device: torch.device, dataloader_idx: int
    ) -> batches.Captioned:
        return batches.to_device(batch, device)

    @staticmethod
    def _perturbed(inputs: Tensor, strength: float, loss_of: Callable[[Tensor], Tensor]) -> Tensor:
        """Perturbs images by one step that increases the loss most, from a random start nearby."""
        shortest, longest = ADVERSARY_RADIUS
        drawn = torch.rand(len(inputs), 1, 1, 1, device=inputs.device)
        radius = strength * (shortest + (longest - shortest) * drawn)
        start = (inputs + 0.5 * _unit(torch.randn_like(inputs))).detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(loss_of(start), start)
        return (start + radius * _unit(gradient)).detach()

    def train_dataloader(self) -> DataLoader[object]:
        workers = max(1, (os.cpu_count() or 1) // 2)
        make = partial(_batch, progress=self._progress)
        return batches.loader(make, seed=self.global_step + 7, workers=workers)


def match_labels(
    true: Sequence[frozenset[str]], captions: Sequence[Caption], adversarial: int = 0
) -> tuple[Tensor, Tensor]:
    """(images, captions): whether each caption is true of each image, and whether that is known.

    The last captions may be those of `adversarial` images, whose rows follow those of `true`. For
    such an image it is only known that it doesn't match its own caption.
    """
    judgements = [[holds(caption, facts_) for caption in captions] for facts_ in true]
    right = torch.tensor([[bool(a) for a in row] for row in judgements])
    known = torch.tensor([[a is not None for a in row] for row in judgements])
    nothing = torch.zeros(adversarial, len(captions) - adversarial, dtype=torch.bool)
    own = torch.cat([nothing, torch.eye(adversarial, dtype=torch.bool)], dim=1)
    return torch.cat([right, torch.zeros_like(own)]), torch.cat([known, own])


def _unit(images: Tensor) -> Tensor:
    """Each image divided by its L2 norm."""
    return F.normalize(images.flatten(1), dim=1).view_as(images)


def _batch(random: Random, progress: "Synchronized[float]") -> batches.Captioned:
    """Easy scenes first: shapes are learned last, and fastest from one large figure."""
    share = progress.value
    easy = random.random() < max(0.25, 1 - share * 4)
    return batches.captioned(random, GROUPS, min(1.0, share * 3) if easy else 1.0)


def augmented(images: Tensor) -> Tensor:
    """Augments images like cutouts, each in its own way: crops, lower resolutions and noise."""
    rows, device = len(images), images.device
    scale = 1 - 0.3 * torch.rand(rows, device=device) * (torch.rand(rows, device=device) < 0.7)
    shift = (torch.rand(rows, 2, device=device) * 2 - 1) * (1 - scale)[:, None]
    tilt = 0.06 * torch.randn(rows, 2, device=device)
    grid = torch.stack(
        [
            torch.stack([scale, tilt[:, 0] * scale, shift[:, 0]], dim=1),
            torch.stack([tilt[:, 1] * scale, scale, shift[:, 1]], dim=1),
        ],
        dim=1,
    )
    sampled = F.affine_grid(grid, list(images.shape), align_corners=False)
    warped = F.grid_sample(images, sampled, padding_mode="border", align_corners=False)
    if torch.rand(()) < 0.25:
        coarse = F.avg_pool2d(warped, 2)
        warped = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    noise = 0.2 * torch.rand(rows, 1, 1, 1, device=device).square()
    light = 1 + 0.06 * torch.randn(rows, 1, 1, 1, device=device)
    return warped * light + noise * torch.randn_like(warped)
